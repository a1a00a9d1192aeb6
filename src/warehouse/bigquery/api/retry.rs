//! How long a piece of work is retried, and how many pieces of work wait for a retry.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The time that one piece of work has for all its tries, and the pause before the next one.
pub(crate) struct RetryBudget {
    /// No try begins after this.
    pub(super) until: Instant,
    /// The pause before the next try. It doubles with each.
    pub(super) delay: Duration,
    /// Counts this work while it is being retried.
    counted_by: Option<RetryCount>,
    is_counted: bool,
}

/// How many pieces of work for the same table are being retried.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetryCount(Arc<AtomicUsize>);

impl RetryCount {
    /// Whether any work is being retried.
    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl RetryBudget {
    /// The time for all tries together, and the pause before the second one.
    pub(super) fn new(time: Duration, first_delay: Duration) -> RetryBudget {
        let until = Instant::now() + time;
        RetryBudget { until, delay: first_delay, counted_by: None, is_counted: false }
    }

    /// Counts this work in `count` from its first wait until it ends.
    pub(crate) fn counted_by(mut self, count: RetryCount) -> RetryBudget {
        self.counted_by = Some(count);
        self
    }

    /// The work waits for another try.
    pub(super) fn note_wait(&mut self) {
        if let Some(count) = self.counted_by.as_ref().filter(|_| !self.is_counted) {
            count.0.fetch_add(1, Ordering::AcqRel);
            self.is_counted = true;
        }
    }
}

impl Drop for RetryBudget {
    fn drop(&mut self) {
        if let Some(count) = self.counted_by.as_ref().filter(|_| self.is_counted) {
            count.0.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
