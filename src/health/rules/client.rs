//! Whether Elexon's client runs, and how long its secret is valid.

use std::time::Duration;

use super::situation::Situation;
use crate::client::PidFileFault;
use crate::health::finding::{Finding, Level};
use crate::health::finding_key::FindingKey;
use crate::observe::short_duration;
use crate::paste;

/// How much later than the client was missed a message must be written to show that something still writes. A client
/// may have written between the last look at it and its end.
const WRITE_SLACK: Duration = Duration::from_secs(60);

/// How many days before the secret expires the warnings begin, and become more urgent.
const WARNING_DAYS: i64 = 30;
const URGENT_DAYS: i64 = 7;

/// No finding where nobody ever saw a client on this machine: it may run in another container, or as a user whose
/// processes are hidden.
pub(super) fn gone(situation: &Situation<'_>) -> Option<Finding> {
    let client = &situation.facts.client;
    if client.running.is_some() || !client.is_certain {
        return None;
    }
    let gone_ms = client.gone_ms.or(client.seen.as_ref().map(|seen| seen.seen_ms));
    let slack_ms = WRITE_SLACK.as_millis() as i64;
    let still_comes = gone_ms.zip(client.wrote_ms).is_some_and(|(gone, wrote)| wrote > gone + slack_ms);
    let mut hint = "start it, and read its log: while it does not run, no message comes".to_owned();
    let mut what = match (&client.pid_file, &client.seen) {
        (Some(file), _) => {
            let path = paste::path(&file.path);
            let why = match &file.fault {
                PidFileFault::NotRunning { pid } => format!("its process {pid} has ended ({path})"),
                PidFileFault::OtherProgram { pid, name } => {
                    hint = format!(
                        "{path} is left over from an earlier client: start the client, and let the script that \
                         starts it write the file"
                    );
                    format!("process {pid} is another program now, {name} ({path})")
                }
                PidFileFault::Missing => format!("its PID file {path} is missing"),
                PidFileFault::NoPid => format!("its PID file {path} holds no process id"),
                PidFileFault::Unreadable { .. } => return None,
            };
            format!("Elexon's client does not run: {why}")
        }
        // Whatever writes now, it is not missing.
        (None, Some(_)) if still_comes => return None,
        (None, Some(seen)) => {
            let note = paste::path(&situation.facts.spool.join("client.json"));
            hint = format!("{hint}; if it runs on another machine now, delete {note}");
            let name = seen.name.as_deref().unwrap_or("client.py");
            let ago = short_duration(situation.age(seen.seen_ms));
            format!("Elexon's client does not run: {name}, process {}, was last seen {ago} ago", seen.pid)
        }
        (None, None) => return None,
    };
    if still_comes {
        what.push_str(", but messages still come");
    }
    let is_long = gone_ms.is_some_and(|gone| situation.age(gone) > situation.config.status_stale_after);
    let level = if is_long && !still_comes { Level::Critical } else { Level::Warning };
    Some(Finding::new(level, FindingKey::ClientGone, what, hint))
}

pub(super) fn secret(situation: &Situation<'_>) -> Option<Finding> {
    const RENEW: &str = "make a new secret in Elexon's portal, put it into the client's settings, restart the client, \
                         and set client_secret_expires";
    let client = &situation.facts.client;
    let (date, left) = client.secret_expires.as_ref().zip(client.secret_days_left(situation.facts.at_ms))?;
    let (level, when) = match left {
        ..=-1 => (Level::Critical, format!("expired {} ago, on {date}", days(-left))),
        0 => (Level::Critical, format!("expires today, {date}")),
        1..=URGENT_DAYS => (Level::Warning, format!("expires in {} only, on {date}", days(left))),
        _ if left <= WARNING_DAYS => (Level::Warning, format!("expires in {}, on {date}", days(left))),
        _ => return None,
    };
    let what = match left {
        ..=URGENT_DAYS => format!("the secret of Elexon's client {when}: then no message comes any more"),
        _ => format!("the secret of Elexon's client {when}"),
    };
    let hint = if left <= URGENT_DAYS { format!("urgent: {RENEW}") } else { RENEW.to_owned() };
    Some(Finding::new(level, FindingKey::ClientSecret, what, hint))
}

fn days(count: i64) -> String {
    format!("{count} day{}", if count == 1 { "" } else { "s" })
}
