//! Checks Elexon's client: whether it runs, and how long its secret is valid.

use super::super::units::time;
use super::line::{CheckLine, bad, good, unknown, warning};
use crate::client::PidFileFault;
use crate::config::Config;
use crate::health::{Facts, Level, client_facts, evaluate_client};
use crate::paste;

pub(super) fn check(config: &Config) -> Vec<CheckLine> {
    let facts = client_facts(config);
    let (gone, secret) = evaluate_client(&facts, config);
    let mut lines = Vec::new();
    lines.push(match gone {
        Some(finding) => warning("client", finding.what, finding.hint),
        None => of_process(&facts),
    });
    match (secret, &facts.client.secret_expires) {
        (Some(finding), _) if finding.level == Level::Critical => {
            lines.push(bad("client secret", finding.what, finding.hint));
        }
        (Some(finding), _) => lines.push(warning("client secret", finding.what, finding.hint)),
        (None, Some(date)) => lines.push(good("client secret", format!("it expires on {date}"))),
        (None, None) => {}
    }
    lines
}

fn of_process(facts: &Facts) -> CheckLine {
    let client = &facts.client;
    if let Some(file) = &client.pid_file
        && let PidFileFault::Unreadable { why } = &file.fault
    {
        let path = paste::path(&file.path);
        let what = format!("cannot read its PID file {path}: {why}");
        return unknown("client", what, "give this user the right to read it, or correct client_pid_file");
    }
    match &client.running {
        Some(running) => {
            let name = running.name.as_deref().unwrap_or("a program that this user may not look at");
            let since = running.since_ms.map_or(String::new(), |ms| format!(" since {}", time(ms)));
            good("client", format!("{name} runs as process {}{since}", running.pid))
        }
        None => good("client", "not seen on this machine: it may run elsewhere, or not yet"),
    }
}
