//! A claimed batch on its way through the stages.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use crossbeam_channel::Sender;

use super::ending::Ending;
use crate::locks::Unpoisoned;
use crate::spool::Batch;

/// How the rows of a batch get into the warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A reader sends the rows on as it reads them, and `deliver` loads them with those of other batches.
    Streamed,
    /// `gather` collects the rows of all messages, and `finish` delivers them in one step under the batch's id.
    Whole {
        /// The warehouse may have the batch already. Until it has said whether, the batch keeps its id and its
        /// messages.
        perhaps_delivered: bool,
    },
}

/// A claimed batch, its route, and what must happen to it after the stages have done what they could.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) batch: Batch,
    /// The batch's id, for [`crate::warehouse::Delivery`].
    pub(super) id: Arc<str>,
    route: Mutex<Route>,
    setbacks: Mutex<Setbacks>,
}

/// What kept messages of a batch from being settled.
#[derive(Debug, Default)]
struct Setbacks {
    /// Messages stay in the folder; the batch goes through the stages again after this long.
    retry_after: Option<Duration>,
    /// The warehouse did not take rows of the batch at the last try.
    table_failed: bool,
    /// Messages had to wait for their table or for their files, now or in an earlier pass.
    has_failed: bool,
    /// Messages went back to `incoming`.
    gave_back: bool,
    /// Messages that are delivered or dead, but whose files could not be settled: only that is tried again.
    unsettled: HashMap<OsString, Ending>,
}

impl Work {
    /// `taken_over`: from a dead worker, which may have delivered the batch.
    pub(super) fn new(batch: Batch, taken_over: bool) -> Arc<Work> {
        let route = match batch.is_bulk() {
            true => Route::Whole { perhaps_delivered: taken_over },
            false => Route::Streamed,
        };
        let id = Arc::from(batch.id());
        Arc::new(Work { batch, id, route: Mutex::new(route), setbacks: Mutex::default() })
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(*self.route(), Route::Whole { .. })
    }

    pub(super) fn is_perhaps_delivered(&self) -> bool {
        *self.route() == Route::Whole { perhaps_delivered: true }
    }

    /// To be called before the batch goes to the warehouse as a whole.
    pub(super) fn note_perhaps_delivered(&self) {
        *self.route() = Route::Whole { perhaps_delivered: true };
    }

    /// The warehouse does not take the batch as a whole and has nothing of it.
    pub(super) fn stream_from_now_on(&self) {
        *self.route() = Route::Streamed;
    }

    /// Whether the batch is streamed although its id says that it is delivered as a whole.
    pub(super) fn must_be_renamed(&self) -> bool {
        self.batch.is_bulk() && !self.is_whole()
    }

    /// Messages stay in the folder. They are tried again after `delay` at the earliest.
    pub(super) fn leave_for_later(&self, delay: Duration) {
        self.setbacks().leave_for_later(delay);
    }

    /// Messages stay in the folder because the warehouse does not take their rows now. Until it does, the coordinator
    /// claims no more of the dataset. Otherwise the worker would hold more and more batches.
    pub(super) fn leave_for_table(&self, delay: Duration) {
        let mut setbacks = self.setbacks();
        setbacks.table_failed = true;
        setbacks.has_failed = true;
        setbacks.leave_for_later(delay);
    }

    /// A message is delivered or dead, and its file could not be settled.
    pub(super) fn keep_unsettled(&self, name: OsString, ending: Ending, delay: Duration) {
        let mut setbacks = self.setbacks();
        setbacks.unsettled.insert(name, ending);
        setbacks.has_failed = true;
        setbacks.leave_for_later(delay);
    }

    /// What became of a message of which only the file must still be settled.
    pub(super) fn take_unsettled(&self, name: &OsStr) -> Option<Ending> {
        self.setbacks().unsettled.remove(name)
    }

    pub(super) fn has_unsettled(&self) -> bool {
        !self.setbacks().unsettled.is_empty()
    }

    /// The warehouse has taken rows of the batch.
    pub(super) fn note_table_works(&self) {
        self.setbacks().table_failed = false;
    }

    pub(super) fn table_failed(&self) -> bool {
        self.setbacks().table_failed
    }

    /// Whether messages had to wait for their table or for their files, now or in an earlier pass.
    pub(super) fn has_failed(&self) -> bool {
        self.setbacks().has_failed
    }

    /// Whether messages stay in the folder, so that the batch is not whole in this pass.
    pub(super) fn is_left_for_later(&self) -> bool {
        self.setbacks().retry_after.is_some()
    }

    /// How long to wait before the next pass. `None`: no message was left for one. Asking resets it.
    pub(super) fn take_retry_after(&self) -> Option<Duration> {
        self.setbacks().retry_after.take()
    }

    pub(super) fn note_given_back(&self) {
        self.setbacks().gave_back = true;
    }

    pub(super) fn gave_back(&self) -> bool {
        self.setbacks().gave_back
    }

    fn route(&self) -> MutexGuard<'_, Route> {
        self.route.lock().unpoisoned()
    }

    fn setbacks(&self) -> MutexGuard<'_, Setbacks> {
        self.setbacks.lock().unpoisoned()
    }
}

impl Setbacks {
    /// Of several delays, the longest counts.
    fn leave_for_later(&mut self, delay: Duration) {
        self.retry_after = Some(self.retry_after.map_or(delay, |earlier| earlier.max(delay)));
    }
}

/// Keeps a batch in the stages. Whatever holds messages of a batch, such as a listing, a parcel or a settle task, holds
/// a ticket of it too. When the last ticket is dropped, the batch goes back to the coordinator.
///
/// It goes back once for each pass: a new ticket is a clone of another one, except the first, which the coordinator
/// makes.
#[derive(Clone, Debug)]
pub(super) struct Ticket(Arc<Pass>);

/// One pass of a batch through the stages.
#[derive(Debug)]
struct Pass {
    work: Arc<Work>,
    ended: Sender<Arc<Work>>,
}

impl Ticket {
    /// The first ticket of a pass. `ended`: where the batch goes when the pass is over.
    pub(super) fn new(work: Arc<Work>, ended: Sender<Arc<Work>>) -> Ticket {
        Ticket(Arc::new(Pass { work, ended }))
    }

    pub(super) fn pass(&self) -> PassWatch {
        PassWatch(Arc::downgrade(&self.0))
    }
}

impl Deref for Ticket {
    type Target = Work;

    fn deref(&self) -> &Work {
        &self.0.work
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // The channel has no limit, so no stage waits here. The coordinator is gone only when the process ends.
        let _ = self.ended.send(Arc::clone(&self.work));
    }
}

/// Tells whether a pass is over, and does not prolong it.
#[derive(Debug)]
pub(super) struct PassWatch(Weak<Pass>);

impl PassWatch {
    pub(super) fn is_over(&self) -> bool {
        self.0.strong_count() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use crossbeam_channel::unbounded;

    use super::*;
    use crate::spool::{Claimer, Layout, Worker};

    #[test]
    fn a_batch_goes_back_once_for_each_pass_when_its_last_ticket_is_dropped() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::open(root.path()).unwrap();
        std::fs::create_dir_all(layout.incoming().join("FREQ")).unwrap();
        std::fs::write(layout.incoming().join("FREQ/a.json"), "[]").unwrap();
        let worker = Arc::new(Worker::register(&layout).unwrap());
        let mut claimer = Claimer::new(layout, worker, 10, Duration::ZERO);
        let work = Work::new(claimer.claim(OsStr::new("FREQ"), |_| None).unwrap().batch.unwrap(), false);
        let (ended_sender, ended) = unbounded();
        for _ in 0..2 {
            let first = Ticket::new(Arc::clone(&work), ended_sender.clone());
            let pass = first.pass();
            let others: Vec<Ticket> = (0..8).map(|_| first.clone()).collect();
            thread::scope(|scope| {
                for ticket in others {
                    scope.spawn(move || drop(ticket));
                }
            });
            assert!(!pass.is_over() && ended.is_empty(), "one ticket is left");
            drop(first);
            assert!(pass.is_over());
            assert_eq!(ended.try_iter().count(), 1);
        }
    }
}
