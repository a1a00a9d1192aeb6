//! What can be typed behind `irispool status`, and what it does.

use std::io::{Write, stdout};
use std::time::Duration;

use clap::{Args, ColorChoice};

use super::super::terminal::{OutputStyle, TerminalSize};
use super::report::StatusReport;
use super::{alert, screen, watch};
use crate::config::{AlertSettings, Config, StatusSettings};
use crate::exit::{Exit, Failure, OutputError};
use crate::health::Looker;

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// As one JSON object; with --watch one a line
    #[arg(long)]
    pub json: bool,
    /// OutputStyle again and again, until Ctrl-C
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
    #[command(flatten)]
    pub health: StatusSettings,
    #[command(flatten)]
    pub alerts: AlertSettings,
}

fn watch_interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|_| "a duration such as 2s".to_owned())?;
    if interval < Duration::from_millis(100) { Err("at least 100ms".to_owned()) } else { Ok(interval) }
}

/// Looks, and says what it sees. The exit code is that of the last look.
///
/// # Errors
/// When stdout does not take it.
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
    let looker = Looker::new(config);
    if let Some(every) = args.watch {
        return watch::watch(config, looker, args.json, args.all, every, look);
    }
    let answer = match args.alert {
        true => alert::tell(config),
        false => StatusReport::of(&looker, config),
    };
    let text = if args.json {
        serde_json::to_string_pretty(&answer).expect("facts can be written as JSON") + "\n"
    } else {
        let mut room = TerminalSize::of_stdout();
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
