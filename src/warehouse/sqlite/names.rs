//! The names of a dataset's table and views.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::history;
use crate::catalog::{self, Dataset};

pub(super) struct Names<'a> {
    pub(super) dataset: &'a str,
    pub(super) known: Option<&'static Dataset>,
    pub(super) table: String,
    pub(super) unified: String,
    pub(super) latest: String,
    /// The historic tables that cannot be read, each with the reason.
    pub(super) unreadable: BTreeMap<String, String>,
}

impl<'a> Names<'a> {
    /// Must not be called inside a transaction: see [`history::unreadable`].
    pub(super) fn of(connection: &Connection, dataset: &'a str) -> rusqlite::Result<Self> {
        let table = catalog::table_name(dataset);
        let base = table.strip_suffix("_iris").unwrap_or(&table);
        Ok(Names {
            dataset,
            known: catalog::find(dataset),
            unified: catalog::view_name(dataset),
            latest: format!("{base}_latest"),
            unreadable: history::unreadable(connection, dataset)?,
            table,
        })
    }
}
