//! What the BigQuery warehouse counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts since the warehouse was opened.
#[derive(Debug, Default)]
pub struct Metrics {
    /// HTTP requests to the API, each try counted.
    pub requests: AtomicU64,
    /// Requests that were made again.
    pub retries: AtomicU64,
    /// Milliseconds waited between tries.
    pub wait_ms: AtomicU64,
    /// Milliseconds waited for the limit of requests per second.
    pub pace_wait_ms: AtomicU64,
    /// Rows in `insertAll` requests, each try counted.
    pub rows_sent: AtomicU64,
    /// Rows that streaming took.
    pub rows_streamed: AtomicU64,
    /// Rows that load jobs took.
    pub rows_loaded: AtomicU64,
    /// Rows of which a value went to `rescued` because BigQuery refused it.
    pub rows_rescued: AtomicU64,
    /// Rows refused for good.
    pub rows_refused: AtomicU64,
    /// Load jobs made.
    pub load_jobs: AtomicU64,
    /// Tokens fetched.
    pub tokens: AtomicU64,
    reasons: Mutex<BTreeMap<String, u64>>,
}

impl Metrics {
    pub(super) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn reason(&self, reason: &str) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        match reasons.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(reasons.insert(reason.to_owned(), 1)),
        }
    }

    /// How often each reason was given for a request, a row or a job that did not succeed.
    pub fn reasons(&self) -> Vec<(String, u64)> {
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.iter().map(|(reason, count)| (reason.clone(), *count)).collect()
    }
}
