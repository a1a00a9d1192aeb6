//! The arguments of `irispool status`, and what it does.

use std::io::{Write, stdout};
use std::time::Duration;

use clap::{Args, ColorChoice};

use super::super::terminal::{OutputStyle, TerminalSize};
use super::report::StatusReport;
use super::{alert, screen, watch};
use crate::config::Config;
use crate::exit::{Exit, Failure, OutputError};
use crate::health::FactsCollector;

/// The arguments of `irispool status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print one JSON object; with --watch, one per line
    #[arg(long)]
    pub json: bool,
    /// Repeat until Ctrl-C
    #[arg(
        long,
        value_name = "EVERY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        value_parser = watch_interval
    )]
    pub watch: Option<Duration>,
    /// Show every dataset, even if the terminal is too small for them
    #[arg(long, conflicts_with = "json")]
    pub all: bool,
    /// Send the alerts that are due, as workers do; for cron, because no worker can report that none is alive
    #[arg(long, conflicts_with = "watch")]
    pub alert: bool,
    /// Only send a test through every alert channel
    #[arg(long, conflicts_with_all = ["watch", "alert", "json"])]
    pub alert_test: bool,
}

fn watch_interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|_| "a duration such as 2s".to_owned())?;
    if interval < Duration::from_millis(100) { Err("at least 100ms".to_owned()) } else { Ok(interval) }
}

/// Shows the state of the spool and the warehouse. The exit code is that of the last report.
///
/// # Errors
/// If stdout cannot be written.
pub(in crate::commands) fn run(
    config: &Config,
    args: &StatusArgs,
    colour: ColorChoice,
) -> Result<Exit, Failure> {
    if args.alert_test {
        return alert::test(config);
    }
    if args.alert {
        alert::check(config)?;
    }
    let look = OutputStyle::of_stdout(colour);
    let collector = FactsCollector::new(config);
    if let Some(every) = args.watch {
        return watch::watch(config, collector, args.json, args.all, every, look);
    }
    let answer = match args.alert {
        true => alert::send_due(config),
        false => StatusReport::of(&collector, config),
    };
    let text = if args.json {
        serde_json::to_string_pretty(&answer).expect("facts can be written as JSON") + "\n"
    } else {
        let mut room = TerminalSize::of_stdout();
        if args.all {
            room.height = None;
        }
        // The prompt needs one line.
        room.height = room.height.map(|height| height.saturating_sub(1));
        screen::draw(&answer, look, room)
    };
    stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()).map_err(OutputError::from)?;
    Ok(answer.exit())
}
