//! A claimed batch on its way through the stages.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::Sender;

use crate::spool::Batch;

/// A batch and what is still open of it. Every message that the lister hands out is settled, given back, or left for a
/// later try; when none is open any more, the batch comes back to the coordinator.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) batch: Batch,
    /// The batch's id, for [`crate::warehouse::Delivery`].
    pub(super) id: Arc<str>,
    /// Messages handed out and not ended, and one more while the folder is being listed.
    open: AtomicU64,
    /// The listing, and entries that are handed out and not parsed: when none is left, a bulk batch is complete.
    unparsed: AtomicU64,
    /// It is delivered as a whole.
    bulk: AtomicBool,
    /// The warehouse may have it already, under its id: it must keep that id until that is known.
    perhaps_delivered: AtomicBool,
    /// Messages went back to `incoming`.
    gave_back: AtomicBool,
    /// The warehouse did not take some of its messages at the last try.
    table_failed: AtomicBool,
    /// Some messages stay for a later try, after this long.
    later: Mutex<Option<Duration>>,
    ended: Sender<Arc<Work>>,
}

impl Work {
    /// `taken_over`: from a dead worker, which may have delivered it.
    pub(super) fn new(batch: Batch, taken_over: bool, ended: Sender<Arc<Work>>) -> Arc<Work> {
        let id = Arc::from(batch.id());
        let bulk = batch.is_bulk();
        Arc::new(Work {
            batch,
            id,
            open: AtomicU64::new(0),
            unparsed: AtomicU64::new(0),
            bulk: AtomicBool::new(bulk),
            perhaps_delivered: AtomicBool::new(bulk && taken_over),
            gave_back: AtomicBool::new(false),
            table_failed: AtomicBool::new(false),
            later: Mutex::new(None),
            ended,
        })
    }

    /// `count` more things to parse and to end.
    pub(super) fn begin(&self, count: u64) {
        self.unparsed.fetch_add(count, Ordering::Relaxed);
        self.open.fetch_add(count, Ordering::Relaxed);
    }

    /// `count` things are parsed, their rows sent on. True: the batch's rows are complete.
    pub(super) fn parsed(&self, count: u64) -> bool {
        self.unparsed.fetch_sub(count, Ordering::AcqRel) == count
    }

    pub(super) fn is_bulk(&self) -> bool {
        self.bulk.load(Ordering::Acquire)
    }

    pub(super) fn is_perhaps_delivered(&self) -> bool {
        self.perhaps_delivered.load(Ordering::Acquire)
    }

    /// Before a bulk batch goes to the warehouse.
    pub(super) fn note_perhaps_delivered(&self) {
        self.perhaps_delivered.store(true, Ordering::Release);
    }

    /// From now on its messages are delivered as they are read.
    pub(super) fn give_up_bulk(&self) {
        self.bulk.store(false, Ordering::Release);
    }

    /// `count` things are ended; the last one sends the batch back.
    pub(super) fn end(self: &Arc<Self>, count: u64) {
        let before = self.open.fetch_sub(count, Ordering::AcqRel);
        assert!(before >= count, "a batch ended more messages than it began");
        if before == count {
            // The coordinator is gone only when the process ends.
            let _ = self.ended.send(Arc::clone(self));
        }
    }

    /// Messages stay in the folder; they are tried again after `delay` at the earliest.
    pub(super) fn leave_for_later(&self, delay: Duration) {
        let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        *later = Some(later.map_or(delay, |earlier| earlier.max(delay)));
    }

    /// The same, because the warehouse does not take them now. Until it does, no more of the dataset is claimed: the
    /// batches that a worker holds would grow without end.
    pub(super) fn leave_for_table(&self, delay: Duration) {
        self.table_failed.store(true, Ordering::Release);
        self.leave_for_later(delay);
    }

    pub(super) fn table_failed(&self) -> bool {
        self.table_failed.load(Ordering::Acquire)
    }

    /// Messages stay in the folder: in this pass the batch is not whole.
    pub(super) fn is_left_for_later(&self) -> bool {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// When to list the folder again, if messages stayed in it. Asking forgets it.
    pub(super) fn take_later(&self) -> Option<Duration> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn note_given_back(&self) {
        self.gave_back.store(true, Ordering::Relaxed);
    }

    pub(super) fn gave_back(&self) -> bool {
        self.gave_back.load(Ordering::Relaxed)
    }
}
