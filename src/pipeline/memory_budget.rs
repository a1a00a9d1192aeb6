//! A limit on the message bytes that are in memory at once.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::run_totals::Tally;

/// How many bytes may be held; shared by all readers.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    held: Mutex<u64>,
    freed: Condvar,
    tally: Arc<Tally>,
}

/// Bytes that are held until this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(limit: u64, tally: Arc<Tally>) -> Arc<Budget> {
        Arc::new(Budget { limit, held: Mutex::new(0), freed: Condvar::new(), tally })
    }

    pub(super) fn empty_permit(self: &Arc<Self>) -> Permit {
        Permit { budget: Arc::clone(self), bytes: 0 }
    }

    fn tell(&self, held: u64) {
        self.tally.figures.held_bytes.store(held, Ordering::Relaxed);
    }
}

impl Permit {
    /// Takes `bytes` more if they are free now. More than the whole limit is given to whoever is alone.
    pub(super) fn try_grow(&mut self, bytes: u64) -> bool {
        let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
        let free = *held + bytes <= self.budget.limit || *held == 0;
        if free {
            *held += bytes;
            self.bytes += bytes;
            self.budget.tell(*held);
        }
        free
    }

    /// Takes `bytes` more and waits until they are free. The caller holds nothing else, or all could wait for all.
    pub(super) fn grow(&mut self, bytes: u64) {
        assert_eq!(self.bytes, 0, "a permit that waits must be empty");
        let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
        while *held + bytes > self.budget.limit && *held > 0 {
            held = self.budget.freed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        *held += bytes;
        self.bytes = bytes;
        self.budget.tell(*held);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
            *held -= self.bytes;
            self.budget.tell(*held);
            drop(held);
            self.budget.freed.notify_all();
        }
    }
}
