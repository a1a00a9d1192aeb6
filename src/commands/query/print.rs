//! Prints the rows of a query in one of the formats.

use std::io::Write;

use super::csv_answer::CsvAnswer;
use super::json_answer::JsonAnswer;
use super::output_format::OutputFormat;
use super::screen_answer::ScreenAnswer;
use crate::warehouse::{Query, QueryError};

/// How many rows there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The rows of the answer.
    pub rows: u64,
    /// How many of them were printed: a table has a limit.
    pub rows_shown: u64,
}

/// Runs the query and writes its rows to `out` in that format. A table is cut to `width` columns of the screen, and the
/// values of records are wrapped to it.
///
/// # Errors
/// If the warehouse refuses the statement, or `out` cannot be written.
pub fn print(
    warehouse: &dyn Query,
    sql: &str,
    format: OutputFormat,
    width: Option<usize>,
    out: &mut dyn Write,
) -> Result<Printed, QueryError> {
    match format {
        OutputFormat::Fitting | OutputFormat::Table | OutputFormat::Records => {
            let mut answer = ScreenAnswer::new(out, format, width);
            let rows = warehouse.query(sql, &mut answer)?;
            Ok(Printed { rows, rows_shown: answer.end()? })
        }
        OutputFormat::Csv => {
            let rows = warehouse.query(sql, &mut CsvAnswer::new(out))?;
            Ok(Printed { rows, rows_shown: rows })
        }
        OutputFormat::Json => {
            let mut answer = JsonAnswer::new(out);
            let rows = warehouse.query(sql, &mut answer)?;
            answer.end()?;
            Ok(Printed { rows, rows_shown: rows })
        }
    }
}
