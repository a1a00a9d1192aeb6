//! The batches that a worker holds: in the stages, or waiting for another pass through them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::folder_dataset::is_of_one_table;
use super::run_context::RunContext;
use super::work::{Ticket, Work};
use crate::catalog;
use crate::keeper::log_spool_failure;
use crate::spool::Batch;

/// The most batches that a worker holds. Each has a folder open.
const BATCHES_MAX: usize = 200;

/// The most batches of one folder that wait although the warehouse has their rows, or because one of their several
/// tables fails. With more of them, the coordinator claims nothing more from the folder.
const FAILED_MAX: usize = 4;

/// While the stages end, how often the coordinator looks which have.
const STAGES_CHECK: Duration = Duration::from_millis(5);

/// The batches that a worker holds.
pub(super) struct Batches {
    run: Arc<RunContext>,
    /// The way into the stages. `None` when stopping: the stages end when they have done what they hold.
    stages: Option<Sender<Ticket>>,
    /// Batches whose pass is over.
    ended: Receiver<Arc<Work>>,
    ended_sender: Sender<Arc<Work>>,
    /// Batches in the stages, by id.
    under_way: HashMap<Arc<str>, Arc<Work>>,
    /// Batches that wait for another pass, and until when.
    waiting: Vec<(Instant, Arc<Work>)>,
}

impl Batches {
    /// `stages`: where claimed batches go.
    pub(super) fn new(run: &Arc<RunContext>, stages: Sender<Ticket>) -> Batches {
        let (ended_sender, ended) = unbounded();
        Batches {
            run: Arc::clone(run),
            stages: Some(stages),
            ended,
            ended_sender,
            under_way: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    /// Sends a new batch into the stages. `taken_over`: from a dead worker, which may have delivered it.
    pub(super) fn add(&mut self, batch: Batch, taken_over: bool) {
        self.send(Work::new(batch, taken_over));
    }

    /// Whether the worker may hold one more batch.
    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() + self.waiting.len() < BATCHES_MAX
    }

    /// Whether the stages may hold one more batch.
    pub(super) fn stages_have_room(&self) -> bool {
        self.under_way.len() < BATCHES_MAX
    }

    pub(super) fn none_under_way(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn none_waiting(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Messages in the batches that wait.
    pub(super) fn waiting_messages(&self) -> u64 {
        let counts = self.waiting.iter().filter_map(|(_, work)| Some(work.batch.entries().ok()?.count()));
        counts.sum::<usize>() as u64
    }

    /// When the first of the waiting batches is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.iter().map(|(due, _)| *due).min()
    }

    /// Sends the waiting batches that are due through the stages again.
    pub(super) fn send_due(&mut self) {
        let now = Instant::now();
        let (due, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|(due, _)| *due <= now);
        self.waiting = waiting;
        for (_, work) in due {
            self.send(work);
        }
    }

    /// Receives a batch whenever its pass is over; [`Self::take_back`] takes it.
    pub(super) fn ended(&self) -> &Receiver<Arc<Work>> {
        &self.ended
    }

    /// Removes a batch whose pass is over, or keeps it for another pass if messages are left in it. False: messages
    /// wait for another try.
    pub(super) fn take_back(&mut self, work: Arc<Work>) -> bool {
        self.under_way.remove(&work.id);
        if let Some(delay) = work.take_retry_after() {
            self.waiting.push((Instant::now() + delay, renamed_if_streamed(work)));
            return false;
        }
        match work.batch.remove_if_empty() {
            // What kept messages of the dataset waiting may be over without a delivery that would tell.
            Ok(true) if work.has_failed() && !self.holds_failed(work.batch.label()) => {
                self.run.tables.unpark(&catalog::dataset_name(work.batch.label()));
            }
            Ok(true) => {}
            // The client was creating a file when its folder was swapped.
            Ok(false) => self.send(work),
            Err(error) => {
                log_spool_failure(&error);
                self.waiting.push((Instant::now() + self.run.settings.scan_interval, work));
            }
        }
        true
    }

    /// Whether the worker holds so many batches of this folder that the warehouse did not take, or whose files can't be
    /// settled, that it may claim no more of them.
    pub(super) fn holds_failed(&self, label: &str) -> bool {
        let (mut failed, mut unsettled) = (0, 0);
        let waiting = self.waiting.iter().map(|(_, work)| work);
        for work in waiting.chain(self.under_way.values()).filter(|work| work.batch.label() == label) {
            failed += usize::from(work.table_failed());
            unsettled += usize::from(work.has_unsettled());
        }
        unsettled >= FAILED_MAX || failed >= if is_of_one_table(label) { 1 } else { FAILED_MAX }
    }

    /// Lets the stages finish what they hold until `deadline`. True: all of them have ended.
    pub(super) fn close(&mut self, threads: Vec<JoinHandle<()>>, deadline: Instant) -> bool {
        self.stages = None;
        let mut all_ended = true;
        for thread in threads {
            while !thread.is_finished() && Instant::now() < deadline {
                if let Ok(work) = self.ended.recv_timeout(STAGES_CHECK) {
                    self.keep_if_left(work);
                }
            }
            if !thread.is_finished() {
                all_ended = false;
            } else if thread.join().is_err() {
                tracing::error!("a stage panicked; its messages are given back");
            }
        }
        while let Ok(work) = self.ended.try_recv() {
            self.keep_if_left(work);
        }
        all_ended
    }

    /// Puts every message that is left back into `incoming`. `is_in_use`: stages are still at work.
    pub(super) fn give_back(&mut self, is_in_use: bool) {
        let under_way = self.under_way.drain().map(|(_, work)| work);
        for work in under_way.chain(self.waiting.drain(..).map(|(_, work)| work)) {
            let batch = &work.batch;
            if work.is_perhaps_delivered() {
                tracing::warn!(
                    batch = batch.id(),
                    "a batch is perhaps delivered: it stays claimed, and the next worker asks the warehouse"
                );
                continue;
            }
            match batch.give_back_all(&self.run.layout, is_in_use) {
                Ok(0) => tracing::debug!(batch = batch.id(), "gave a batch back"),
                Ok(stuck) => tracing::warn!(
                    batch = batch.id(),
                    files = stuck,
                    "names are taken in incoming: these stay claimed for the next worker"
                ),
                Err(error) => log_spool_failure(&error),
            }
        }
    }

    fn send(&mut self, work: Arc<Work>) {
        if let Some(stages) = &self.stages {
            self.under_way.insert(Arc::clone(&work.id), Arc::clone(&work));
            self.run.upstream.fetch_add(1, Ordering::AcqRel);
            // The lister lives until this sender is dropped.
            let _ = stages.send(Ticket::new(work, self.ended_sender.clone()));
        }
    }

    fn keep_if_left(&mut self, work: Arc<Work>) {
        self.under_way.remove(&work.id);
        if !work.batch.remove_if_empty().unwrap_or(false) {
            self.waiting.push((Instant::now(), work));
        }
    }
}

/// A batch that is no longer delivered as a whole gets an id that says so, for the worker that may take it over.
fn renamed_if_streamed(work: Arc<Work>) -> Arc<Work> {
    if !work.must_be_renamed() {
        return work;
    }
    match work.batch.as_ordinary() {
        Ok(batch) => Work::new(batch, false),
        Err(error) => {
            log_spool_failure(&error);
            work
        }
    }
}
