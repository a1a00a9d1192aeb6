//! One look, and what is told of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::channel::{self, Channel, SendError};
use super::command::Running;
use super::decide::{Patience, REST_MS_MAX};
use super::figures;
use super::message::Message;
use super::state::{Lock, Reason, State, Store, Turn};
use crate::config::Config;
use crate::health::{Facts, Finding, Latest, Level, Looker, absence, judge};
use crate::signals::Stop;
use crate::spool::now_ms;

/// After a failure a channel rests so long at first, then twice as long each time, up to [`REST_MS_MAX`].
const REST_MS_FIRST: i64 = 2_000;

/// In the state it has a place among the channels.
const HEARTBEAT: &str = "heartbeat";

/// A worker that starts is no worker yet, for a moment.
const STARTING: Duration = Duration::from_secs(15);

/// While another process is at it, it is asked again after so long.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Makes rounds.
#[derive(Debug)]
pub(super) struct Teller {
    config: Config,
    looker: Looker,
    store: Store,
    agent: ureq::Agent,
    running: Arc<Running>,
    /// A worker's request to stop; none for `status`.
    stop: Option<Stop>,
    /// Where a worker leaves what it sees for others.
    latest: Arc<Latest>,
    started: Instant,
    /// What could not be saved, with the lock, where we have it: until it can be, nobody else may tell it again.
    unsaved: Option<(State, Option<Lock>)>,
}

/// What a round saw.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) facts: Arc<Facts>,
    pub(super) findings: Vec<Finding>,
    /// Whether a worker makes rounds.
    pub(super) watched: bool,
    /// Where another process has its turn, so that nothing was told.
    pub(super) others: Option<Others>,
    pub(super) next: Next,
}

/// Another process has the alerts in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Others {
    /// It does not say why.
    Silent,
    /// It goes its rounds, and can't let others have theirs.
    Kept { pid: u32, why: String },
}

/// When to look again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    /// After so long something may be told; none where nothing but news would be.
    pub(super) due: Option<Duration>,
    /// How long the look took.
    pub(super) looked: Duration,
}

impl Teller {
    pub(super) fn of_worker(
        config: &Config,
        stop: &Stop,
        running: Arc<Running>,
        latest: Arc<Latest>,
    ) -> Teller {
        Teller { stop: Some(stop.clone()), running, latest, ..Teller::of_status(config) }
    }

    pub(super) fn of_status(config: &Config) -> Teller {
        Teller {
            looker: Looker::new(config),
            store: Store::of(&config.spool),
            config: config.clone(),
            agent: channel::agent(),
            running: Arc::default(),
            stop: None,
            latest: Arc::default(),
            started: Instant::now(),
            unsaved: None,
        }
    }

    pub(super) fn round(&mut self) -> Round {
        let (lock, state) = match self.unsaved.take() {
            Some((state, Some(lock))) => (Some(lock), Some(state)),
            unsaved => match self.store.take_turn() {
                // What others saved while we had no lock counts before what we alone know.
                Turn::Ours(lock) => {
                    let unsaved = unsaved.map(|(state, _)| state);
                    (Some(lock), unsaved.filter(|_| self.store.load() == State::default()))
                }
                Turn::Nowhere => (None, unsaved.map(|(state, _)| state)),
                Turn::Others(reason) => {
                    self.unsaved = unsaved;
                    return self.only_look(reason);
                }
            },
        };
        let watched_lately = lock.as_ref().is_some_and(Lock::is_watched);
        if let Some(lock) = lock.as_ref().filter(|_| self.stop.is_some()) {
            lock.watched();
        }
        let is_kept = state.is_some();
        let mut state = state.unwrap_or_else(|| self.store.load());
        let before = state.clone();
        let (facts, findings, looked) = self.look();
        let watched = watched_lately && facts.workers.iter().any(|worker| worker.alive);
        let is_starting = self.stop.is_some()
            && self.started.elapsed() < STARTING
            && findings.iter().any(|finding| finding.key == "no-worker");
        let due = if is_starting {
            Some(ASK_AGAIN)
        } else {
            self.tell(&mut state, &facts, &findings, lock.is_some())
        };
        if is_kept || state != before {
            self.keep(state, lock);
        }
        Round { facts, findings, watched, others: None, next: Next { due, looked } }
    }

    /// What there is, what it means, and how long it took to look.
    fn look(&self) -> (Arc<Facts>, Vec<Finding>, Duration) {
        let began = Instant::now();
        let facts = Arc::new(self.looker.look());
        let looked = began.elapsed();
        self.latest.put(Arc::clone(&facts), looked);
        let findings = judge(&facts, &self.config);
        (facts, findings, looked)
    }

    /// Another process tells.
    fn only_look(&self, reason: Option<Reason>) -> Round {
        let (facts, findings, looked) = self.look();
        let next = Next { due: Some(ASK_AGAIN), looked };
        let watched = reason.is_some();
        let others = reason.map_or(Others::Silent, |Reason { pid, why }| Others::Kept { pid, why });
        Round { facts, findings, watched, others: Some(others), next }
    }

    /// Gives after how long there may be something to tell. What a channel was told is saved at once, `in_turn`.
    fn tell(
        &self,
        state: &mut State,
        facts: &Facts,
        findings: &[Finding],
        in_turn: bool,
    ) -> Option<Duration> {
        let patience = Patience { after: self.config.alert_after, remind: self.config.alert_remind };
        // What was found was so when it was looked: a row that came since then is newer.
        let now = facts.at_ms;
        state.observe(findings, |key, since_ms| absence(key, since_ms, facts, findings), now, patience);
        self.beat(state, findings, now);
        let level =
            state.counting(now, patience).values().map(|(level, _)| *level).max().unwrap_or(Level::Ok);
        let mut due_ms = state.unsure_for_ms(now, patience);
        for channel in Channel::all(&self.config) {
            let name = channel.name();
            let changes = state.changes(name, now, patience);
            if changes.is_empty() || self.is_stopping() {
                continue;
            }
            let told = state.channels.entry(name.to_owned()).or_default();
            let failed_before = told.tries > 0;
            if now >= told.next_ms {
                let message = Message::new(&self.config, level, now, changes);
                match channel.send(&self.agent, &message, &self.running, false) {
                    Ok(()) => {
                        state.told(name, &message.changes, now);
                        figures::count(name, true);
                        log_sent(name, &message, failed_before);
                        if in_turn {
                            // Where this fails, so does `keep`, which says so.
                            let _ = self.store.save(state);
                        }
                        continue;
                    }
                    Err(SendError::Ended) => continue,
                    Err(error) => {
                        figures::count(name, false);
                        told.tries = told.tries.saturating_add(1);
                        let rest_ms = REST_MS_FIRST << (told.tries - 1).min(16);
                        told.next_ms = now_ms() + rest_ms.min(REST_MS_MAX);
                        log_failure(name, told.tries, &error);
                    }
                }
            }
            let rest_ms = (told.next_ms - now_ms()).max(1);
            due_ms = Some(due_ms.map_or(rest_ms, |due| due.min(rest_ms)));
        }
        due_ms.map(|ms| Duration::from_millis(ms.unsigned_abs()))
    }

    /// The heartbeat: while nothing is critical or can't be found out, and rows come. Another warning, such as a dead
    /// letter, may last for days, and nobody would see behind it that all workers died.
    fn beat(&self, state: &mut State, findings: &[Finding], now: i64) {
        let Some(url) = &self.config.heartbeat_url else { return };
        let flows = findings.iter().all(|finding| finding.level < Level::Unknown && finding.key != "stale");
        let interval_ms = self.config.heartbeat_interval.as_millis() as i64;
        // A clock that was set back must not silence it.
        let is_due = !(0..interval_ms).contains(&(now - state.pinged_ms));
        if !flows || !is_due || self.is_stopping() {
            return;
        }
        state.pinged_ms = now;
        let sent = channel::ping(&self.agent, url);
        figures::count(HEARTBEAT, sent.is_ok());
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

    fn keep(&mut self, state: State, lock: Option<Lock>) {
        let saved = match &lock {
            Some(_) => self.store.save(&state),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        match saved {
            // A later holder that hangs must not seem to have this reason.
            Ok(()) => lock.iter().for_each(Lock::no_longer_kept),
            Err(error) => {
                if crate::observe::is_news(&format!("alerts {error}")) {
                    let spool = self.config.spool.display().to_string();
                    tracing::warn!(spool, why = error.to_string(), "cannot keep in the spool what was told");
                }
                lock.iter().for_each(|lock| lock.kept(&error.to_string()));
                self.unsaved = Some((state, lock));
            }
        }
    }
}

fn log_sent(channel: &'static str, message: &Message, failed_before: bool) {
    let [new, worse, better, cleared, _] = message.kinds().map(|(_, notes)| notes.len());
    let (reason, level) = (message.reason.word(), message.level.word());
    let again = if failed_before { " at last" } else { "" };
    tracing::info!(channel, reason, level, new, worse, better, cleared, "sent an alert{again}");
}

fn log_failure(channel: &'static str, tries: u32, error: &SendError) {
    if is_worth_a_line(tries) {
        tracing::warn!(channel, why = error.to_string(), tries, "cannot send an alert: it is tried again");
    }
}

/// The first failure, then the 10th, the 100th and so on.
fn is_worth_a_line(tries: u32) -> bool {
    10_u32.pow(tries.ilog10()) == tries
}
