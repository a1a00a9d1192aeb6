//! Rows as JSON.

use std::io::{self, Write};

use super::value_text::value_text;
use crate::warehouse::{QueryValue, RowSink};

/// Writes rows as one array of objects.
pub(super) struct JsonAnswer<'a> {
    out: &'a mut dyn Write,
    keys: Vec<String>,
    rows: u64,
}

impl RowSink for JsonAnswer<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.keys = names.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        self.out.write_all(b"[")
    }

    fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()> {
        self.out.write_all(if self.rows == 0 { b"\n{" } else { b",\n{" })?;
        self.rows += 1;
        for (index, (key, value)) in self.keys.iter().zip(values).enumerate() {
            write!(self.out, "{}{key}: ", if index == 0 { "" } else { ", " })?;
            match value {
                QueryValue::Int(value) => write!(self.out, "{value}")?,
                // JSON has no infinity: it becomes null.
                QueryValue::Float(value) => serde_json::to_writer(&mut self.out, value)?,
                QueryValue::Null => self.out.write_all(b"null")?,
                QueryValue::Bool(value) => write!(self.out, "{value}")?,
                QueryValue::Json(json) => self.out.write_all(json.as_bytes())?,
                QueryValue::Text(_) | QueryValue::Bytes(_) => {
                    serde_json::to_writer(&mut self.out, &value_text(value))?
                }
            }
        }
        self.out.write_all(b"}")
    }
}

impl<'a> JsonAnswer<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> JsonAnswer<'a> {
        JsonAnswer { out, keys: Vec::new(), rows: 0 }
    }

    pub(super) fn end(self) -> io::Result<()> {
        self.out.write_all(if self.rows == 0 { b"]\n" } else { b"\n]\n" })
    }
}
