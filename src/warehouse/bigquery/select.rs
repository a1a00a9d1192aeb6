//! `irispool query` on BigQuery: runs one statement that only reads, and converts its values to [`QueryValue`].

use std::fmt::Write;
use std::io;

use serde_json::Value as Json;

use super::api::{CallError, Meaning, Op, QueryColumn, Refusal};
use super::tables::only_reads;
use super::warehouse::BigQuery;
use crate::paste;
use crate::warehouse::{Query, QueryError, QueryValue, RowSink, Warehouse};

/// Why a query ended early.
enum SelectError {
    Call(CallError),
    Output(io::Error),
}

impl From<CallError> for SelectError {
    fn from(error: CallError) -> SelectError {
        SelectError::Call(error)
    }
}

impl Query for BigQuery {
    fn query(&self, sql: &str, answer: &mut dyn RowSink) -> Result<u64, QueryError> {
        if !only_reads(sql) {
            return Err(QueryError::Statement {
                why: "this is not one statement that only reads: SELECT … or WITH … SELECT …".into(),
                hint: Some("to change the warehouse use: bq query --use_legacy_sql=false '…'".into()),
            });
        }
        let client = self.client();
        let mut is_first = true;
        let count = client.query::<SelectError>(sql, |page| {
            if std::mem::take(&mut is_first) {
                let names: Vec<String> = page.columns.iter().map(|column| column.name.clone()).collect();
                answer.columns(&names).map_err(SelectError::Output)?;
            }
            for row in &page.rows {
                // Some values are converted to text, which the row's values then refer to.
                let written: Vec<Option<String>> =
                    page.columns.iter().zip(row).map(|(column, value)| written(column, value)).collect();
                let cells = page.columns.iter().zip(row).zip(&written);
                let values: Vec<QueryValue<'_>> = cells
                    .map(|((column, value), written)| match written {
                        Some(json) if is_nested(column) => QueryValue::Json(json),
                        Some(text) => QueryValue::Text(text),
                        None => scalar(column, value),
                    })
                    .collect();
                answer.row(&values).map_err(SelectError::Output)?;
            }
            Ok(())
        });
        count.map_err(|error| match error {
            SelectError::Output(error) => QueryError::Output(error),
            // The statement is wrong, and not the set-up.
            SelectError::Call(CallError::Refused(Refusal {
                meaning: Meaning::Refused,
                reason,
                message,
                ..
            })) if matches!(&*reason, "invalidQuery" | "invalid" | "badRequest") => {
                let hint =
                    is_about_words(&message).then(|| "this warehouse speaks BigQuery's SQL".to_owned());
                QueryError::Statement { why: message, hint }
            }
            SelectError::Call(CallError::Refused(Refusal {
                meaning: Meaning::NotFound, message, ..
            })) if message.contains("Table") => {
                let name = paste::word(self.name());
                let hint = format!("`irispool setup --warehouse {name}` creates what is missing");
                QueryError::Statement { why: message, hint: Some(hint) }
            }
            SelectError::Call(error) => client.explain(Op::JobsQuery, error).into(),
        })
    }
}

/// Whether the message is about the words of the statement, as when somebody writes SQL for SQLite.
fn is_about_words(message: &str) -> bool {
    ["Function not found", "Syntax error", "No matching signature"]
        .iter()
        .any(|begin| message.contains(begin))
}

/// A nested value as JSON, or a time in seconds since 1970 as ISO 8601. `None`: the value can be shown as it is.
fn written(column: &QueryColumn, value: &Json) -> Option<String> {
    if value.is_null() {
        return None;
    }
    if is_nested(column) {
        let mut json = String::new();
        write_json(&mut json, column, value, column.repeated);
        return Some(json);
    }
    // An emulator sends times in seconds. BigQuery does so too, unless it is asked for ISO 8601.
    let seconds: f64 = (column.type_name == "TIMESTAMP").then(|| value.as_str()?.parse().ok())??;
    let time = jiff::Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()?;
    Some(time.to_string())
}

fn is_nested(column: &QueryColumn) -> bool {
    column.repeated || is_record(column)
}

fn is_record(column: &QueryColumn) -> bool {
    matches!(&*column.type_name, "RECORD" | "STRUCT")
}

fn scalar<'a>(column: &QueryColumn, value: &'a Json) -> QueryValue<'a> {
    let Some(text) = value.as_str() else {
        return match value {
            Json::Bool(value) => QueryValue::Bool(*value),
            Json::Number(number) => number
                .as_i64()
                .map_or_else(|| QueryValue::Float(number.as_f64().unwrap_or(f64::NAN)), QueryValue::Int),
            _ => QueryValue::Null,
        };
    };
    match &*column.type_name {
        "INTEGER" | "INT64" => text.parse().map_or(QueryValue::Text(text), QueryValue::Int),
        "FLOAT" | "FLOAT64" => text.parse().map_or(QueryValue::Text(text), QueryValue::Float),
        "BOOLEAN" | "BOOL" => {
            text.to_ascii_lowercase().parse().map_or(QueryValue::Text(text), QueryValue::Bool)
        }
        "JSON" => QueryValue::Json(text),
        _ => QueryValue::Text(text),
    }
}

/// Writes a value as plain JSON: a list for an ARRAY, an object for a record.
fn write_json(out: &mut String, column: &QueryColumn, value: &Json, repeated: bool) {
    let elements = |value: &Json, name: &str| value[name].as_array().cloned().unwrap_or_default();
    if repeated {
        let items = value.as_array().map_or(&[][..], Vec::as_slice);
        out.push('[');
        for (index, item) in items.iter().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            write_json(out, column, &item["v"], false);
        }
        out.push(']');
    } else if value.is_null() {
        out.push_str("null");
    } else if is_record(column) {
        out.push('{');
        for (index, (field, cell)) in column.fields.iter().zip(elements(value, "f")).enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let _ = write!(out, "{comma}{}:", Json::from(&*field.name));
            write_json(out, field, &cell["v"], field.repeated);
        }
        out.push('}');
    } else {
        let _ = match scalar(column, value) {
            QueryValue::Bool(value) => write!(out, "{value}"),
            QueryValue::Int(value) => write!(out, "{value}"),
            // JSON has no infinity, so it becomes null.
            QueryValue::Float(value) => write!(out, "{}", Json::from(value)),
            QueryValue::Json(json) => write!(out, "{json}"),
            _ => write!(out, "{value}"),
        };
    }
}
