//! Settles a message whose rows are in the warehouse.

use std::ffi::OsStr;
use std::fs;

use super::{Batch, Layout, SpoolError};

/// What happens to delivered messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// They are deleted.
    None,
    /// They go to `done/<DATASET>/`.
    Done,
    /// They go to `done/<DATASET>/` too, and a packer moves them from there into the archive.
    Archive,
}

/// Deletes or keeps a delivered message. The caller promises that the warehouse has its rows durably.
pub fn settle_delivered(
    layout: &Layout,
    batch: &Batch,
    name: &OsStr,
    keep: Retention,
) -> Result<(), SpoolError> {
    match keep {
        Retention::None => batch.remove(name),
        Retention::Done => {
            let folder = layout.done().join(batch.label());
            fs::create_dir_all(&folder).map_err(|error| SpoolError::io("make the folder", &folder, error))?;
            batch.move_to(name, &folder).map(|_| ())
        }
        Retention::Archive => batch.move_to_one_of(name, |number| {
            layout.done().join(super::archive::done_folder(batch.label(), number))
        }),
    }
}
