//! Where a dataset's history is: the first of its historic tables that can be read.
//!
//! Only a table counts. A view may read irispool's own views or its IRIS table, directly or through others, and would then
//! show every row twice or make a circle; a virtual table may need a module that is not there.

use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::columns::Shape;
use super::fault::{Fault, message};
use super::tables::Names;
use super::text::quoted;
use crate::catalog;
use crate::warehouse::LeftAlone;

/// The table and its columns; what can't be used goes into `left`.
pub(super) fn find(
    connection: &Connection,
    names: &Names<'_>,
    left: &mut Vec<LeftAlone>,
) -> Result<Option<(String, Shape)>, Fault> {
    for name in catalog::historic_table_names(names.dataset) {
        let what = connection
            .prepare_cached(
                "SELECT type, rootpage FROM sqlite_schema
                 WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
            )?
            .query_row([&name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
            .optional()?;
        let why = match what.as_ref().map(|(what, page)| (what.as_str(), *page)) {
            None => continue,
            Some(("view", _)) => "is a view".to_owned(),
            Some((_, 0)) => "is a virtual table".to_owned(),
            Some(_) => match read(connection, &name) {
                Ok(Some(shape)) => return Ok(Some((name, shape))),
                Ok(None) => continue,
                Err(error) if passes(&error) => return Err(error.into()),
                Err(error) => format!("can't be read ({})", message(&error)),
            },
        };
        left.push(LeftAlone::history(names.dataset, &name, &names.unified, &why));
    }
    Ok(None)
}

/// The columns, after a row has been read: a page may be damaged, or a column may need a function that is not there.
fn read(connection: &Connection, name: &str) -> rusqlite::Result<Option<Shape>> {
    let shape = Shape::of(connection, name)?;
    connection.query_row(&format!("SELECT * FROM {} LIMIT 1", quoted(name)), [], |_| Ok(())).optional()?;
    Ok(shape)
}

/// Whether it says nothing about the table: it passes, and history must not be left out for it.
fn passes(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OperationInterrupted
                | ErrorCode::OperationAborted
                | ErrorCode::OutOfMemory
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::SchemaChanged
        )
    )
}
