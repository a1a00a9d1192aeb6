//! What can be set about a run.

use std::time::Duration;

use crate::message::EncodeMode;
use crate::spool::Retention;

/// What can be set about a run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Deliver what is there, then end.
    pub once: bool,
    /// What happens to fields that the table has no column for.
    pub schema: EncodeMode,
    /// What happens to the files of delivered messages.
    pub keep: Retention,
    /// A larger message goes to `dead` and is not read.
    pub max_file_bytes: u64,
    /// The bytes of messages that may be in memory at once.
    pub in_flight_bytes: u64,
    /// About how many rows and messages go into one load.
    pub batch_rows: u64,
    /// How long a row may wait for others to be loaded with.
    pub flush_interval: Duration,
    /// How often the coordinator lists everything although no event came, and looks for dead workers.
    pub scan_interval: Duration,
    /// The most messages that are claimed by single renames. A folder with more is claimed whole.
    pub claim_files: u64,
    /// How long a file must have been left alone, where the system can't tell who is writing it.
    pub write_age: Duration,
    /// Threads that read messages.
    pub readers: usize,
    /// Threads that settle messages.
    pub settlers: usize,
    /// How long a stop may take before the worker gives back what is left as it is.
    pub stop_timeout: Duration,
}
