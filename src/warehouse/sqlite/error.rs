//! What SQLite's error codes mean for a delivery: wait and try again, or call a person.

use std::path::Path;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::paste;
use crate::warehouse::{DISK_FULL, WarehouseError};

const RETRY_BUSY: Duration = Duration::from_millis(100);
const RETRY_DISK: Duration = Duration::from_secs(5);

/// Why a step inside this module failed, before the file and the task are named.
#[derive(Debug)]
pub(super) enum SqliteError {
    Sql(rusqlite::Error),
    /// A state of the database that does not change by waiting.
    State {
        why: String,
        hint: String,
    },
    /// Something other than the database, with its own explanation.
    Warehouse(WarehouseError),
}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        SqliteError::Sql(error)
    }
}

impl SqliteError {
    pub(super) fn state(why: impl Into<String>, hint: impl Into<String>) -> Self {
        SqliteError::State { why: why.into(), hint: hint.into() }
    }

    /// A short name for the metrics: `databaseBusy`.
    pub(super) fn name(&self) -> String {
        let SqliteError::Sql(error) = self else { return "state".to_owned() };
        let Some(code) = error.sqlite_error_code() else { return "statement".to_owned() };
        let name = format!("{code:?}");
        name[..1].to_ascii_lowercase() + &name[1..]
    }

    /// Whether SQLite refused the text of a statement: a table or a column that it names does not exist.
    pub(super) fn is_about_names(&self) -> bool {
        match self {
            SqliteError::Sql(rusqlite::Error::SqlInputError { .. }) => true,
            SqliteError::Sql(error) => {
                error.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_ERROR)
            }
            SqliteError::State { .. } | SqliteError::Warehouse(_) => false,
        }
    }

    /// The error for the caller. `doing` completes "could not …".
    pub(super) fn explain(self, path: &Path, doing: &str) -> WarehouseError {
        let file = path.display();
        let error = match self {
            SqliteError::State { why, hint } => return WarehouseError::Setup { why, hint },
            SqliteError::Warehouse(error) => return error,
            SqliteError::Sql(error) => error,
        };
        let why = |reason: &str| format!("could not {doing} in {file}: {reason} ({})", message(&error));
        let later = |reason: &str, after| WarehouseError::Later { why: why(reason), after };
        let setup = |reason: &str, hint: String| WarehouseError::Setup { why: why(reason), hint };
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
                later("another process has held the database for too long", RETRY_BUSY)
            }
            Some(ErrorCode::OperationInterrupted | ErrorCode::OperationAborted) => {
                later("it was interrupted", RETRY_BUSY)
            }
            Some(ErrorCode::OutOfMemory) => later("memory is short", RETRY_DISK),
            Some(ErrorCode::DiskFull) => later(DISK_FULL, RETRY_DISK),
            Some(ErrorCode::SystemIoFailure) => later("reading or writing the disk failed", RETRY_DISK),
            Some(ErrorCode::NotADatabase) => setup(
                "the file is not an SQLite database",
                format!("name another file with --warehouse sqlite:PATH, or move {file} away"),
            ),
            Some(ErrorCode::DatabaseCorrupt) => setup(
                "the database is damaged",
                format!("stop every worker, then try: sqlite3 {} .recover | sqlite3 recovered.db", paste::word(path)),
            ),
            Some(ErrorCode::CannotOpen) => setup(
                "the file can't be opened or created",
                format!("check that {} exists and that this user may write into it", folder(path)),
            ),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
                setup(
                    "the database can't be written",
                    format!(
                        "check that this user may write {file} and into {}, and that its file system is mounted for writing",
                        folder(path)
                    ),
                )
            }
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => setup(
                "a table does not take the rows",
                "a rule of the table (NOT NULL, UNIQUE, CHECK, a STRICT type) forbids them: drop the rule, or \
                 rename the table and let irispool create its own"
                    .into(),
            ),
            _ => setup(
                "SQLite refused",
                "compare the table with the one that `irispool setup` creates in an empty file".into(),
            ),
        }
    }
}

/// SQLite's own words, without the statement that rusqlite adds.
pub(super) fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

fn folder(path: &Path) -> String {
    path.parent().unwrap_or(Path::new("/")).display().to_string()
}
