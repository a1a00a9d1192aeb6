//! `irispool status --alert-test`: whether alerts arrive.

use std::io::{Write, stdout};
use std::sync::Arc;

use super::report::StatusReport;
use crate::config::Config;
use crate::exit::{Exit, Explain, Failure, OutputError};
use crate::health::alerts::{self, OtherSender};
use crate::observe::plain;
use crate::paste;

#[derive(Debug, thiserror::Error)]
#[error("no alert channel is set")]
struct NoAlertChannel;

impl Explain for NoAlertChannel {
    fn hint(&self) -> Option<String> {
        Some("set alert_webhook, alert_command or heartbeat_url".to_owned())
    }
}

/// An error if no channel is set.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    if alerts::is_configured(config) { Ok(()) } else { Err(NoAlertChannel.into()) }
}

/// Sends the alerts that are due. Cron mails what is on stderr.
pub(super) fn send_due(config: &Config) -> StatusReport {
    let (facts, findings, other_sender) = alerts::send_due(config);
    match other_sender {
        None => {}
        Some(OtherSender::Keeps { pid, why }) => {
            let why = plain(&why);
            eprintln!(
                "sent no alerts: process {pid} sends them, as it cannot save in the spool which ones it sent: {why}"
            );
            eprintln!("hint: when that is mended, other processes can send alerts again");
        }
        Some(OtherSender::Silent) => {
            let lock = config.spool.join("alerts.lock");
            let lock = paste::path(&lock);
            eprintln!("sent no alerts: another process holds {lock} and does not end");
            eprintln!("hint: if it hangs, end it (fuser {lock} shows its process id)");
        }
    }
    StatusReport::new((Arc::unwrap_or_clone(facts), findings))
}

/// Sends a test on every channel, and prints a line about each. The result is critical if one failed, and a warning if
/// a worker that runs has other settings.
pub(super) fn test(config: &Config) -> Result<Exit, Failure> {
    check(config)?;
    let mut exit = Exit::Done;
    for (name, sent) in alerts::send_test(config) {
        let line = match sent {
            Ok(()) => format!("{name}: sent\n"),
            Err(why) => {
                exit = Exit::Critical;
                format!("{name}: FAILED: {}\n", plain(&why))
            }
        };
        stdout().write_all(line.as_bytes()).map_err(OutputError::from)?;
    }
    for worker in alerts::workers_with_other_settings(config) {
        exit = if exit == Exit::Done { Exit::Warning } else { exit };
        let who = worker.pid.map_or_else(|| worker.name.clone(), |pid| format!("process {pid}"));
        let line = format!(
            "the worker {} does not know these settings: it read its own when it started; restart it\n",
            plain(&who)
        );
        stdout().write_all(line.as_bytes()).map_err(OutputError::from)?;
    }
    Ok(exit)
}
