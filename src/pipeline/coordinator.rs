//! The coordinator: goes rounds, in each of which it claims what is ready and takes back the batches that have ended.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, select};

use super::batches::Batches;
use super::discover::{ClaimRound, Discovery};
use super::run_context::RunContext;
use super::run_totals::Tally;
use super::work::{Ticket, Work};
use crate::keeper::log_spool_failure;
use crate::observe::is_news;
use crate::spool::{SpoolError, Worker, ready_messages, take_over_dead_workers, workers_on};
use crate::warehouse::Warehouse;

/// The shortest time between the starts of two rounds, so that a steady stream makes batches and not single files.
const ROUND_INTERVAL: Duration = Duration::from_millis(25);

/// While there is nothing to do, how often the coordinator shows that it is alive.
const BEAT_INTERVAL: Duration = Duration::from_secs(1);

/// The next round comes after this time at the latest, if a round met another worker's lock or a file being written.
const RECHECK_INTERVAL: Duration = Duration::from_millis(200);

/// `--once` gives up on messages that the warehouse does not take after this long without any progress.
const ONCE_PATIENCE: Duration = Duration::from_secs(60);

/// `--once` waits for files that are being written as long as their age may take to tell that they are not, and this.
const ARRIVING_EXTRA: Duration = Duration::from_secs(1);

/// Claims messages and sees every batch to its end.
pub(super) struct Coordinator {
    run: Arc<RunContext>,
    worker: Arc<Worker>,
    warehouse: Arc<dyn Warehouse>,
    discovery: Discovery,
    batches: Batches,
    next_full_scan: Instant,
    last_progress: Instant,
    /// Messages that were settled when the coordinator last looked.
    settled: u64,
}

impl Coordinator {
    /// `stages`: where claimed batches go.
    pub(super) fn new(
        run: &Arc<RunContext>,
        worker: &Arc<Worker>,
        warehouse: Arc<dyn Warehouse>,
        stages: Sender<Ticket>,
    ) -> Coordinator {
        Coordinator {
            run: Arc::clone(run),
            worker: Arc::clone(worker),
            discovery: Discovery::new(run, worker, Arc::clone(&warehouse)),
            warehouse,
            batches: Batches::new(run, stages),
            next_full_scan: Instant::now(),
            last_progress: Instant::now(),
            settled: 0,
        }
    }

    /// Goes rounds until a stop is requested or, with `once`, nothing is left to do. Gives how many messages stay in
    /// the spool although nobody is writing them; 0 after a stop.
    ///
    /// # Errors
    /// When the first round can't list `incoming`. Later that may pass.
    pub(super) fn go_rounds(&mut self) -> Result<u64, SpoolError> {
        let mut is_first = true;
        loop {
            if self.run.stop.requested() {
                return Ok(0);
            }
            self.run.tally.figures.note_round();
            self.take_back_ended();
            self.batches.send_due();
            self.note_progress();
            if Instant::now() >= self.next_full_scan {
                self.next_full_scan = Instant::now() + self.run.settings.scan_interval;
                self.take_over();
            }
            let began = Instant::now();
            // When `dead` is full, the worker finishes what it has claimed, and waits until a person has made room.
            let dead_is_full = self.run.tally.figures.keeper.dead.is_full();
            let round = if dead_is_full || !self.batches.has_room() {
                ClaimRound::default()
            } else {
                match self.discovery.claim_round(&mut self.batches) {
                    Ok(round) => round,
                    Err(error) if is_first => return Err(error),
                    Err(error) => {
                        log_spool_failure(&error);
                        ClaimRound { failed: 1, ..ClaimRound::default() }
                    }
                }
            };
            is_first = false;
            if round.claimed {
                self.last_progress = Instant::now();
            }
            if self.run.settings.once
                && let Some(left) = self.left_at_end(&round, dead_is_full)
            {
                return Ok(left);
            }
            self.wait(&round, began);
        }
    }

    /// Lets the stages finish what they hold, no longer than a stop may take, and gives everything else back.
    pub(super) fn finish(&mut self, threads: Vec<JoinHandle<()>>) {
        if self.run.stop.requested() {
            self.warehouse.stop_waiting();
        }
        let all_ended = self.batches.close(threads, Instant::now() + self.run.settings.stop_timeout);
        self.batches.give_back(!all_ended);
    }

    /// If a drain is at its end, how many messages it leaves in the spool.
    fn left_at_end(&self, round: &ClaimRound, dead_is_full: bool) -> Option<u64> {
        if round.claimed || round.again || !self.batches.none_under_way() {
            return None;
        }
        let without_progress = self.last_progress.elapsed();
        // A file that is being written has not arrived yet. Where only its age tells, the drain waits for that age.
        let is_arriving =
            round.being_written && without_progress < self.run.settings.write_age + ARRIVING_EXTRA;
        if self.batches.none_waiting() && !round.locked && !is_arriving {
            let not_claimed = if dead_is_full { ready_messages(&self.run.layout) } else { 0 };
            return Some(round.unreadable + round.failed + not_claimed);
        }
        (without_progress > ONCE_PATIENCE).then(|| {
            let ready = ready_messages(&self.run.layout);
            ready.max(round.unreadable) + round.failed + self.batches.waiting_messages()
        })
    }

    /// Waits for an event, a batch that has ended, a timer or the stop.
    fn wait(&mut self, round: &ClaimRound, began: Instant) {
        if round.again && self.batches.stages_have_room() {
            return;
        }
        let soon = (round.locked || round.being_written).then_some(RECHECK_INTERVAL);
        let timers = [soon, round.wait].into_iter().flatten().map(|wait| Instant::now() + wait);
        let until = timers.chain(self.batches.next_due()).fold(self.next_full_scan, Instant::min);
        loop {
            // Whoever watches this worker must see that it waits and does not hang.
            self.run.tally.figures.note_round();
            let timer = crossbeam_channel::at(until.min(Instant::now() + BEAT_INTERVAL));
            select! {
                recv(self.discovery.wake()) -> _ => {
                    // Events come in swarms: a few more files may arrive, to be claimed together.
                    let pause = (began + ROUND_INTERVAL).saturating_duration_since(Instant::now());
                    self.run.stop.wait(pause);
                    return;
                }
                recv(self.batches.ended()) -> work => {
                    if let Ok(work) = work {
                        self.take_back(work);
                    }
                    return;
                }
                recv(self.run.stop.channel()) -> _ => return,
                recv(timer) -> _ => {
                    if Instant::now() >= until {
                        return;
                    }
                }
            }
        }
    }

    /// Takes over the batches of dead workers, and tells the warehouse how many workers there are.
    fn take_over(&mut self) {
        match take_over_dead_workers(&self.run.layout, &self.worker) {
            Ok(taken) => {
                for error in taken.failures {
                    if is_news(&format!("take over: {error}")) {
                        tracing::warn!(%error, "cannot take over all of a dead worker's batches");
                    }
                }
                for batch in taken.batches {
                    tracing::warn!(
                        batch = batch.id(),
                        folder = batch.label().as_str(),
                        "took over a dead worker's batch"
                    );
                    Tally::add(&self.run.tally.taken_over, 1);
                    self.last_progress = Instant::now();
                    self.batches.add(batch, true);
                }
            }
            Err(error) => log_spool_failure(&error),
        }
        match workers_on(&self.run.layout) {
            Ok(workers) => self.warehouse.set_workers(workers),
            Err(error) => log_spool_failure(&error),
        }
    }

    fn take_back_ended(&mut self) {
        while let Ok(work) = self.batches.ended().try_recv() {
            self.take_back(work);
        }
    }

    fn take_back(&mut self, work: Arc<Work>) {
        if work.gave_back() {
            self.discovery.note_given_back(work.batch.label());
        }
        if self.batches.take_back(work) {
            self.last_progress = Instant::now();
        }
    }

    fn note_progress(&mut self) {
        let totals = self.run.tally.totals();
        if totals.delivered + totals.dead != self.settled {
            self.settled = totals.delivered + totals.dead;
            self.last_progress = Instant::now();
        }
    }
}
