//! Asking BigQuery in SQL, page by page.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::Client;
use super::fault::{CallError, Op};
use crate::warehouse::WarehouseError;

const PAGE_ROWS: u32 = 10_000;
/// How long one request waits for the query to end.
const WAIT_MS: u64 = 10_000;

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryColumn {
    pub name: String,
    /// As BigQuery calls it: `INTEGER`, `TIMESTAMP` …
    pub type_name: String,
    /// Whether it is an ARRAY of that type.
    pub repeated: bool,
    /// Of a record.
    pub fields: Vec<QueryColumn>,
}

/// Some rows of an answer.
#[derive(Debug)]
pub struct QueryPage<'a> {
    pub columns: &'a [QueryColumn],
    /// In each row a value for each column, as BigQuery writes it: text for all scalars, null for NULL, `{"f": […]}`
    /// for a record, a list of `{"v": …}` for what is repeated. Times are in ISO 8601.
    pub rows: Vec<Vec<Value>>,
}

impl Client {
    /// Runs one statement and hands its rows on, page by page; at least one page comes. `dataset` is where names
    /// without one are looked for. Gives the number of rows, or what the statement changed nothing.
    pub fn query<E: From<CallError>>(
        &self,
        sql: &str,
        mut take: impl FnMut(QueryPage<'_>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let request = json!({
            "query": sql,
            "useLegacySql": false,
            "maxResults": PAGE_ROWS,
            "timeoutMs": WAIT_MS,
            "defaultDataset": {"projectId": self.place.project, "datasetId": self.place.name},
            "formatOptions": {"timestampOutputFormat": "ISO8601_STRING"},
        });
        let mut answer = self.post(Op::JobsQuery, "queries", &request)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut count = 0;
        let mut columns: Vec<QueryColumn> = Vec::new();
        loop {
            let is_complete = answer["jobComplete"].as_bool().unwrap_or(true);
            if is_complete {
                if columns.is_empty() {
                    columns = columns_of(&answer["schema"]);
                }
                let rows: Vec<Vec<Value>> = match answer["rows"].take() {
                    Value::Array(rows) => rows.into_iter().map(values).collect(),
                    _ => Vec::new(),
                };
                count += rows.len() as u64;
                take(QueryPage { columns: &columns, rows })?;
            }
            let page = text(&answer["pageToken"]).filter(|token| !token.is_empty());
            if is_complete && page.is_none() {
                return Ok(count);
            }
            let Some(job) = text(&answer["jobReference"]["jobId"]) else {
                let why = "BigQuery names no job for a query with more pages".to_owned();
                return Err(CallError::Warehouse(WarehouseError::Later { why, after: Duration::ZERO }).into());
            };
            let mut path = format!(
                "queries/{job}?maxResults={PAGE_ROWS}&timeoutMs={WAIT_MS}&formatOptions.timestampOutputFormat=ISO8601_STRING"
            );
            if let Some(location) = text(&answer["jobReference"]["location"]) {
                path.push_str(&format!("&location={location}"));
            }
            if let Some(page) = page {
                path.push_str(&format!("&pageToken={}", percent_encoded(&page)));
            }
            answer = self.get(Op::JobsQuery, &path)?;
        }
    }
}

fn columns_of(schema: &Value) -> Vec<QueryColumn> {
    let fields = schema["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |field: &Value, name: &str| field[name].as_str().unwrap_or_default().to_owned();
    let column = |field: &Value| QueryColumn {
        name: text(field, "name"),
        type_name: text(field, "type"),
        repeated: field["mode"] == "REPEATED",
        fields: columns_of(field),
    };
    fields.iter().map(column).collect()
}

/// `{"f": [{"v": …}, …]}`.
fn values(mut row: Value) -> Vec<Value> {
    match row["f"].take() {
        Value::Array(cells) => cells.into_iter().map(|mut cell| cell["v"].take()).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
