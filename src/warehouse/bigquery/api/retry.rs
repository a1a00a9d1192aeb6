//! How long work is tried, and who learns that it is being tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long one piece of work has been tried, and how long it waits before the next try.
pub(in crate::warehouse::bigquery) struct Patience {
    pub(in crate::warehouse::bigquery) until: Instant,
    /// Before the next try.
    pub(in crate::warehouse::bigquery) delay: Duration,
    /// What is in trouble while this waits.
    trouble: Option<Trouble>,
    is_in_trouble: bool,
}

/// How many pieces of work wait for another try of the same thing.
#[derive(Clone, Debug, Default)]
pub(in crate::warehouse::bigquery) struct Trouble(Arc<AtomicUsize>);

impl Trouble {
    pub(in crate::warehouse::bigquery) fn is_there(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Patience {
    pub(in crate::warehouse::bigquery) fn new(patience: Duration, first_delay: Duration) -> Patience {
        let until = Instant::now() + patience;
        Patience { until, delay: first_delay, trouble: None, is_in_trouble: false }
    }

    /// From its first wait to its end this is trouble of something that others use too.
    pub(in crate::warehouse::bigquery) fn about(mut self, trouble: Trouble) -> Patience {
        self.trouble = Some(trouble);
        self
    }

    /// It waits for another try.
    pub(in crate::warehouse::bigquery) fn note_trouble(&mut self) {
        if let Some(trouble) = self.trouble.as_ref().filter(|_| !self.is_in_trouble) {
            trouble.0.fetch_add(1, Ordering::AcqRel);
            self.is_in_trouble = true;
        }
    }

    fn end_trouble(&mut self) {
        if let Some(trouble) = self.trouble.as_ref().filter(|_| self.is_in_trouble) {
            trouble.0.fetch_sub(1, Ordering::AcqRel);
            self.is_in_trouble = false;
        }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        self.end_trouble();
    }
}
