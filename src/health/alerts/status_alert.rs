//! Makes rounds for `irispool status --alert`, and sends tests.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::alert::Alert;
use super::channel::{AlertChannel, http_agent, ping};
use super::command::RunningCommand;
use super::notifier::{HEARTBEAT, Notifier, OtherSender};
use crate::config::Config;
use crate::health::facts::Facts;
use crate::health::finding::Finding;

/// The longest time that `status --alert` waits for a finding to become due.
const DUE_WAIT_MAX: Duration = Duration::from_secs(300);

/// The additional time in which it tries a channel that failed again.
const RETRY_WAIT: Duration = Duration::from_secs(20);

/// Sends the alerts that are due. If no worker watches, it waits until each finding has lasted long enough to be sent,
/// or has ended. Returns the facts and findings of the last round, and the other process that sends alerts if this one
/// sent none.
pub(crate) fn send_due(config: &Config) -> (Arc<Facts>, Vec<Finding>, Option<OtherSender>) {
    let until = Instant::now() + config.alert_after.min(DUE_WAIT_MAX) + RETRY_WAIT;
    let mut notifier = Notifier::of_status(config);
    loop {
        let round = notifier.round();
        match round.next.due {
            Some(due) if !round.is_watched && Instant::now() + due < until => thread::sleep(due),
            _ => return (round.facts, round.findings, round.other_sender),
        }
    }
}

/// Sends a test on every channel, and a heartbeat. Returns the name of each with the reason if it failed.
pub(crate) fn send_test(config: &Config) -> Vec<(&'static str, Result<(), String>)> {
    let agent = http_agent();
    let alert = Alert::test(config);
    let running = RunningCommand::default();
    let mut results: Vec<_> = AlertChannel::all(config)
        .map(|channel| (channel.name(), channel.send(&agent, &alert, &running, true)))
        .collect();
    if let Some(url) = &config.heartbeat_url {
        results.push((HEARTBEAT, ping(&agent, url)));
    }
    results.into_iter().map(|(name, sent)| (name, sent.map_err(|error| error.to_string()))).collect()
}
