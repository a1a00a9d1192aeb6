//! When rows came, as SQLite's ledger has it.

use std::collections::BTreeMap;
use std::io;

use super::flow::Flow;
use crate::warehouse::sqlite::Reader;
use crate::warehouse::{Answer, Query, QueryError, Value};

const DATASETS_SQL: &str = include_str!("../../sql/sqlite/health/datasets.sql");
const RHYTHM_SQL: &str = include_str!("../../sql/sqlite/health/rhythm.sql");
const TABLES_SQL: &str =
    "SELECT name FROM sqlite_schema WHERE name IN ('irispool_load_history', 'irispool_superseded')";
const SUPERSEDED_SQL: &str = "SELECT count(*) FROM irispool_superseded WHERE loaded_at IS NULL";

/// What the ledger says.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) flows: BTreeMap<String, Flow>,
    /// Contents that were never loaded, as one that was written later was in.
    pub(super) superseded: u64,
}

/// Asks a database that may be so new that it has no ledger.
pub(super) fn ask(reader: &Reader) -> Result<Ledger, QueryError> {
    let mut tables = Vec::new();
    each_row(reader, TABLES_SQL, |row| tables.push(text(&row[0]).to_owned()))?;
    let has = |table: &str| tables.iter().any(|name| name == table);
    let mut superseded = 0;
    if has("irispool_superseded") {
        each_row(reader, SUPERSEDED_SQL, |row| superseded = int(&row[0]) as u64)?;
    }
    let flows = if has("irispool_load_history") { flows(reader)? } else { BTreeMap::new() };
    Ok(Ledger { flows, superseded })
}

fn flows(reader: &Reader) -> Result<BTreeMap<String, Flow>, QueryError> {
    let mut flows: BTreeMap<String, Flow> = BTreeMap::new();
    each_row(reader, DATASETS_SQL, |row| {
        let flow = Flow {
            last_row_ms: time(&row[1]),
            rows_hour: int(&row[2]) as u64,
            rows_day: int(&row[3]) as u64,
            ..Flow::default()
        };
        flows.insert(text(&row[0]).to_owned(), flow);
    })?;
    each_row(reader, RHYTHM_SQL, |row| {
        if let Some(flow) = flows.get_mut(text(&row[0])) {
            flow.minutes.push(int(&row[1]));
        }
    })?;
    flows.values_mut().for_each(Flow::find_rhythm);
    Ok(flows)
}

fn each_row(reader: &Reader, sql: &str, take: impl FnMut(&[Value<'_>])) -> Result<(), QueryError> {
    reader.query(sql, &mut EachRow(take)).map(drop)
}

struct EachRow<F>(F);

impl<F: FnMut(&[Value<'_>])> Answer for EachRow<F> {
    fn columns(&mut self, _: &[String]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<()> {
        (self.0)(values);
        Ok(())
    }
}

fn int(value: &Value<'_>) -> i64 {
    if let Value::Int(value) = value { *value } else { 0 }
}

fn text<'a>(value: &Value<'a>) -> &'a str {
    if let Value::Text(value) = value { value } else { "" }
}

fn time(value: &Value<'_>) -> Option<i64> {
    text(value).parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}
