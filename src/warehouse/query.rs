//! Asking a warehouse, in its own SQL.

use std::io;

use super::WarehouseError;

/// A warehouse that answers.
pub trait Query {
    /// Runs one statement that only reads, and hands its rows on as they come. Gives their number.
    fn query(&self, sql: &str, answer: &mut dyn Answer) -> Result<u64, QueryError>;
}

/// Who takes the rows of an answer.
pub trait Answer {
    /// Comes once, before the rows.
    fn columns(&mut self, names: &[String]) -> io::Result<()>;
    /// As many values as there are columns.
    fn row(&mut self, values: &[Value<'_>]) -> io::Result<()>;
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// JSON text: a nested value.
    Json(&'a str),
    Bytes(&'a [u8]),
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement is wrong, or is none that only reads.
    #[error("{why}")]
    Statement { why: String, hint: Option<String> },
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// The rows could not be handed on.
    #[error("could not write the answer: {0}")]
    Output(#[from] io::Error),
}
