//! The log lines about deliveries that fail and are tried again: one when it begins, not one for every try.

use crate::observe::{is_news_of, is_over};
use crate::warehouse::WarehouseError;

/// Logs a failed delivery, unless one of the same dataset has failed for the same reason since it last worked.
pub(super) fn log_failure(dataset: &str, error: &WarehouseError) {
    if !is_news_of(&delivery_of(dataset), &error.to_string()) {
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

/// Logs that the failures of a dataset's deliveries are over, if there were any.
pub(super) fn log_recovery(dataset: &str) {
    if let Some(over) = is_over(&delivery_of(dataset)) {
        let seconds = over.lasted.as_secs();
        tracing::info!(dataset, failed_tries = over.times, seconds, "rows wait no more");
    }
}

fn delivery_of(dataset: &str) -> String {
    format!("delivery of {dataset}")
}
