//! Queries in a warehouse's own SQL.

use std::io;

use super::error::WarehouseError;

/// A warehouse that answers queries.
pub trait Query {
    /// Runs one statement that only reads, and hands its rows to `answer` as they come. Returns how many there were.
    fn query(&self, sql: &str, answer: &mut dyn RowSink) -> Result<u64, QueryError>;
}

/// Takes the rows of a query.
pub trait RowSink {
    /// Called once, before the rows.
    fn columns(&mut self, names: &[String]) -> io::Result<()>;
    /// Called for each row, with as many values as there are columns.
    fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()>;
}

/// One value of a row that a query returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QueryValue<'a> {
    /// No value.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text; also a time, in the warehouse's own form.
    Text(&'a str),
    /// JSON text: a nested value.
    Json(&'a str),
    /// Bytes, or text that is not UTF-8.
    Bytes(&'a [u8]),
}

/// Why a query gave no answer, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement is wrong, or it is not one that only reads.
    #[error("{why}")]
    Statement {
        /// What is wrong, mostly in the warehouse's words.
        why: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The warehouse could not answer.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// The rows could not be written to where they should go.
    #[error("could not write the answer: {0}")]
    Output(#[from] io::Error),
}

/// Runs one statement that only reads, and hands each row to `take`.
///
/// # Errors
/// If the statement is wrong, or the warehouse does not answer.
pub(crate) fn each_row(
    warehouse: &dyn Query,
    sql: &str,
    take: impl FnMut(&[QueryValue<'_>]),
) -> Result<(), QueryError> {
    warehouse.query(sql, &mut EachRow(take)).map(drop)
}

struct EachRow<F>(F);

impl<F: FnMut(&[QueryValue<'_>])> RowSink for EachRow<F> {
    fn columns(&mut self, _: &[String]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()> {
        (self.0)(values);
        Ok(())
    }
}
