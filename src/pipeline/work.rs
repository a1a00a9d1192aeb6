//! A claimed batch on its way through the stages.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;

use super::settle::Ending;
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
    /// It was so once, or a message could not be settled.
    failed: AtomicBool,
    /// What became of messages whose files could not be settled: only that is tried again.
    unsettled: Mutex<HashMap<OsString, Ending>>,
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
            failed: AtomicBool::new(false),
            unsettled: Mutex::default(),
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

    /// It was to be delivered as a whole, and is no more.
    pub(super) fn gave_up_bulk(&self) -> bool {
        self.batch.is_bulk() && !self.is_bulk()
    }

    /// One more thing to end: while it is open, the batch does not come back.
    pub(super) fn hold(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Nothing of it is open in the stages.
    pub(super) fn is_ended(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
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
        self.failed.store(true, Ordering::Release);
        self.leave_for_later(delay);
    }

    /// The warehouse takes rows of it.
    pub(super) fn note_taken(&self) {
        self.table_failed.store(false, Ordering::Release);
    }

    pub(super) fn table_failed(&self) -> bool {
        self.table_failed.load(Ordering::Acquire)
    }

    /// Some of its messages had to wait for their table, or for their files.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Messages stay in the folder: in this pass the batch is not whole.
    pub(super) fn is_left_for_later(&self) -> bool {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// A message is delivered, or dead, and its file could not be settled.
    pub(super) fn keep_unsettled(&self, name: OsString, ending: Ending, delay: Duration) {
        self.unsettled().insert(name, ending);
        self.failed.store(true, Ordering::Release);
        self.leave_for_later(delay);
    }

    /// What became of a message, where only its file is left to settle.
    pub(super) fn take_unsettled(&self, name: &OsStr) -> Option<Ending> {
        if self.has_failed() { self.unsettled().remove(name) } else { None }
    }

    pub(super) fn has_unsettled(&self) -> bool {
        self.has_failed() && !self.unsettled().is_empty()
    }

    fn unsettled(&self) -> MutexGuard<'_, HashMap<OsString, Ending>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
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
