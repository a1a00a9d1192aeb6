//! When rows came, as SQLite's ledger has it.

use std::collections::BTreeMap;
use std::io;

use super::flow::Flow;
use crate::warehouse::sqlite::Reader;
use crate::warehouse::{Answer, Query, QueryError, Value};

const DATASETS_SQL: &str = include_str!("../../sql/sqlite/health/datasets.sql");
const RHYTHM_SQL: &str = include_str!("../../sql/sqlite/health/rhythm.sql");
const LEDGER_SQL: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'irispool_load_history'";

/// Asks a database that may be so new that it has no ledger.
pub(super) fn ask(reader: &Reader) -> Result<BTreeMap<String, Flow>, QueryError> {
    let mut ledgers = 0;
    each_row(reader, LEDGER_SQL, |row| ledgers = int(&row[0]))?;
    let mut flows: BTreeMap<String, Flow> = BTreeMap::new();
    if ledgers == 0 {
        return Ok(flows);
    }
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
