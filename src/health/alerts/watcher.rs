//! Makes rounds in a worker.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::channel::is_configured;
use super::command::RunningCommand;
use super::notifier::{NextRound, Notifier};
use crate::config::Config;
use crate::health::facts_cache::{FactsCache, PAUSE_FACTOR};
use crate::signals::Stop;

/// The shortest and the longest time between two rounds.
const ROUND_INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// A thread of a worker that makes rounds. When this is dropped, an alert command that runs is killed; the next worker
/// sends what it should have sent.
#[derive(Debug)]
pub(crate) struct AlertWatcher {
    running: Arc<RunningCommand>,
}

impl AlertWatcher {
    /// Starts a thread that makes rounds until `stop` is requested, and leaves the facts in `cache`. Nobody joins the
    /// thread. None if no channel is set.
    ///
    /// # Errors If the system cannot start a thread.
    pub(crate) fn start(
        config: &Config,
        stop: &Stop,
        cache: Arc<FactsCache>,
    ) -> io::Result<Option<AlertWatcher>> {
        if !is_configured(config) {
            return Ok(None);
        }
        let running = Arc::new(RunningCommand::default());
        let interval = (config.alert_after / 8).clamp(ROUND_INTERVALS.0, ROUND_INTERVALS.1);
        let mut notifier = Notifier::of_worker(config, stop, Arc::clone(&running), cache);
        let stop = stop.clone();
        thread::Builder::new().name("alerts".to_owned()).spawn(move || {
            let mut wait = Duration::ZERO;
            while !stop.wait(wait) {
                let began = Instant::now();
                let NextRound { due, collecting_took } = notifier.round().next;
                let pause = collecting_took * PAUSE_FACTOR;
                let due = due.map_or(interval, |due| due.min(interval));
                wait = due.saturating_sub(began.elapsed()).max(pause).max(ROUND_INTERVALS.0);
            }
        })?;
        Ok(Some(AlertWatcher { running }))
    }
}

impl Drop for AlertWatcher {
    fn drop(&mut self) {
        self.running.end();
    }
}
