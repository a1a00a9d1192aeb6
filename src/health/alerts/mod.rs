//! Who is told of what is not healthy, and when: of a change, once, and again after a reminder time.
//!
//! Every worker of a spool looks now and then, and so may `irispool status --alert` from cron, which alone can tell that
//! no worker is alive. Each look with what follows of it is a **round**. A round is made under a lock of the kernel in
//! the spool, so one at a time, and what was told is kept in a file beside it. So no process has a part in it that
//! another could not go on with, and none has a queue: what is untold is the difference between what a channel was told
//! last and what is so now ([`decide`]).
//!
//! Who can't save what was told keeps the lock, or another would tell it again, and says so in the lock's file.
//!
//! A channel that fails is tried again by later rounds, less and less often. What comes and goes meanwhile is not told.

mod channel;
mod command;
mod decide;
mod figures;
mod message;
mod round;
mod state;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64;

pub(super) use figures::families;
pub use round::Others;

use self::channel::Channel;
use self::command::Running;
use self::message::Message;
use self::round::{Next, Teller};
use super::latest::PAUSE;
use super::{Facts, Finding, Latest, News};
use crate::config::{Config, Secret};
use crate::signals::Stop;
use crate::spool::{Layout, WorkerSeen, inspect};

/// Workers look at most, and at least, so often.
const LOOK_INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// `status --alert` waits for `alert_after` at most, or the first of these where that is longer, and the second for what
/// fails to be tried again.
const PATIENCE_OF_STATUS: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(20));

/// A worker's looks in the background.
#[derive(Debug)]
pub struct Watch {
    running: Arc<Running>,
}

impl Watch {
    /// Looks until `stop` is requested, from a thread of its own that nobody waits for, and leaves what it sees in
    /// `latest`. None where nobody is to be told.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(config: &Config, stop: &Stop, latest: Arc<Latest>) -> io::Result<Option<Watch>> {
        if !is_wanted(config) {
            return Ok(None);
        }
        let running = Arc::new(Running::default());
        let interval = (config.alert_after / 8).clamp(LOOK_INTERVALS.0, LOOK_INTERVALS.1);
        let mut teller = Teller::of_worker(config, stop, Arc::clone(&running), latest);
        let stop = stop.clone();
        thread::Builder::new().name("alerts".to_owned()).spawn(move || {
            let mut wait = Duration::ZERO;
            while !stop.wait(wait) {
                let began = Instant::now();
                let Next { due, looked } = teller.round().next;
                let pause = looked * PAUSE;
                let due = due.map_or(interval, |due| due.min(interval));
                wait = due.saturating_sub(began.elapsed()).max(pause).max(LOOK_INTERVALS.0);
            }
        })?;
        Ok(Some(Watch { running }))
    }
}

impl Drop for Watch {
    /// A command that runs ends with the worker; what it tells is told by the next one.
    fn drop(&mut self) {
        self.running.end();
    }
}

/// Whether anybody is to be told of anything.
pub fn is_wanted(config: &Config) -> bool {
    Channel::all(config).next().is_some() || config.heartbeat_url.is_some()
}

/// Tells what is to be told, for `irispool status --alert`. Where no worker watches, it waits until what it sees has
/// lasted long enough to be told, or has passed. Gives what it saw last, and who has the alerts in hand where it told
/// nothing: one that does not say why hangs, as a round takes seconds.
pub fn tell(config: &Config) -> (Arc<Facts>, Vec<Finding>, Option<Others>) {
    let until = Instant::now() + config.alert_after.min(PATIENCE_OF_STATUS.0) + PATIENCE_OF_STATUS.1;
    let mut teller = Teller::of_status(config);
    loop {
        let seen = teller.round();
        match seen.next.due {
            Some(due) if !seen.watched && Instant::now() + due < until => thread::sleep(due),
            _ => return (seen.facts, seen.findings, seen.others),
        }
    }
}

/// Sends a test to everyone who would be told, and asks for the heartbeat's address. Gives each by name, with why it
/// failed where it did.
pub fn test(config: &Config) -> Vec<(&'static str, Result<(), String>)> {
    let agent = channel::agent();
    let message = Message::test(config);
    let running = Running::default();
    let mut answers: Vec<_> = Channel::all(config)
        .map(|channel| (channel.name(), channel.send(&agent, &message, &running, true)))
        .collect();
    if let Some(url) = &config.heartbeat_url {
        answers.push(("heartbeat", channel::ping(&agent, url)));
    }
    answers.into_iter().map(|(name, sent)| (name, sent.map_err(|error| error.to_string()))).collect()
}

/// A mark of the settings by which alerts are sent, and of whose they are: those with the same mark send the same. It
/// stands where others may read it, and gives none of the secrets away.
pub fn mark(config: &Config, worker: &str) -> String {
    let Config { alert_webhook, alert_format, alert_command, alert_after, alert_remind, .. } = config;
    let Config { heartbeat_url, heartbeat_interval, .. } = config;
    let secrets =
        [alert_webhook, alert_command, heartbeat_url].map(|secret| secret.as_ref().map(Secret::expose));
    let settings = format!(
        "{worker} {secrets:?} {alert_format:?} {alert_after:?} {alert_remind:?} {heartbeat_interval:?}"
    );
    format!("{:016x}", xxh3_64(settings.as_bytes()))
}

/// The live workers that send alerts by other settings than these, as they read them when they started.
pub fn workers_with_other_settings(config: &Config) -> Vec<WorkerSeen> {
    let workers = inspect(&Layout::at(&config.spool)).map(|seen| seen.workers).unwrap_or_default();
    let is_other = |worker: &WorkerSeen| {
        let mark_of_it = News::read(&worker.published).and_then(|news| news.alerts);
        worker.alive && mark_of_it.is_some_and(|its| its != mark(config, &worker.name))
    };
    workers.into_iter().filter(is_other).collect()
}
