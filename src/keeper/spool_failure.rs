//! The log line about a fault of the spool.

use std::io;

use crate::observe::is_news;
use crate::spool::SpoolError;

/// Logs a fault of the spool when it is new, and not again while it lasts. When the disk is full, each of many files
/// has the same fault, so one line stands for all of them.
pub(crate) fn log_spool_failure(error: &SpoolError) {
    let fault = match error {
        SpoolError::Io { action, source, .. } if source.kind() == io::ErrorKind::StorageFull => {
            format!("cannot {action}: {source}")
        }
        other => other.to_string(),
    };
    if is_news(&fault) {
        tracing::error!(%error, hint = error.hint(), "the spool is in trouble");
    }
}
