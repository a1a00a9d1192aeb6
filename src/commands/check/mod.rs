//! `irispool check`: before going live, whether everything is there that a run needs. Nothing is changed.

mod bigquery;
mod host;
mod rights;
mod spool;
mod sqlite;
mod told;

use std::io::{Write, stdout};

use anstyle::AnsiColor;
use clap::{Args, ColorChoice};
use serde::Serialize;

use super::text::{Look, Room, wrapped};
use crate::config::{LoadedConfig, SettingOrigin, WarehouseSpec};
use crate::exit::{Exit, Failure, OutputError};
use crate::observe::plain;
use crate::warehouse::LeftAlone;

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// As a JSON array with an object a line of the answer
    #[arg(long)]
    pub json: bool,
}

/// How one check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    /// It can't be found out without changing something.
    Unknown,
    /// A run works, but not as well as it could.
    Warning,
    /// A run does not work, or not for long.
    Bad,
}

/// A line of the answer.
#[derive(Debug, Serialize)]
struct Line {
    check: &'static str,
    verdict: Verdict,
    what: String,
    /// What to do; none where all is well.
    hint: Option<String>,
}

fn good(check: &'static str, what: impl Into<String>) -> Line {
    Line { check, verdict: Verdict::Good, what: what.into(), hint: None }
}

fn warning(check: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Line {
    Line { check, verdict: Verdict::Warning, what: what.into(), hint: Some(hint.into()) }
}

fn unknown(check: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Line {
    Line { check, verdict: Verdict::Unknown, what: what.into(), hint: Some(hint.into()) }
}

/// A line for each thing of the user's that stands where a view would be or would read.
fn of_left_alone(left: Vec<LeftAlone>) -> impl Iterator<Item = Line> {
    left.into_iter().map(|left| warning("views", left.what, left.hint))
}

fn bad(check: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Line {
    Line { check, verdict: Verdict::Bad, what: what.into(), hint: Some(hint.into()) }
}

/// Checks, and says a line about each check. 1 where a run would not work.
///
/// # Errors
/// When stdout does not take it.
pub(super) fn run(settings: &LoadedConfig, args: &CheckArgs, colour: ColorChoice) -> Result<Exit, Failure> {
    let config = &settings.config;
    let mut lines = vec![of_settings(settings)];
    lines.extend(spool::check(config));
    lines.extend(host::check(config));
    lines.extend(match &config.warehouse {
        WarehouseSpec::Sqlite(path) => sqlite::check(config, path),
        WarehouseSpec::BigQuery(bq_dataset) => bigquery::check(config, bq_dataset),
    });
    lines.extend(told::check(config));
    let text = if args.json {
        serde_json::to_string_pretty(&lines).expect("text can be written as JSON") + "\n"
    } else {
        draw(&lines, Look::of_stdout(colour), Room::of_stdout().width)
    };
    stdout().write_all(text.as_bytes()).map_err(OutputError::from)?;
    let works = lines.iter().all(|line| line.verdict != Verdict::Bad);
    Ok(if works { Exit::Done } else { Exit::CannotRun })
}

/// They are checked when they are read: a wrong one ends every command.
fn of_settings(settings: &LoadedConfig) -> Line {
    let file = match settings.origins().find(|origin| matches!(origin, SettingOrigin::File { .. })) {
        Some(SettingOrigin::File { path, .. }) => format!(", some of them from {}", path.display()),
        _ => String::new(),
    };
    good("settings", format!("every setting is right{file}"))
}

/// As wide as the terminal, where there is one.
fn draw(lines: &[Line], look: Look, width: Option<usize>) -> String {
    let mut text = String::new();
    let title_chars = lines.iter().map(|line| line.check.len()).max().unwrap_or(0);
    for line in lines {
        let (colour, symbol, word) = match line.verdict {
            Verdict::Good => (AnsiColor::Green, "✔", "ok     "),
            Verdict::Unknown => (AnsiColor::Magenta, "?", "unknown"),
            Verdict::Warning => (AnsiColor::Yellow, "!", "warning"),
            Verdict::Bad => (AnsiColor::Red, "✘", "FAILED "),
        };
        let mark = if look.symbols { symbol } else { word };
        let indent = mark.chars().count() + 1 + title_chars + 2;
        let first = format!("{} {:title_chars$}  ", look.paint(colour, mark), line.check);
        text.push_str(&wrapped(&first, indent, &plain(&line.what), width));
        if let Some(hint) = &line.hint {
            let first = format!("{:indent$}hint: ", "");
            text.push_str(&wrapped(&first, indent + "hint: ".len(), &plain(hint), width));
        }
    }
    text
}
