//! The rows that SQLite's ledger has.

use std::collections::BTreeMap;

use super::dataset_flow::DatasetFlow;
use crate::warehouse::sqlite::SqliteReader;
use crate::warehouse::{QueryError, QueryValue, each_row};

const DATASETS_SQL: &str = include_str!("../../../sql/sqlite/health/datasets.sql");
const RHYTHM_SQL: &str = include_str!("../../../sql/sqlite/health/rhythm.sql");
const TABLES_SQL: &str =
    "SELECT name FROM sqlite_schema WHERE name IN ('irispool_load_history', 'irispool_superseded')";
const SUPERSEDED_SQL: &str = "SELECT count(*) FROM irispool_superseded WHERE loaded_at IS NULL";

/// What the ledger says.
#[derive(Debug, Default)]
pub(in crate::health) struct LedgerAnswer {
    /// The rows by dataset.
    pub(in crate::health) flows: BTreeMap<String, DatasetFlow>,
    /// Contents of messages that were never loaded, because content that was written later was loaded first.
    pub(in crate::health) superseded: u64,
}

/// Asks the ledger. A database without a ledger, which no worker has used yet, has no rows.
///
/// # Errors
/// If the database does not answer a query.
pub(in crate::health) fn ask_ledger(reader: &SqliteReader) -> Result<LedgerAnswer, QueryError> {
    let mut tables = Vec::new();
    each_row(reader, TABLES_SQL, |row| tables.push(text(&row[0]).to_owned()))?;
    let has = |table: &str| tables.iter().any(|name| name == table);
    let mut superseded = 0;
    if has("irispool_superseded") {
        each_row(reader, SUPERSEDED_SQL, |row| superseded = int(&row[0]) as u64)?;
    }
    let flows = if has("irispool_load_history") { flows(reader)? } else { BTreeMap::new() };
    Ok(LedgerAnswer { flows, superseded })
}

fn flows(reader: &SqliteReader) -> Result<BTreeMap<String, DatasetFlow>, QueryError> {
    let mut flows: BTreeMap<String, DatasetFlow> = BTreeMap::new();
    each_row(reader, DATASETS_SQL, |row| {
        let flow = DatasetFlow {
            last_row_ms: time(&row[1]),
            rows_hour: int(&row[2]) as u64,
            rows_day: int(&row[3]) as u64,
            ..DatasetFlow::default()
        };
        flows.insert(text(&row[0]).to_owned(), flow);
    })?;
    each_row(reader, RHYTHM_SQL, |row| {
        if let Some(flow) = flows.get_mut(text(&row[0])) {
            flow.minutes.push(int(&row[1]));
        }
    })?;
    flows.values_mut().for_each(DatasetFlow::set_rhythm);
    Ok(flows)
}

fn int(value: &QueryValue<'_>) -> i64 {
    if let QueryValue::Int(value) = value { *value } else { 0 }
}

fn text<'a>(value: &QueryValue<'a>) -> &'a str {
    if let QueryValue::Text(value) = value { value } else { "" }
}

fn time(value: &QueryValue<'_>) -> Option<i64> {
    text(value).parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}
