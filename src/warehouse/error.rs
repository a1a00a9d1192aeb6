//! Why a warehouse did not do what it was asked to do.

use std::time::Duration;

/// The reason that an error gives if the warehouse is a file, and its disk is full.
pub const DISK_FULL: &str = "the disk is full";

/// Why a warehouse did not do what it was asked to do. If it was a delivery, its files stay, and the pipeline repeats
/// it with the same ids until it succeeds.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WarehouseError {
    /// It will pass: the warehouse is busy, its disk is full, there is no network. Try again after `after`.
    #[error("{why}")]
    Later {
        /// What is wrong, in one sentence.
        why: String,
        /// How long to wait.
        after: Duration,
    },
    /// A person is needed: a right is missing, a table or a dataset is missing, a file is not a database.
    #[error("{why}")]
    Setup {
        /// What is wrong, in one sentence.
        why: String,
        /// What to do about it.
        hint: String,
    },
}
