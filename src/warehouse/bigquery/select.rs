//! `irispool query` on BigQuery: one statement that only reads, its values in the types of [`Value`].

use std::fmt::Write;
use std::io;

use serde_json::Value as Json;

use super::BigQuery;
use super::api::errors::{CallError, Op};
use super::api::query::QueryColumn;
use super::api::response::{Answer as Refusal, Meaning};
use super::tables::sql;
use crate::paste;
use crate::warehouse::{Answer, Query, QueryError, Value};

/// Why the answer could not be had.
enum Fault {
    Call(CallError),
    Output(io::Error),
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Fault {
        Fault::Call(error)
    }
}

impl Query for BigQuery {
    fn query(&self, sql: &str, answer: &mut dyn Answer) -> Result<u64, QueryError> {
        if !sql::only_reads(sql) {
            return Err(QueryError::Statement {
                why: "this is not one statement that only reads: SELECT … or WITH … SELECT …".into(),
                hint: Some("to change the warehouse use: bq query --use_legacy_sql=false '…'".into()),
            });
        }
        let client = self.client();
        let mut is_first = true;
        let count = client.query::<Fault>(sql, |page| {
            if std::mem::take(&mut is_first) {
                let names: Vec<String> = page.columns.iter().map(|column| column.name.clone()).collect();
                answer.columns(&names).map_err(Fault::Output)?;
            }
            for row in &page.rows {
                // Some values are text of their own making, which the row's values then refer to.
                let written: Vec<Option<String>> =
                    page.columns.iter().zip(row).map(|(column, value)| written(column, value)).collect();
                let cells = page.columns.iter().zip(row).zip(&written);
                let values: Vec<Value<'_>> = cells
                    .map(|((column, value), written)| match written {
                        Some(json) if is_nested(column) => Value::Json(json),
                        Some(text) => Value::Text(text),
                        None => scalar(column, value),
                    })
                    .collect();
                answer.row(&values).map_err(Fault::Output)?;
            }
            Ok(())
        });
        count.map_err(|fault| match fault {
            Fault::Output(error) => QueryError::Output(error),
            // Nothing about the set-up: the statement itself.
            Fault::Call(CallError::Answer(Refusal {
                meaning: Meaning::Refused, reason, message, ..
            })) if matches!(&*reason, "invalidQuery" | "invalid" | "badRequest") => {
                let hint =
                    is_about_words(&message).then(|| "this warehouse speaks BigQuery's SQL".to_owned());
                QueryError::Statement { why: message, hint }
            }
            Fault::Call(CallError::Answer(Refusal { meaning: Meaning::NotFound, message, .. }))
                if message.contains("Table") =>
            {
                let name = paste::word(self.shared.name());
                let hint = format!("`irispool setup --warehouse {name}` makes what lacks");
                QueryError::Statement { why: message, hint: Some(hint) }
            }
            Fault::Call(error) => client.explain(Op::JobsQuery, error).into(),
        })
    }
}

/// As it is when somebody writes for SQLite.
fn is_about_words(message: &str) -> bool {
    ["Function not found", "Syntax error", "No matching signature"]
        .iter()
        .any(|begin| message.contains(begin))
}

/// A nested value as JSON, a time in seconds since 1970 as ISO 8601; none for what can be shown as it comes.
fn written(column: &QueryColumn, value: &Json) -> Option<String> {
    if value.is_null() {
        return None;
    }
    if is_nested(column) {
        let mut json = String::new();
        write_json(&mut json, column, value, column.repeated);
        return Some(json);
    }
    // As an emulator sends it, and BigQuery itself unless it is asked not to.
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

fn scalar<'a>(column: &QueryColumn, value: &'a Json) -> Value<'a> {
    let Some(text) = value.as_str() else {
        return match value {
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => {
                number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
            }
            _ => Value::Null,
        };
    };
    match &*column.type_name {
        "INTEGER" | "INT64" => text.parse().map_or(Value::Text(text), Value::Int),
        "FLOAT" | "FLOAT64" => text.parse().map_or(Value::Text(text), Value::Float),
        "BOOLEAN" | "BOOL" => text.to_ascii_lowercase().parse().map_or(Value::Text(text), Value::Bool),
        "JSON" => Value::Json(text),
        _ => Value::Text(text),
    }
}

/// A value as plain JSON: a list for what is repeated, an object for a record.
fn write_json(out: &mut String, column: &QueryColumn, value: &Json, repeated: bool) {
    let elements = |value: &Json, name: &str| value[name].as_array().cloned().unwrap_or_default();
    if repeated {
        let items = value.as_array().map_or(&[][..], Vec::as_slice);
        out.push('[');
        for (place, item) in items.iter().enumerate() {
            out.push_str(if place > 0 { "," } else { "" });
            write_json(out, column, &item["v"], false);
        }
        out.push(']');
    } else if value.is_null() {
        out.push_str("null");
    } else if is_record(column) {
        out.push('{');
        for (place, (field, cell)) in column.fields.iter().zip(elements(value, "f")).enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let _ = write!(out, "{comma}{}:", Json::from(&*field.name));
            write_json(out, field, &cell["v"], field.repeated);
        }
        out.push('}');
    } else {
        let _ = match scalar(column, value) {
            Value::Bool(value) => write!(out, "{value}"),
            Value::Int(value) => write!(out, "{value}"),
            // JSON has no infinity: it becomes null.
            Value::Float(value) => write!(out, "{}", Json::from(value)),
            Value::Json(json) => write!(out, "{json}"),
            _ => write!(out, "{value}"),
        };
    }
}
