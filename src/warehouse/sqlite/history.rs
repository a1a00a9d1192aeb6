//! Finds a dataset's history: the first of its historic tables that can be read.
//!
//! Only a table counts. A view may read irispool's own views or its IRIS table, directly or through others, and would
//! then show every row twice or make a circle. A virtual table may need a module that is missing.

use std::collections::BTreeMap;

use rusqlite::{Connection, ErrorCode, OptionalExtension};

use super::columns::TableShape;
use super::error::message;
use super::text::quoted;
use crate::catalog;
use crate::warehouse::LeftAlone;

/// The historic table and its columns. Adds what cannot be used to `left`.
pub(super) fn find(
    connection: &Connection,
    dataset: &str,
    unified: &str,
    unreadable: &BTreeMap<String, String>,
    left: &mut Vec<LeftAlone>,
) -> rusqlite::Result<Option<(String, TableShape)>> {
    for name in catalog::historic_table_names(dataset) {
        let why = match named(connection, &name)? {
            HistoricName::Nothing => continue,
            HistoricName::View => "is a view".to_owned(),
            HistoricName::Virtual => "is a virtual table".to_owned(),
            HistoricName::Table => match unreadable.get(&name) {
                Some(why) => format!("can't be read ({why})"),
                None => match TableShape::of(connection, &name)? {
                    Some(shape) => return Ok(Some((name, shape))),
                    None => continue,
                },
            },
        };
        left.push(LeftAlone::history(dataset, &name, unified, &why));
    }
    Ok(None)
}

/// The historic tables of a dataset that cannot be read, each with the reason: a page may be damaged, or a column may
/// need a function that is missing.
///
/// This must not be called inside a transaction, because SQLite refuses to commit one in which a damaged page was
/// read.
pub(super) fn unreadable(
    connection: &Connection,
    dataset: &str,
) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut unreadable = BTreeMap::new();
    for name in catalog::historic_table_names(dataset) {
        if named(connection, &name)? != HistoricName::Table {
            continue;
        }
        let row = format!("SELECT * FROM {} LIMIT 1", quoted(&name));
        match connection.query_row(&row, [], |_| Ok(())).optional() {
            Ok(_) => {}
            Err(error) if passes(&error) => return Err(error),
            Err(error) => {
                unreadable.insert(name, message(&error));
            }
        }
    }
    Ok(unreadable)
}

#[derive(PartialEq)]
enum HistoricName {
    Nothing,
    View,
    Virtual,
    Table,
}

fn named(connection: &Connection, name: &str) -> rusqlite::Result<HistoricName> {
    let found = connection
        .prepare_cached(
            "SELECT type, rootpage FROM sqlite_schema
             WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
        )?
        .query_row([name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    Ok(match found.as_ref().map(|(what, page)| (what.as_str(), *page)) {
        None => HistoricName::Nothing,
        Some(("view", _)) => HistoricName::View,
        Some((_, 0)) => HistoricName::Virtual,
        Some(_) => HistoricName::Table,
    })
}

/// Whether the error passes and so says nothing about the table: history must not be left out because of it.
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
