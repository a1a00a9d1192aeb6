//! `irispool status`: whether data flows, at a glance and as an exit code.

mod alert;
mod datasets;
mod screen;
mod watch;

use std::io::{Write, stdout};
use std::time::Duration;

use clap::{Args, ColorChoice};
use serde::Serialize;

use super::text::{Look, Room};
use crate::config::Config;
use crate::exit::{Exit, Failure, OutputError};
use crate::health::{Facts, FactsCollector, Finding, Level, evaluate, level_of};

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
    /// Every dataset, also where the terminal has no room for them
    #[arg(long, conflicts_with = "json")]
    pub all: bool,
    /// Send the alerts that are due, as workers do: for cron, as no worker can tell that none is alive
    #[arg(long, conflicts_with = "watch")]
    pub alert: bool,
    /// Do nothing but send a test by every way on which alerts go out
    #[arg(long, conflicts_with_all = ["watch", "alert", "json"])]
    pub alert_test: bool,
}

fn watch_interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|_| "a duration such as 2s".to_owned())?;
    if interval < Duration::from_millis(100) { Err("at least 100ms".to_owned()) } else { Ok(interval) }
}

/// What was seen at one moment, and what it means.
#[derive(Serialize)]
struct Answer {
    level: Level,
    findings: Vec<Finding>,
    #[serde(flatten)]
    facts: Facts,
}

impl Answer {
    fn of(collector: &FactsCollector, config: &Config) -> Answer {
        let facts = collector.collect();
        let findings = evaluate(&facts, config);
        Answer::new((facts, findings))
    }

    fn new((facts, findings): (Facts, Vec<Finding>)) -> Answer {
        Answer { level: level_of(&findings), findings, facts }
    }

    fn exit(&self) -> Exit {
        match self.level {
            Level::Ok => Exit::Done,
            Level::Warning => Exit::Warning,
            Level::Critical => Exit::Critical,
            Level::Unknown => Exit::Unknown,
        }
    }
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
    let look = Look::of_stdout(colour);
    let collector = FactsCollector::new(config);
    if let Some(every) = args.watch {
        return watch::watch(config, collector, args, every, look);
    }
    let answer = match args.alert {
        true => alert::send_due(config),
        false => Answer::of(&collector, config),
    };
    let text = if args.json {
        serde_json::to_string_pretty(&answer).expect("facts can be written as JSON") + "\n"
    } else {
        let mut room = Room::of_stdout();
        if args.all {
            room.height = None;
        }
        // The prompt takes a line.
        room.height = room.height.map(|height| height.saturating_sub(1));
        screen::draw(&answer.facts, &answer.findings, look, room)
    };
    stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()).map_err(OutputError::from)?;
    Ok(answer.exit())
}
