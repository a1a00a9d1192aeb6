//! `irispool status --alert-test`: whether alerts arrive.

use std::io::{Write, stdout};
use std::sync::Arc;

use super::report::StatusReport;
use crate::config::Config;
use crate::exit::{Exit, Explain, Failure, OutputError};
use crate::health::alerts::{self, Others};
use crate::observe::plain;
use crate::paste;

#[derive(Debug, thiserror::Error)]
#[error("nobody is to be told of anything")]
struct NobodyToTell;

impl Explain for NobodyToTell {
    fn hint(&self) -> Option<String> {
        Some("set alert_webhook, alert_command or heartbeat_url".to_owned())
    }
}

/// An error where there is nobody to tell.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    if alerts::is_wanted(config) { Ok(()) } else { Err(NobodyToTell.into()) }
}

/// Tells what is to be told. Cron mails what is on stderr.
pub(super) fn tell(config: &Config) -> StatusReport {
    let (facts, findings, others) = alerts::tell(config);
    match others {
        None => {}
        Some(Others::Kept { pid, why }) => {
            let why = plain(&why);
            eprintln!(
                "told nothing: process {pid} has the alerts in hand: it can't keep in the spool what was told: {why}"
            );
            eprintln!("hint: it tells what there is to tell, and lets others do so when that is mended");
        }
        Some(Others::Silent) => {
            let lock = config.spool.join("alerts.lock");
            let lock = paste::path(&lock);
            eprintln!("told nothing: another process has the alerts in hand, and does not end");
            eprintln!("hint: if it hangs, end it (its number: fuser {lock}); status has what is wrong");
        }
    }
    StatusReport::new((Arc::unwrap_or_clone(facts), findings))
}

/// Sends a test by every way, and says a line about each. Critical where one failed, a warning where a
/// worker that runs does not know the settings.
pub(super) fn test(config: &Config) -> Result<Exit, Failure> {
    check(config)?;
    let mut exit = Exit::Done;
    for (name, sent) in alerts::test(config) {
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
