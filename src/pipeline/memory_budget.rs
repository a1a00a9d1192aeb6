//! The limit of the message bytes that are in memory at once.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};

use super::run_totals::Tally;
use crate::locks::Unpoisoned;

/// How many bytes may be held. All readers share it.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    limit: u64,
    held: Mutex<u64>,
    freed: Condvar,
    tally: Arc<Tally>,
}

/// Bytes that are held until this is dropped.
#[derive(Debug)]
pub(super) struct MemoryPermit {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

impl MemoryBudget {
    pub(super) fn new(limit: u64, tally: Arc<Tally>) -> Arc<MemoryBudget> {
        Arc::new(MemoryBudget { limit, held: Mutex::new(0), freed: Condvar::new(), tally })
    }

    pub(super) fn empty_permit(self: &Arc<Self>) -> MemoryPermit {
        MemoryPermit { budget: Arc::clone(self), bytes: 0 }
    }

    fn publish(&self, held: u64) {
        self.tally.figures.held_bytes.store(held, Ordering::Relaxed);
    }
}

impl MemoryPermit {
    /// Takes `bytes` more if they are free now. A message that is larger than the limit gets its memory when no other
    /// is held.
    pub(super) fn try_grow(&mut self, bytes: u64) -> bool {
        let mut held = self.budget.held.lock().unpoisoned();
        let free = *held + bytes <= self.budget.limit || *held == 0;
        if free {
            *held += bytes;
            self.bytes += bytes;
            self.budget.publish(*held);
        }
        free
    }

    /// Waits until `bytes` are free and takes them. The permit must be empty, or all readers could wait for one
    /// another.
    pub(super) fn grow(&mut self, bytes: u64) {
        assert_eq!(self.bytes, 0, "a permit that waits must be empty");
        let mut held = self.budget.held.lock().unpoisoned();
        while *held + bytes > self.budget.limit && *held > 0 {
            held = self.budget.freed.wait(held).unpoisoned();
        }
        *held += bytes;
        self.bytes = bytes;
        self.budget.publish(*held);
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        if self.bytes > 0 {
            let mut held = self.budget.held.lock().unpoisoned();
            *held -= self.bytes;
            self.budget.publish(*held);
            drop(held);
            self.budget.freed.notify_all();
        }
    }
}
