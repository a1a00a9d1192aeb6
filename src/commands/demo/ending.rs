//! The screen that the demo ends with. It fits into a terminal of 80 columns and 24 lines, so that everything that the
//! demo has to show is seen at once.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use clap::ColorChoice;

use super::super::status::{StatusReport, verdict};
use super::super::table::{Align, columns, cut};
use super::super::terminal::{OutputStyle, TerminalSize};
use super::super::units::{count, counted};
use crate::config::Config;
use crate::exit::Failure;
use crate::health::FactsCollector;
use crate::observe::plain;
use crate::paste;
use crate::spool::{Letter, reason_group};
use crate::warehouse::{Query, QueryError, QueryValue, RowSink};

/// How many tables are shown, in two columns.
const TABLES_SHOWN: usize = 10;
const REASONS_SHOWN: usize = 3;
/// The width if stdout is no terminal.
const WIDTH_USUAL: usize = 80;

const TABLES_SQL: &str = include_str!("../../../sql/sqlite/demo/tables.sql");
const GENERATION_SQL: &str = include_str!("../../../sql/sqlite/demo/generation.sql");

/// The largest tables, the dead letters, the generation mix, the first line of `irispool status`, and what to try next.
pub(super) fn draw(
    warehouse: &dyn Query,
    letters: &[Letter],
    config: &Config,
    dir: &Path,
    colour: ColorChoice,
) -> Result<String, Failure> {
    let room = TerminalSize { width: TerminalSize::of_stdout().width.or(Some(WIDTH_USUAL)), height: None };
    let width = room.width.unwrap_or(WIDTH_USUAL);
    let tables = largest_tables(&rows_of(warehouse, TABLES_SQL)?);
    let dead = dead(letters, width);
    let mix = generation_mix(&rows_of(warehouse, GENERATION_SQL)?, width);
    let report = StatusReport::of(&FactsCollector::new(config), config);
    let status = verdict(&report, OutputStyle::of_stdout(colour), room);
    Ok(format!("{tables}\n{dead}{mix}{status}\n{}", next_steps(dir)))
}

fn largest_tables(rows: &[Vec<String>]) -> String {
    let all = rows.first().and_then(|row| row.get(2)).map_or("0", String::as_str);
    let title = format!("LARGEST OF {all} TABLES");
    let header = [(&*title, Align::Left), ("ROWS", Align::Right), ("", Align::Left), ("ROWS", Align::Right)];
    let cells = |index: usize| {
        rows.get(index).map_or([String::new(), String::new()], |row| [row[0].clone(), row[1].clone()])
    };
    let half = rows.len().min(TABLES_SHOWN).div_ceil(2);
    let lines: Vec<Vec<String>> = (0..half).map(|line| [cells(line), cells(line + half)].concat()).collect();
    columns(&header, &lines)
}

/// How many dead letters there are, and the commonest reasons.
fn dead(letters: &[Letter], width: usize) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for report in letters.iter().filter_map(|letter| letter.report.as_ref()) {
        *counts.entry(reason_group(&report.reason)).or_default() += 1;
    }
    let mut groups: Vec<(String, u64)> = counts.into_iter().collect();
    groups.sort_by_key(|(_, letters)| std::cmp::Reverse(*letters));
    let total = counted(letters.len() as u64, "dead letter");
    let mut text = format!("{total}; the commonest reasons\n");
    for (reason, letters) in groups.iter().take(REASONS_SHOWN) {
        let line = format!("{:>5}  {}", count(*letters), plain(reason));
        text.push_str(&format!("{}\n", cut(&line, width)));
    }
    text
}

/// What generates Great Britain's electricity: the largest fuels that fit into one line.
fn generation_mix(rows: &[Vec<String>], width: usize) -> String {
    let Some(published) = rows.first().map(|row| &row[0]) else { return String::new() };
    let clock = published.get(11..16).unwrap_or(published);
    let mut line = format!("Generation at {clock} UTC, in MW:");
    for (index, row) in rows.iter().enumerate() {
        let fuel = format!("{} {} {}", if index == 0 { "" } else { "," }, row[1], row[2]);
        if line.len() + fuel.len() > width {
            break;
        }
        line.push_str(&fuel);
    }
    line + "\n"
}

/// Commands to paste one after another. They name the spool and the warehouse, because the settings of the user may
/// name others, and made-up messages must not go there.
fn next_steps(dir: &Path) -> String {
    let program = std::env::args_os().next().unwrap_or_else(|| "irispool".into());
    let program = Path::new(&program);
    let folder = program.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = paste::word(program.file_name().unwrap_or("irispool".as_ref()));
    let dir = paste::word(dir);
    let path =
        folder.map_or(String::new(), |folder| format!("  export PATH={}:\"$PATH\"\n", paste::path(folder)));
    format!(
        "Next:
  cd {dir}
{path}  {name} query --warehouse sqlite:irispool.db --named frequency_by_minute
  {name} dead list --spool spool
  {name} feed --per-second 20 spool/incoming &
  {name} run --spool spool --warehouse sqlite:irispool.db
When you have seen enough:
  rm -r {dir}
"
    )
}

/// How many rows all tables have, as text.
pub(super) fn rows_loaded(warehouse: &dyn Query) -> Result<String, QueryError> {
    let rows = rows_of(warehouse, "SELECT coalesce(sum(rows), 0) FROM irispool_load_history")?;
    Ok(rows.into_iter().flatten().next().unwrap_or_default())
}

/// The rows of a query as texts.
fn rows_of(warehouse: &dyn Query, sql: &str) -> Result<Vec<Vec<String>>, QueryError> {
    let mut answer = TextRows(Vec::new());
    warehouse.query(sql, &mut answer)?;
    Ok(answer.0)
}

struct TextRows(Vec<Vec<String>>);

impl RowSink for TextRows {
    fn columns(&mut self, _: &[String]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()> {
        let text = |value: &QueryValue<'_>| match value {
            QueryValue::Int(number) => u64::try_from(*number).map_or_else(|_| number.to_string(), count),
            QueryValue::Text(text) => plain(text).into_owned(),
            other => format!("{other:?}"),
        };
        self.0.push(values.iter().map(text).collect());
        Ok(())
    }
}
