//! `irispool status`: whether data flows, at a glance and as an exit code.

mod alert;
mod screen;

use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use clap::{Args, ColorChoice};
use serde::Serialize;

use super::text::Look;
use crate::config::{AlertSettings, Config, StatusSettings};
use crate::exit::{Exit, Failure, OutputError};
use crate::health::{Facts, Finding, Level, alerts, judge, level_of, look};
use crate::pipeline::PipelineError;
use crate::signals::Stop;

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// As one JSON object; with --watch one a line
    #[arg(long)]
    pub json: bool,
    /// Look again and again, until Ctrl-C
    #[arg(
        long,
        value_name = "EVERY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        value_parser = watch_interval
    )]
    pub watch: Option<Duration>,
    /// Send the alerts that are due, as workers do: for cron, as no worker can tell that none is alive
    #[arg(long, conflicts_with = "watch")]
    pub alert: bool,
    /// Do nothing but send a test by every way on which alerts go out
    #[arg(long, conflicts_with_all = ["watch", "alert", "json"])]
    pub alert_test: bool,
    #[command(flatten)]
    pub health: StatusSettings,
    #[command(flatten)]
    pub alerts: AlertSettings,
}

fn watch_interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|_| "a duration such as 2s".to_owned())?;
    if interval < Duration::from_millis(100) { Err("at least 100ms".to_owned()) } else { Ok(interval) }
}

#[derive(Serialize)]
struct Answer<'a> {
    level: Level,
    findings: &'a [Finding],
    #[serde(flatten)]
    facts: &'a Facts,
}

/// Looks, and says what it sees. The exit code is that of the last look.
///
/// # Errors
/// When stdout does not take it.
pub(super) fn run(config: &Config, args: &StatusArgs, colour: ColorChoice) -> Result<Exit, Failure> {
    if args.alert_test {
        return alert::test(config);
    }
    if args.alert {
        alert::check(config)?;
    }
    let watch = args.watch.map(|every| Stop::on_signals().map(|stop| (every, stop)));
    let watch = watch.transpose().map_err(PipelineError::Thread)?;
    let look_of_answer = Look::of_stdout(colour);
    loop {
        let (facts, findings) = if args.alert { alerts::tell(config) } else { look_once(config) };
        let level = level_of(&findings);
        let text = if args.json {
            let answer = Answer { level, findings: &findings, facts: &facts };
            let json = if watch.is_some() { serde_json::to_string } else { serde_json::to_string_pretty };
            json(&answer).expect("facts can be written as JSON") + "\n"
        } else {
            let clear = if watch.is_some() && stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "" };
            clear.to_owned() + &screen::draw(&facts, &findings, look_of_answer)
        };
        stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()).map_err(OutputError::from)?;
        match &watch {
            Some((every, stop)) if !stop.wait(*every) => {}
            _ => return Ok(exit_of(level)),
        }
    }
}

fn look_once(config: &Config) -> (Facts, Vec<Finding>) {
    let facts = look(config);
    let findings = judge(&facts, config);
    (facts, findings)
}

fn exit_of(level: Level) -> Exit {
    match level {
        Level::Ok => Exit::Done,
        Level::Warning => Exit::Warning,
        Level::Critical => Exit::Critical,
        Level::Unknown => Exit::Unknown,
    }
}
