//! What the screen says of Elexon's client.

use std::time::Duration;

use anstyle::AnsiColor;

use super::super::units::{counted, elapsed, short_duration, time};
use crate::client::PidFileFault;
use crate::health::Facts;
use crate::observe::plain;

/// A mark and a text.
type MarkedText = (Option<(AnsiColor, &'static str, &'static str)>, String);

/// Whether the client runs, and when it last wrote.
pub(super) fn client(facts: &Facts) -> MarkedText {
    let client = &facts.client;
    let ago = |ms| short_duration(elapsed(facts.at_ms, ms));
    let mut mark = None;
    let mut text = match (&client.running, &client.seen) {
        (Some(running), _) => {
            mark = Some((AnsiColor::Green, "✔", "runs"));
            let name = running.name.as_deref().unwrap_or("hidden from this user");
            let since = running.since_ms;
            let since = since.map_or(String::new(), |ms| format!(", since {} ({})", time(ms), ago(ms)));
            format!("{} pid {}{since}", plain(name), running.pid)
        }
        (None, Some(seen)) if client.is_certain => {
            mark = Some((AnsiColor::Red, "✘", "gone"));
            let name = seen.name.as_deref().unwrap_or("client.py");
            format!("{} pid {}, last seen {} ago", plain(name), seen.pid, ago(seen.seen_ms))
        }
        (None, _) => "not seen".to_owned(),
    };
    if let Some(file) = &client.pid_file {
        let path = file.path.to_string_lossy();
        let fault = match &file.fault {
            PidFileFault::Missing => "is missing".to_owned(),
            PidFileFault::Unreadable { why } => format!("cannot be read: {why}"),
            PidFileFault::NoPid => "holds no process id".to_owned(),
            PidFileFault::NotRunning { pid } => format!("names process {pid}, which has ended"),
            PidFileFault::OtherProgram { pid, name } => {
                format!("names process {pid}, which is another program, {name}")
            }
        };
        text.push_str(&format!(", {} {}", plain(&path), plain(&fault)));
    }
    if let Some(wrote_ms) = client.wrote_ms {
        text.push_str(&format!(", last wrote {} ago", ago(wrote_ms)));
    }
    if let Some(first) = client.open_files.first() {
        let files = counted(client.open_files.len() as u64, "file");
        let path = first.path.to_string_lossy();
        text.push_str(&format!(", {files} open for writing: {} by pid {}", plain(&path), first.pid));
        text.push_str(&format!(" ({})", plain(&first.name)));
    }
    (mark, text)
}

/// How long the client's secret is valid, if the user says so.
pub(super) fn secret(facts: &Facts) -> Option<String> {
    let (date, left) =
        facts.client.secret_expires.as_ref().zip(facts.client.secret_days_left(facts.at_ms))?;
    let days = |count: i64| short_duration(Duration::from_secs(count.unsigned_abs() * 24 * 3600));
    Some(match left {
        ..=-1 => format!("of the client: expired on {date}, {} ago", days(left)),
        0 => format!("of the client: expires today, {date}"),
        _ => format!("of the client: expires on {date}, in {}", days(left)),
    })
}
