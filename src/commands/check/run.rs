//! Runs all checks and prints what they found.

use std::io::{Write, stdout};

use clap::{Args, ColorChoice};

use super::super::terminal::{OutputStyle, TerminalSize};
use super::line::{CheckLine, CheckOutcome, good};
use super::screen::draw;
use super::{bigquery, client, machine, outputs, spool, sqlite};
use crate::config::{LoadedConfig, SettingOrigin, WarehouseSpec};
use crate::exit::{Exit, Failure, OutputError};

/// The arguments of `irispool check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Print a JSON array with one object per check
    #[arg(long)]
    pub json: bool,
}

/// Runs all checks and prints a line about each. The exit code is 1 if a run would not work.
///
/// # Errors
/// If stdout cannot be written.
pub(in crate::commands) fn run(
    settings: &LoadedConfig,
    args: &CheckArgs,
    colour: ColorChoice,
) -> Result<Exit, Failure> {
    let config = &settings.config;
    let mut lines = vec![of_settings(settings)];
    lines.extend(spool::check(config));
    lines.extend(machine::check(config));
    lines.extend(client::check(config));
    lines.extend(match &config.warehouse {
        WarehouseSpec::Sqlite(path) => sqlite::check(config, path),
        WarehouseSpec::BigQuery(bq_dataset) => bigquery::check(config, bq_dataset),
    });
    lines.extend(outputs::check(config));
    let text = if args.json {
        serde_json::to_string_pretty(&lines).expect("text can be written as JSON") + "\n"
    } else {
        draw(&lines, OutputStyle::of_stdout(colour), TerminalSize::of_stdout().width)
    };
    stdout().write_all(text.as_bytes()).map_err(OutputError::from)?;
    let works = lines.iter().all(|line| line.verdict != CheckOutcome::Bad);
    Ok(if works { Exit::Done } else { Exit::CannotRun })
}

/// The settings were checked when they were read: a wrong one ends every command.
fn of_settings(settings: &LoadedConfig) -> CheckLine {
    let file = match settings.origins().find(|origin| matches!(origin, SettingOrigin::File { .. })) {
        Some(SettingOrigin::File { path, .. }) => format!(", some of them from {}", path.display()),
        _ => String::new(),
    };
    good("settings", format!("all settings are valid{file}"))
}
