//! The errors of `irispool query` that are not about the warehouse.

use std::io;

use crate::exit::{Exit, Explain};

#[derive(Debug, thiserror::Error)]
pub(super) enum StatementError {
    #[error("cannot read the statement from standard input: {source}")]
    Unread { source: io::Error },
    #[error("no query that comes with irispool is named {name}")]
    UnknownName { name: String, near: Option<&'static str> },
    #[error("the statement is written for BigQuery: it names {{project}} and {{dataset}}")]
    ForBigQuery,
}

impl Explain for StatementError {
    fn hint(&self) -> Option<String> {
        match self {
            StatementError::Unread { .. } => None,
            StatementError::UnknownName { near: Some(near), .. } => {
                Some(format!("did you mean {near}? irispool query --list shows all of them"))
            }
            StatementError::UnknownName { near: None, .. } => {
                Some("irispool query --list shows all of them".to_owned())
            }
            StatementError::ForBigQuery => Some(
                "this warehouse speaks SQLite's SQL: irispool query --named NAME has the same queries for both"
                    .to_owned(),
            ),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            StatementError::UnknownName { .. } => Exit::Usage,
            StatementError::Unread { .. } | StatementError::ForBigQuery => Exit::CannotRun,
        }
    }
}
