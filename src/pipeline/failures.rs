//! What is said in the log of things that fail and are tried again: once, not at every try.

use crate::observe::is_news;
use crate::spool::SpoolError;
use crate::warehouse::WarehouseError;

/// One log line for a delivery that failed, unless the same was said a moment ago.
pub(super) fn log_failure(dataset: &str, error: &WarehouseError) {
    if !is_news(&format!("{dataset}: {error}")) {
        return;
    }
    match error {
        WarehouseError::Later { why, after } => {
            tracing::warn!(
                dataset,
                why,
                delay_ms = after.as_millis() as u64,
                "rows wait: the warehouse is not ready"
            );
        }
        WarehouseError::Setup { why, hint } => {
            tracing::error!(dataset, why, hint, "rows wait: the warehouse needs a person");
        }
    }
}

/// Logs a fault of the spool, unless it was said a moment ago.
pub(super) fn log_spool_failure(error: &SpoolError) {
    if is_news(&error.to_string()) {
        tracing::error!(%error, hint = error.hint(), "the spool is in trouble");
    }
}
