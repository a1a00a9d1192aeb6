//! What becomes of a message.

use crate::spool::DeadLetter;

/// What became of a message, and so what the settler must do with its file.
#[derive(Debug)]
pub(super) enum Ending {
    /// Its rows are in the warehouse.
    Delivered { rows: u64, rescued: u64, bytes: u64 },
    /// The warehouse had it before, with the same content.
    AlreadyLoaded { bytes: u64 },
    /// The warehouse has content under its name that was written later.
    Superseded { bytes: u64 },
    /// Nothing of it can be delivered.
    Dead(DeadLetter),
    /// `rows` of it are delivered, and `dead_rows` can't be.
    PartlyDead { letter: DeadLetter, rows: u64, rescued: u64, dead_rows: u64 },
}

impl Ending {
    /// Whether the warehouse has everything that is in the message.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Ending::Delivered { .. } | Ending::AlreadyLoaded { .. })
    }

    /// The letter of a message that goes to `dead`.
    pub(super) fn letter(&self) -> Option<&DeadLetter> {
        match self {
            Ending::Dead(letter) | Ending::PartlyDead { letter, .. } => Some(letter),
            Ending::Delivered { .. } | Ending::AlreadyLoaded { .. } | Ending::Superseded { .. } => None,
        }
    }
}
