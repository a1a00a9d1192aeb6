//! Rows as CSV.

use std::borrow::Cow;
use std::io::{self, Write};

use super::value_text::value_text;
use crate::warehouse::{QueryValue, RowSink};

/// Writes rows as RFC 4180 has them.
pub(super) struct CsvAnswer<'a> {
    out: &'a mut dyn Write,
}

impl<'a> CsvAnswer<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> CsvAnswer<'a> {
        CsvAnswer { out }
    }

    fn line<'t>(&mut self, fields: impl Iterator<Item = Cow<'t, str>>) -> io::Result<()> {
        for (index, field) in fields.enumerate() {
            if index > 0 {
                self.out.write_all(b",")?;
            }
            if field.contains([',', '"', '\r', '\n']) {
                write!(self.out, "\"{}\"", field.replace('"', "\"\""))?;
            } else {
                self.out.write_all(field.as_bytes())?;
            }
        }
        self.out.write_all(b"\r\n")
    }
}

impl RowSink for CsvAnswer<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        self.line(names.iter().map(|name| name.into()))
    }

    fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()> {
        self.line(values.iter().map(value_text))
    }
}
