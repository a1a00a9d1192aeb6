//! Makes rounds: looks for findings once, and sends what is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alert::Alert;
use super::alert_state::{AlertState, RETRY_PAUSE_MS_MAX};
use super::channel::{AlertChannel, http_agent, ping};
use super::command::RunningCommand;
use super::delays::AlertDelays;
use super::round_lock::{LockReason, RoundLock, RoundTurn};
use super::send_error::SendError;
use super::sent_counts;
use super::state_file::StateFile;
use crate::config::Config;
use crate::health::collector::FactsCollector;
use crate::health::facts::Facts;
use crate::health::facts_cache::FactsCache;
use crate::health::finding::{Finding, Level};
use crate::health::finding_key::FindingKey;
use crate::health::rules::{evaluate, resolution};
use crate::observe::is_news;
use crate::signals::Stop;
use crate::spool::now_ms;

/// The pause after the first failure of a channel, in ms. It doubles with each failure, up to [`RETRY_PAUSE_MS_MAX`].
const RETRY_PAUSE_MS_FIRST: i64 = 2_000;

/// The heartbeat's name among the channels.
pub(super) const HEARTBEAT: &str = "heartbeat";

/// How long after the start of a worker the finding that no worker is alive is not trusted, as the worker may not have
/// registered yet.
const STARTING: Duration = Duration::from_secs(15);

/// How soon to try again while another process has the lock.
const LOCKED_PAUSE: Duration = Duration::from_secs(1);

/// Makes rounds.
#[derive(Debug)]
pub(super) struct Notifier {
    config: Config,
    collector: FactsCollector,
    state_file: StateFile,
    agent: ureq::Agent,
    running: Arc<RunningCommand>,
    /// The request to stop of a worker. None in `status`.
    stop: Option<Stop>,
    /// Where a worker leaves the facts for its other threads.
    cache: Arc<FactsCache>,
    started: Instant,
    /// The state that could not be saved, with the lock if there is one. While this process keeps the lock, no other
    /// process can send the same alerts again.
    unsaved: Option<(AlertState, Option<RoundLock>)>,
}

/// What a round found.
#[derive(Debug)]
pub(super) struct RoundResult {
    pub(super) facts: Arc<Facts>,
    pub(super) findings: Vec<Finding>,
    /// Whether a worker makes rounds.
    pub(super) is_watched: bool,
    /// The other process that has the lock. If there is one, this round sent nothing.
    pub(super) other_sender: Option<OtherSender>,
    pub(super) next: NextRound,
}

/// Another process that sends the alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OtherSender {
    /// It does not say why it keeps the lock. A round takes seconds, so it hangs if it keeps the lock for longer.
    Silent,
    /// It makes rounds, and keeps the lock for a reason.
    Keeps {
        /// Its process id.
        pid: u32,
        /// Its reason.
        why: String,
    },
}

/// When to make the next round.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextRound {
    /// How long until something may be due. None if only a new finding would be.
    pub(super) due: Option<Duration>,
    /// How long it took to collect the facts.
    pub(super) collecting_took: Duration,
}

impl Notifier {
    pub(super) fn of_worker(
        config: &Config,
        stop: &Stop,
        running: Arc<RunningCommand>,
        cache: Arc<FactsCache>,
    ) -> Notifier {
        Notifier { stop: Some(stop.clone()), running, cache, ..Notifier::of_status(config) }
    }

    pub(super) fn of_status(config: &Config) -> Notifier {
        Notifier {
            collector: FactsCollector::new(config),
            state_file: StateFile::of(&config.spool),
            config: config.clone(),
            agent: http_agent(),
            running: Arc::default(),
            stop: None,
            cache: Arc::default(),
            started: Instant::now(),
            unsaved: None,
        }
    }

    /// Makes one round.
    pub(super) fn round(&mut self) -> RoundResult {
        let (lock, unsaved) = match self.unsaved.take() {
            Some((state, Some(lock))) => (Some(lock), Some(state)),
            unsaved => match RoundLock::take(&self.config.spool) {
                // What other processes saved while this one had no lock is worth more than what this one alone knows.
                RoundTurn::Ours(lock) => {
                    let unsaved = unsaved.map(|(state, _)| state);
                    (Some(lock), unsaved.filter(|_| self.state_file.load() == AlertState::default()))
                }
                RoundTurn::Nowhere => (None, unsaved.map(|(state, _)| state)),
                RoundTurn::Others(reason) => {
                    self.unsaved = unsaved;
                    return self.only_look(reason);
                }
            },
        };
        let was_watched = lock.as_ref().is_some_and(RoundLock::is_watched);
        if let Some(lock) = lock.as_ref().filter(|_| self.stop.is_some()) {
            lock.set_watched();
        }
        let is_unsaved = unsaved.is_some();
        let mut state = unsaved.unwrap_or_else(|| self.state_file.load());
        let before = state.clone();
        let (facts, findings, collecting_took) = self.look();
        let is_watched = was_watched && facts.workers.iter().any(|worker| worker.alive);
        let is_starting = self.stop.is_some()
            && self.started.elapsed() < STARTING
            && findings.iter().any(|finding| finding.key == FindingKey::NoWorker);
        let due = if is_starting {
            Some(LOCKED_PAUSE)
        } else {
            self.send_due(&mut state, &facts, &findings, lock.is_some())
        };
        if is_unsaved || state != before {
            self.save(state, lock);
        }
        let next = NextRound { due, collecting_took };
        RoundResult { facts, findings, is_watched, other_sender: None, next }
    }

    /// The facts, the findings, and how long it took to collect the facts.
    fn look(&self) -> (Arc<Facts>, Vec<Finding>, Duration) {
        let began = Instant::now();
        let facts = Arc::new(self.collector.collect());
        let collecting_took = began.elapsed();
        self.cache.put(Arc::clone(&facts), collecting_took);
        let findings = evaluate(&facts, &self.config);
        (facts, findings, collecting_took)
    }

    /// A round while another process has the lock.
    fn only_look(&self, reason: Option<LockReason>) -> RoundResult {
        let (facts, findings, collecting_took) = self.look();
        let next = NextRound { due: Some(LOCKED_PAUSE), collecting_took };
        let is_watched = reason.is_some();
        let other_sender =
            reason.map_or(OtherSender::Silent, |LockReason { pid, why }| OtherSender::Keeps { pid, why });
        RoundResult { facts, findings, is_watched, other_sender: Some(other_sender), next }
    }

    /// Sends what is due, and returns how long until more may be due. If this process has the lock, it saves the state
    /// after each alert that was sent.
    fn send_due(
        &self,
        state: &mut AlertState,
        facts: &Facts,
        findings: &[Finding],
        has_lock: bool,
    ) -> Option<Duration> {
        let delays = AlertDelays { after: self.config.alert_after, remind: self.config.alert_remind };
        // The time of the facts, as a row that arrived since then is newer than the findings.
        let now = facts.at_ms;
        state.observe(findings, |key, since_ms| resolution(key, since_ms, facts, findings), now, delays);
        self.send_heartbeat(state, findings, now);
        let level = state.level(now, delays);
        let mut due_ms = state.unsure_for_ms(now, delays);
        for channel in AlertChannel::all(&self.config) {
            let name = channel.name();
            let changes = state.changes(name, now, delays);
            if changes.is_empty() || self.is_stopping() {
                continue;
            }
            let known = state.channels.entry(name.to_owned()).or_default();
            let failed_before = known.tries > 0;
            if now >= known.next_ms {
                let alert = Alert::new(&self.config, level, now, changes);
                match channel.send(&self.agent, &alert, &self.running, false) {
                    Ok(()) => {
                        known.set_sent(&alert.changes, now);
                        sent_counts::count(name, true);
                        log_sent(name, &alert, failed_before);
                        if has_lock {
                            // If this fails, the save at the end of the round fails too, and warns.
                            let _ = self.state_file.save(state);
                        }
                        continue;
                    }
                    Err(SendError::Stopped) => continue,
                    Err(error) => {
                        sent_counts::count(name, false);
                        known.tries = known.tries.saturating_add(1);
                        let pause_ms = RETRY_PAUSE_MS_FIRST << (known.tries - 1).min(16);
                        known.next_ms = now_ms() + pause_ms.min(RETRY_PAUSE_MS_MAX);
                        log_failure(name, known.tries, &error);
                    }
                }
            }
            let pause_ms = (known.next_ms - now_ms()).max(1);
            due_ms = Some(due_ms.map_or(pause_ms, |due| due.min(pause_ms)));
        }
        due_ms.map(|ms| Duration::from_millis(ms.unsigned_abs()))
    }

    /// Sends the heartbeat if it is due, rows arrive and nothing is critical or unknown. A warning does not stop it: a
    /// dead letter may be there for days, and if all workers died meanwhile, nobody would notice.
    fn send_heartbeat(&self, state: &mut AlertState, findings: &[Finding], now: i64) {
        let Some(url) = &self.config.heartbeat_url else { return };
        let stops_it =
            |finding: &Finding| finding.level >= Level::Unknown || finding.key == FindingKey::Stale;
        let interval_ms = self.config.heartbeat_interval.as_millis() as i64;
        // If the clock was set back, the last heartbeat is in the future, and the next one is due now.
        let is_due = !(0..interval_ms).contains(&(now - state.pinged_ms));
        if findings.iter().any(stops_it) || !is_due || self.is_stopping() {
            return;
        }
        state.pinged_ms = now;
        let sent = ping(&self.agent, url);
        sent_counts::count(HEARTBEAT, sent.is_ok());
        let known = state.channels.entry(HEARTBEAT.to_owned()).or_default();
        match sent {
            Ok(()) => known.tries = 0,
            Err(error) => {
                known.tries = known.tries.saturating_add(1);
                if is_worth_a_line(known.tries) {
                    let (tries, why) = (known.tries, error.to_string());
                    tracing::warn!(why, tries, "cannot send the heartbeat");
                }
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop.as_ref().is_some_and(Stop::requested)
    }

    /// Saves the state and releases the lock. If the state cannot be saved, this process keeps both.
    fn save(&mut self, state: AlertState, lock: Option<RoundLock>) {
        let saved = match &lock {
            Some(_) => self.state_file.save(&state),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        match saved {
            Ok(()) => lock.iter().for_each(RoundLock::clear_reason),
            Err(error) => {
                if is_news(&format!("alerts {error}")) {
                    let spool = self.config.spool.display().to_string();
                    tracing::warn!(
                        spool,
                        why = error.to_string(),
                        "cannot save in the spool which alerts were sent"
                    );
                }
                lock.iter().for_each(|lock| lock.set_reason(&error.to_string()));
                self.unsaved = Some((state, lock));
            }
        }
    }
}

fn log_sent(channel: &'static str, alert: &Alert, failed_before: bool) {
    let [new, worse, better, cleared, _] = alert.changes.lists().map(|(_, notes)| notes.len());
    let (reason, level) = (alert.reason.word(), alert.level.word());
    let again = if failed_before { " at last" } else { "" };
    tracing::info!(channel, reason, level, new, worse, better, cleared, "sent an alert{again}");
}

fn log_failure(channel: &'static str, tries: u32, error: &SendError) {
    if is_worth_a_line(tries) {
        tracing::warn!(channel, why = error.to_string(), tries, "cannot send an alert: irispool tries again");
    }
}

/// Whether a failure is the 1st, the 10th, the 100th and so on.
fn is_worth_a_line(tries: u32) -> bool {
    10_u32.pow(tries.ilog10()) == tries
}
