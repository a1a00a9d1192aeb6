//! How long streaming has not noticed a new table or column.
//!
//! BigQuery's streaming learns of a new table or column some minutes after it was created. Until then it refuses rows
//! for it, although `tables.get` shows it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::locks::Unpoisoned;

/// Streaming notices a new table or column within minutes. After this time something is wrong.
const LAG_MAX: Duration = Duration::from_secs(10 * 60);
/// The longest pause before irispool tries such a table again.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// A refusal so long after the last one begins a new lag: nobody has looked whether the first one ended.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3 * 60);

/// The tables that streaming lags behind, by dataset.
pub(super) struct StreamingLags {
    by_dataset: Mutex<HashMap<String, StreamingLag>>,
    /// The pause before the first retry. It doubles with each.
    retry_first: Duration,
}

struct StreamingLag {
    since: Instant,
    last: Instant,
    retry: Duration,
}

impl StreamingLags {
    pub(super) fn new(retry_first: Duration) -> StreamingLags {
        StreamingLags { by_dataset: Mutex::default(), retry_first }
    }

    /// Notes that streaming does not know the table or a column of it, although it exists. Returns how long to wait
    /// before the next try; `None` if streaming has not known it for too long.
    pub(super) fn note(&self, dataset: &str) -> Option<Duration> {
        let mut lags = self.by_dataset.lock().unpoisoned();
        let now = Instant::now();
        let new = StreamingLag { since: now, last: now, retry: self.retry_first };
        let lag = match lags.get_mut(dataset) {
            Some(lag) if now.saturating_duration_since(lag.last) < FORGOTTEN_AFTER => lag,
            _ => lags.entry(dataset.to_owned()).insert_entry(new).into_mut(),
        };
        lag.last = now;
        let retry = lag.retry;
        lag.retry = (retry * 2).min(RETRY_MAX);
        (now.saturating_duration_since(lag.since) < LAG_MAX).then_some(retry)
    }

    /// Notes that streaming took rows of this table.
    pub(super) fn end(&self, dataset: &str) {
        let mut lags = self.by_dataset.lock().unpoisoned();
        if !lags.is_empty() {
            lags.remove(dataset);
        }
    }
}
