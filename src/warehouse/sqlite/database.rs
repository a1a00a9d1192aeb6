//! A SQLite file as a warehouse: one connection that writes, and what is known of the tables.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::SqliteError;
use super::metrics::Metrics;
use super::tables::{self, DatasetTable};
use super::{connection, load};
use crate::catalog::{Field, Schema};
use crate::locks::Unpoisoned;
use crate::metrics::MetricFamily;
use crate::warehouse::{Delivery, MessageOutcome, Replace, SetupChanges, Warehouse, WarehouseError};

/// An SQLite file as a warehouse.
pub struct Sqlite {
    path: PathBuf,
    /// Device and inode: a file that is replaced while it is open would swallow rows.
    file: (u64, u64),
    writer: Mutex<Connection>,
    /// The tables by dataset. If another process adds columns, that shows when a field seems to be missing.
    tables: RwLock<HashMap<String, DatasetTable>>,
    /// The names of the user's own views that the log has already mentioned: it mentions each once.
    told: Mutex<HashSet<String>>,
    metrics: Metrics,
}

impl Sqlite {
    /// Opens the file, or creates it if it is missing. Its folder must exist. Waits for up to `busy_timeout` if the
    /// database is busy.
    pub fn open(path: impl AsRef<Path>, busy_timeout: Duration) -> Result<Sqlite, WarehouseError> {
        // An absolute path is never read as a URI or as `:memory:`.
        let path = std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned());
        let explain = |fault: SqliteError| fault.explain(&path, "open the warehouse");
        let writer = connection::open_writer(&path, busy_timeout).map_err(explain)?;
        tables::make_own_tables(&writer).map_err(explain)?;
        let file = identity(&path).ok_or_else(|| moved(&path)).map_err(explain)?;
        Ok(Sqlite {
            path,
            file,
            writer: Mutex::new(writer),
            tables: RwLock::default(),
            told: Mutex::default(),
            metrics: Metrics::default(),
        })
    }

    /// From now on, waits for up to `busy_timeout` if the database is busy.
    pub fn set_busy_timeout(&self, busy_timeout: Duration) -> Result<(), WarehouseError> {
        let mut writer = self.writer.lock().unpoisoned();
        connection::wait_when_busy(&mut writer, busy_timeout)
            .map_err(|error| SqliteError::from(error).explain(&self.path, "open the warehouse"))
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Completes the tables and views of the datasets, and returns what it created. `replace` says which of the
    /// user's views irispool's own ones replace.
    pub fn set_up<'a>(
        &self,
        datasets: impl IntoIterator<Item = &'a str>,
        replace: Option<&Replace>,
    ) -> Result<SetupChanges, WarehouseError> {
        tables::bring_about_all(&self.writer(), datasets, replace)
            .map_err(|fault| fault.explain(&self.path, "make tables and views"))
    }

    /// Whether no dataset has a table yet.
    pub fn is_new(&self) -> Result<bool, WarehouseError> {
        const HAS_TABLE: &str =
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name GLOB 'bmrs_*_iris')";
        let has_table: rusqlite::Result<bool> = self.writer().query_row(HAS_TABLE, [], |row| row.get(0));
        has_table
            .map(|has_table| !has_table)
            .map_err(|error| SqliteError::from(error).explain(&self.path, "look for tables"))
    }

    /// If a thread panicked with the lock, its transaction was rolled back, so the connection is as good as before.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unpoisoned()
    }

    fn cached(&self, dataset: &str) -> Option<DatasetTable> {
        self.tables.read().unpoisoned().get(dataset).cloned()
    }

    /// The table as it is now, with `wanted` added.
    fn table(
        &self,
        writer: &Connection,
        dataset: &str,
        wanted: &[Field],
    ) -> Result<DatasetTable, SqliteError> {
        let (table, left) = tables::bring_about(writer, dataset, wanted)?;
        for left in left {
            if self.told.lock().unpoisoned().insert(left.name.clone()) {
                left.tell();
            }
        }
        let mut tables = self.tables.write().unpoisoned();
        tables.insert(dataset.to_owned(), table.clone());
        Ok(table)
    }

    fn load_all(
        &self,
        writer: &Connection,
        deliveries: &[Delivery],
    ) -> Result<Vec<Vec<MessageOutcome>>, SqliteError> {
        let mut tables = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            tables.push(match self.cached(&delivery.dataset) {
                Some(table) => table,
                None => self.table(writer, &delivery.dataset, &[])?,
            });
        }
        let wanted = Instant::now();
        let begun = connection::begin(writer);
        self.metrics.waited(wanted.elapsed());
        let transaction = begun?;
        let mut outcomes = Vec::with_capacity(deliveries.len());
        for (delivery, table) in deliveries.iter().zip(&tables) {
            outcomes.push(load::take(&transaction, delivery, table.rowid)?);
        }
        if identity(&self.path) != Some(self.file) {
            return Err(moved(&self.path));
        }
        transaction.commit()?;
        Ok(outcomes)
    }

    /// [`Self::load_all`], counted.
    fn try_all(
        &self,
        writer: &Connection,
        deliveries: &[Delivery],
    ) -> Result<Vec<Vec<MessageOutcome>>, SqliteError> {
        let began = Instant::now();
        let result = self.load_all(writer, deliveries);
        let rows = result.as_ref().map(|outcomes| rows_loaded(deliveries, outcomes));
        self.metrics.transaction(rows, began.elapsed());
        result
    }

    /// Takes all deliveries in one transaction: all or none.
    fn load_or_repair(
        &self,
        writer: &Connection,
        deliveries: &[Delivery],
    ) -> Result<Vec<Vec<MessageOutcome>>, WarehouseError> {
        let mut loaded = self.try_all(writer, deliveries);
        if loaded.as_ref().is_err_and(SqliteError::is_about_names) {
            loaded = self.repair(writer, deliveries).and_then(|()| self.try_all(writer, deliveries));
        }
        // The datasets are not named: the caller knows them, and the error is the same for all.
        loaded.map_err(|fault| fault.explain(&self.path, "load rows"))
    }

    /// Somebody dropped a table or a column, or the ledger, behind our back: creates all again that the deliveries
    /// need.
    fn repair(&self, writer: &Connection, deliveries: &[Delivery]) -> Result<(), SqliteError> {
        tables::make_own_tables(writer)?;
        for delivery in deliveries {
            self.table(writer, &delivery.dataset, delivery.schema.fields())?;
        }
        Ok(())
    }
}

impl Warehouse for Sqlite {
    /// Copies the log into the file. Otherwise the last process that closes the database would do so, and everybody
    /// would wait.
    fn rest(&self) {
        // This does as much as is possible without waiting. The rest is done later.
        let _ = self.writer().query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }

    fn name(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    fn parallelism(&self) -> usize {
        1
    }

    fn schema(&self, dataset: &str) -> Result<Arc<Schema>, WarehouseError> {
        if let Some(table) = self.cached(dataset) {
            return Ok(table.schema);
        }
        self.add_fields(dataset, &[])
    }

    fn add_fields(&self, dataset: &str, fields: &[Field]) -> Result<Arc<Schema>, WarehouseError> {
        self.table(&self.writer(), dataset, fields)
            .map(|table| table.schema)
            .map_err(|fault| fault.explain(&self.path, "make a table or columns"))
    }

    fn metric_families(&self) -> Vec<MetricFamily> {
        self.metrics.families(&self.path)
    }

    fn load(&self, deliveries: &[Delivery]) -> Vec<Result<Vec<MessageOutcome>, WarehouseError>> {
        let writer = self.writer();
        let error = match self.load_or_repair(&writer, deliveries) {
            Ok(outcomes) => return outcomes.into_iter().map(Ok).collect(),
            Err(error) => error,
        };
        // One transaction is fastest, but a table that refuses its rows must not hold up the others.
        let may_be_one_table = matches!(error, WarehouseError::Setup { .. }) && deliveries.len() > 1;
        if !may_be_one_table {
            return vec![Err(error); deliveries.len()];
        }
        let one_by_one = deliveries.iter().map(|delivery| {
            let mut outcomes = self.load_or_repair(&writer, std::slice::from_ref(delivery))?;
            Ok(outcomes.pop().expect("one delivery has one answer"))
        });
        one_by_one.collect()
    }
}

/// How many rows a transaction loaded.
fn rows_loaded(deliveries: &[Delivery], outcomes: &[Vec<MessageOutcome>]) -> u64 {
    let messages = deliveries
        .iter()
        .zip(outcomes)
        .flat_map(|(delivery, outcomes)| delivery.messages.iter().zip(outcomes));
    let loaded = messages
        .filter(|(_, outcome)| matches!(outcome, MessageOutcome::Loaded | MessageOutcome::LoadedBut(_)));
    loaded.map(|(message, _)| message.rows.len() as u64).sum()
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn moved(path: &Path) -> SqliteError {
    SqliteError::state(
        format!("{} was moved, removed or replaced while irispool had it open", path.display()),
        "stop irispool, put the file where it belongs, and start again",
    )
}
