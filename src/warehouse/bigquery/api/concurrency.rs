//! A limit of requests under way at once.

use std::sync::{Condvar, Mutex};

use crate::locks::Unpoisoned;

/// Lets at most a fixed number of requests be under way at once.
pub(super) struct ConcurrencyLimit {
    free: Mutex<usize>,
    changed: Condvar,
}

impl ConcurrencyLimit {
    pub(super) fn new(max: usize) -> ConcurrencyLimit {
        ConcurrencyLimit { free: Mutex::new(max.max(1)), changed: Condvar::new() }
    }

    /// Waits until a request may go out. The request counts as under way until the permit is dropped.
    pub(super) fn enter(&self) -> ConcurrencyPermit<'_> {
        let mut free = self.changed.wait_while(self.free.lock().unpoisoned(), |free| *free == 0).unpoisoned();
        *free -= 1;
        ConcurrencyPermit(self)
    }
}

/// The right to have one request under way.
pub(super) struct ConcurrencyPermit<'a>(&'a ConcurrencyLimit);

impl Drop for ConcurrencyPermit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unpoisoned() += 1;
        self.0.changed.notify_one();
    }
}
