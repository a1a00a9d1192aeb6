//! The requests and answers of a SQL query, page by page. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::call_error::CallError;
use crate::bq_dataset::BqDataset;
use crate::warehouse::WarehouseError;

const PAGE_ROWS: u32 = 10_000;
/// How long one request waits for the query to end, in milliseconds.
const WAIT_MS: u64 = 10_000;

/// A column of a query's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryColumn {
    /// The name of the column.
    pub name: String,
    /// BigQuery's name of the type: `INTEGER`, `TIMESTAMP` …
    pub type_name: String,
    /// Whether the column is an ARRAY of that type.
    pub repeated: bool,
    /// The fields of a record; empty for other types.
    pub fields: Vec<QueryColumn>,
}

/// Some rows of a query's answer.
#[derive(Debug)]
pub struct QueryPage<'a> {
    /// The columns of all rows.
    pub columns: &'a [QueryColumn],
    /// Each row has a value for each column, as BigQuery writes it: text for a scalar, null for NULL, `{"f": […]}` for
    /// a record, a list of `{"v": …}` for an ARRAY. Times are in ISO 8601.
    pub rows: Vec<Vec<Value>>,
}

/// The body of the request that starts a query. Table names without a dataset are looked up in `bq_dataset`.
pub(super) fn first_request(bq_dataset: &BqDataset, sql: &str) -> Value {
    json!({
        "query": sql,
        "useLegacySql": false,
        "maxResults": PAGE_ROWS,
        "timeoutMs": WAIT_MS,
        "defaultDataset": {"projectId": bq_dataset.project, "datasetId": bq_dataset.name},
        "formatOptions": {"timestampOutputFormat": "ISO8601_STRING"},
    })
}

/// Whether the query has ended, so that the answer has a page of rows.
pub(super) fn is_complete(answer: &Value) -> bool {
    answer["jobComplete"].as_bool().unwrap_or(true)
}

/// Takes the rows out of an answer.
pub(super) fn take_rows(answer: &mut Value) -> Vec<Vec<Value>> {
    match answer["rows"].take() {
        Value::Array(rows) => rows.into_iter().map(values).collect(),
        _ => Vec::new(),
    }
}

/// The path of the next request of a query; `None` after the last page.
pub(super) fn next_path(answer: &Value) -> Result<Option<String>, CallError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let page = text(&answer["pageToken"]).filter(|token| !token.is_empty());
    if is_complete(answer) && page.is_none() {
        return Ok(None);
    }
    let Some(job) = text(&answer["jobReference"]["jobId"]) else {
        let why = "BigQuery names no job for a query with more pages".to_owned();
        return Err(CallError::Warehouse(WarehouseError::Later { why, after: Duration::ZERO }));
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
    Ok(Some(path))
}

/// The columns in the `schema` of an answer.
pub(super) fn columns_of(schema: &Value) -> Vec<QueryColumn> {
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

/// The values of a row `{"f": [{"v": …}, …]}`.
fn values(mut row: Value) -> Vec<Value> {
    match row["f"].take() {
        Value::Array(cells) => cells.into_iter().map(|mut cell| cell["v"].take()).collect(),
        _ => Vec::new(),
    }
}

/// Text as a value in a URL's query.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
