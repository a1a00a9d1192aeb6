//! The coordinator: finds what is ready, claims it, sends it on its way, and sees every batch to its end.

mod finish;
mod round;

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select, unbounded};

use self::round::Round;
use super::run::{Ended, PipelineError};
use super::run_totals::Tally;
use super::work::Work;
use super::{Settings, Shared};
use crate::catalog;
use crate::keeper::log_spool_failure;
use crate::spool::{Claimer, Watch, Worker, ready_messages, take_over_dead_workers, workers_on};
use crate::warehouse::Warehouse;

/// Rounds of claiming follow each other no faster than this, so that a steady stream makes batches, not single files.
const ROUND_INTERVAL: Duration = Duration::from_millis(25);

/// While there is nothing to do, it is told so often that the worker is there.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);

/// After a round that met another worker's lock or a file being written, the next one comes after this at the latest.
const RECHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Claimed batches at once; each has a folder open.
const BATCHES_MAX: usize = 200;

/// Batches of one dataset that are held although the warehouse has their rows, or whose messages are of several tables
/// of which one fails; with more of them nothing more of the dataset is claimed.
const HELD_MAX: usize = 4;

/// `--once` gives up on messages that the warehouse does not take after so long without any progress.
const ONCE_PATIENCE: Duration = Duration::from_secs(60);

/// `--once` waits for files that are being written as long as their age may take to tell that they are not, and this.
const ARRIVING_EXTRA: Duration = Duration::from_secs(1);

pub(super) struct Coordinator {
    shared: Arc<Shared>,
    worker: Arc<Worker>,
    warehouse: Arc<dyn Warehouse>,
    claimer: Claimer,
    watch: Watch,
    /// None when stopping: the stages end when they have done what they hold.
    works: Option<Sender<Arc<Work>>>,
    ended: Receiver<Arc<Work>>,
    ended_sender: Sender<Arc<Work>>,
    /// Batches in the stages, by id.
    underway: HashMap<Arc<str>, Arc<Work>>,
    /// Batches whose messages are to be tried again, and when.
    waiting: Vec<(Instant, Arc<Work>)>,
    next_full_scan: Instant,
    last_progress: Instant,
    /// Messages settled when that was looked at last.
    settled: u64,
    /// Where a round of claiming broke off for want of room: the next one begins there.
    resume_at: Option<OsString>,
}

impl Coordinator {
    /// `works`: where claimed batches go.
    pub(super) fn new(
        shared: &Arc<Shared>,
        worker: &Arc<Worker>,
        warehouse: Arc<dyn Warehouse>,
        works: Sender<Arc<Work>>,
    ) -> Coordinator {
        let (ended_sender, ended) = unbounded();
        let Settings { claim_files, write_age, .. } = shared.settings;
        Coordinator {
            shared: Arc::clone(shared),
            worker: Arc::clone(worker),
            warehouse,
            claimer: Claimer::new(shared.layout.clone(), Arc::clone(worker), claim_files, write_age),
            watch: Watch::start(shared.layout.temporary_names().clone()),
            works: Some(works),
            ended,
            ended_sender,
            underway: HashMap::new(),
            waiting: Vec::new(),
            next_full_scan: Instant::now(),
            last_progress: Instant::now(),
            settled: 0,
            resume_at: None,
        }
    }

    /// Claims and sends on until it is told to stop or, with `once`, nothing is left to do.
    pub(super) fn work(&mut self) -> Result<Ended, PipelineError> {
        let settings = self.shared.settings.clone();
        let mut first_round = true;
        loop {
            if self.shared.stop.requested() {
                return Ok(Ended::default());
            }
            self.shared.tally.figures.turned();
            self.take_ended();
            self.send_due();
            let totals = self.shared.tally.totals();
            if totals.delivered + totals.dead != self.settled {
                self.settled = totals.delivered + totals.dead;
                self.last_progress = Instant::now();
            }
            if Instant::now() >= self.next_full_scan {
                self.next_full_scan = Instant::now() + settings.scan_interval;
                self.take_over();
            }
            let round_started = Instant::now();
            let dead_is_full = self.shared.tally.figures.keeper.dead.is_full();
            let round = if dead_is_full {
                // What is claimed is finished; nothing more is taken until a person has made room.
                Round::default()
            } else if self.underway.len() + self.waiting.len() < BATCHES_MAX {
                match self.claim_round() {
                    Ok(round) => round,
                    // At the start it is a fault of the set-up; later it may pass.
                    Err(error) if first_round => return Err(error.into()),
                    Err(error) => {
                        log_spool_failure(&error);
                        Round { failed: 1, ..Round::default() }
                    }
                }
            } else {
                Round::default()
            };
            first_round = false;
            if settings.once && !round.claimed && !round.again && self.underway.is_empty() {
                // A file that is being written is not there yet. Where its age must tell, that much is waited for.
                let is_arriving =
                    round.being_written && self.last_progress.elapsed() < settings.write_age + ARRIVING_EXTRA;
                let not_claimed = || if dead_is_full { ready_messages(&self.shared.layout) } else { 0 };
                if self.waiting.is_empty() && !round.locked && !is_arriving {
                    return Ok(Ended { left: round.unreadable + round.failed + not_claimed() });
                }
                if self.last_progress.elapsed() > ONCE_PATIENCE {
                    let left: usize = self
                        .waiting
                        .iter()
                        .filter_map(|(_, work)| Some(work.batch.entries().ok()?.count()))
                        .sum();
                    let ready = ready_messages(&self.shared.layout);
                    return Ok(Ended { left: ready.max(round.unreadable) + round.failed + left as u64 });
                }
            }
            self.wait(&round, round_started);
        }
    }

    /// Waits for an event, a batch that comes back, a timer or the stop.
    fn wait(&mut self, round: &Round, round_started: Instant) {
        if round.again && self.underway.len() < BATCHES_MAX {
            return;
        }
        let mut until = self.next_full_scan;
        if round.locked || round.being_written {
            until = until.min(Instant::now() + RECHECK_INTERVAL);
        }
        if let Some(wait) = round.wait {
            until = until.min(Instant::now() + wait);
        }
        if let Some(due) = self.waiting.iter().map(|(due, _)| *due).min() {
            until = until.min(due);
        }
        loop {
            // Whoever watches this worker learns that it waits and does not hang.
            self.shared.tally.figures.turned();
            let timer = crossbeam_channel::at(until.min(Instant::now() + BEAT_INTERVAL));
            select! {
                recv(self.watch.wake()) -> _ => {
                    // Events come in swarms: let a few more files arrive, then claim them together.
                    let earliest = round_started + ROUND_INTERVAL;
                    let pause = earliest.saturating_duration_since(Instant::now());
                    let _ = self.shared.stop.channel().recv_timeout(pause);
                    return;
                }
                recv(self.ended) -> work => {
                    if let Ok(work) = work {
                        self.batch_ended(work);
                    }
                    return;
                }
                recv(self.shared.stop.channel()) -> _ => return,
                recv(timer) -> _ => {
                    if Instant::now() >= until {
                        return;
                    }
                }
            }
        }
    }

    fn send(&mut self, work: Arc<Work>) {
        if let Some(works) = &self.works {
            self.underway.insert(Arc::clone(&work.id), Arc::clone(&work));
            self.shared.upstream.fetch_add(1, Ordering::AcqRel);
            // The lister lives until this sender is dropped.
            let _ = works.send(work);
        }
    }

    fn take_over(&mut self) {
        match take_over_dead_workers(&self.shared.layout, &self.worker) {
            Ok(batches) => {
                for batch in batches {
                    tracing::warn!(
                        batch = batch.id(),
                        folder = batch.label(),
                        "took over a dead worker's batch"
                    );
                    Tally::add(&self.shared.tally.taken_over, 1);
                    self.last_progress = Instant::now();
                    self.send(Work::new(batch, true, self.ended_sender.clone()));
                }
            }
            Err(error) => log_spool_failure(&error),
        }
        match workers_on(&self.shared.layout) {
            Ok(workers) => self.warehouse.set_workers(workers),
            Err(error) => log_spool_failure(&error),
        }
    }

    fn take_ended(&mut self) {
        while let Ok(work) = self.ended.try_recv() {
            self.batch_ended(work);
        }
    }

    /// Batches whose time has come go through the stages again.
    fn send_due(&mut self) {
        let now = Instant::now();
        let (due, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|(due, _)| *due <= now);
        self.waiting = waiting;
        for (_, work) in due {
            self.send(work);
        }
    }

    /// A bulk batch that goes row by row from now on, which the next worker must know too.
    fn ordinary_if_no_more_bulk(&self, work: Arc<Work>) -> Arc<Work> {
        if !work.gave_up_bulk() {
            return work;
        }
        match work.batch.as_ordinary() {
            Ok(batch) => Work::new(batch, false, self.ended_sender.clone()),
            Err(error) => {
                log_spool_failure(&error);
                work
            }
        }
    }

    fn batch_ended(&mut self, work: Arc<Work>) {
        self.underway.remove(&work.id);
        if work.gave_back() {
            self.claimer.given_back(work.batch.label());
        }
        if let Some(delay) = work.take_later() {
            self.waiting.push((Instant::now() + delay, self.ordinary_if_no_more_bulk(work)));
            return;
        }
        self.last_progress = Instant::now();
        match work.batch.remove_if_empty() {
            // Whatever kept messages of its dataset waiting may be over without a delivery that says so.
            Ok(true) if work.has_failed() && !self.holds_failed(work.batch.label()) => {
                self.shared.tables.unpark(&catalog::dataset_name(work.batch.label()));
            }
            Ok(true) => {}
            // A file that the client was just making when its folder was swapped away.
            Ok(false) => self.send(work),
            Err(error) => {
                log_spool_failure(&error);
                self.waiting.push((Instant::now() + self.shared.settings.scan_interval, work));
            }
        }
    }
}
