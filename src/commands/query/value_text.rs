//! A value of a query's answer as text.

use std::borrow::Cow;

use crate::warehouse::QueryValue;

/// Null is empty; bytes are hexadecimal.
pub(super) fn value_text<'a>(value: &QueryValue<'a>) -> Cow<'a, str> {
    match value {
        QueryValue::Null => "".into(),
        QueryValue::Int(value) => value.to_string().into(),
        // A float keeps its point, as in SQLite: 50.0, not 50.
        QueryValue::Float(value) => format!("{value:?}").into(),
        QueryValue::Bool(value) => value.to_string().into(),
        QueryValue::Text(value) | QueryValue::Json(value) => (*value).into(),
        QueryValue::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    }
}
