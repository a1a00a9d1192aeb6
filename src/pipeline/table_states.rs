//! What the pipeline knows about each table: its columns, and whether it takes rows now.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::failure_log::{log_failure, log_recovery};
use super::run_totals::Tally;
use crate::catalog::{Field, Schema};
use crate::locks::Unpoisoned;
use crate::spool::SpoolError;
use crate::warehouse::{Warehouse, WarehouseError};

/// How long a table that needs a person is left alone.
const SETUP_RETRY: Duration = Duration::from_secs(30);

/// How long a reader waits for another reader's schema request. A request usually takes much less.
const ASK_WAIT_MAX: Duration = Duration::from_secs(2);

/// When that wait was too short, the messages are tried again after this time.
const ASK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Default)]
struct TableState {
    schema: Option<Arc<Schema>>,
    /// Fields that the warehouse did not take as columns. Asking again for every message would be slow.
    refused: HashSet<String>,
    parked_until: Option<Instant>,
    /// Taken while the warehouse is asked, so that one of many readers asks and the others use its answer.
    request: Arc<RequestLock>,
}

/// A lock for which a reader waits only for [`ASK_WAIT_MAX`]: there are few readers, and one table must not hold up all
/// of them.
struct RequestLock {
    unlocked: Sender<()>,
    unlocks: Receiver<()>,
}

struct RequestGuard<'a>(&'a RequestLock);

impl Default for RequestLock {
    fn default() -> RequestLock {
        let (unlocked, unlocks) = bounded(1);
        let _ = unlocked.send(());
        RequestLock { unlocked, unlocks }
    }
}

impl RequestLock {
    fn lock(&self) -> Option<RequestGuard<'_>> {
        // Only then: the drop of a guard unlocks.
        self.unlocks.recv_timeout(ASK_WAIT_MAX).is_ok().then(|| RequestGuard(self))
    }
}

impl Drop for RequestGuard<'_> {
    fn drop(&mut self) {
        let _ = self.0.unlocked.send(());
    }
}

/// The tables of a run, by dataset.
pub(super) struct TableStates {
    warehouse: Arc<dyn Warehouse>,
    tally: Arc<Tally>,
    tables: Mutex<HashMap<String, TableState>>,
}

impl TableStates {
    pub(super) fn new(warehouse: Arc<dyn Warehouse>, tally: Arc<Tally>) -> TableStates {
        TableStates { warehouse, tally, tables: Mutex::default() }
    }

    fn with<T>(&self, dataset: &str, act: impl FnOnce(&mut TableState) -> T) -> T {
        let mut tables = self.tables.lock().unpoisoned();
        if !tables.contains_key(dataset) {
            tables.insert(dataset.to_owned(), TableState::default());
        }
        act(tables.get_mut(dataset).expect("the table was inserted just above"))
    }

    /// The columns of a dataset's table. The warehouse is asked once, and not while the table is parked.
    ///
    /// # Errors
    /// Says how long the table's messages must wait. The failure is logged here.
    pub(super) fn schema(&self, dataset: &str) -> Result<Arc<Schema>, Duration> {
        let known = || self.with(dataset, |table| table.schema.clone());
        if let Some(schema) = known() {
            return Ok(schema);
        }
        let request = self.with(dataset, |table| Arc::clone(&table.request));
        let Some(_guard) = request.lock() else { return Err(ASK_AGAIN) };
        if let Some(schema) = known() {
            return Ok(schema);
        }
        if let Some(after) = self.parked_for(dataset) {
            return Err(after);
        }
        let schema = self.warehouse.schema(dataset).map_err(|error| self.failed(dataset, &error))?;
        self.with(dataset, |table| table.schema = Some(Arc::clone(&schema)));
        Ok(schema)
    }

    /// Logs and counts a failure of the table, and parks it. Gives how long its messages wait.
    pub(super) fn failed(&self, dataset: &str, error: &WarehouseError) -> Duration {
        log_failure(dataset, error);
        Tally::add(&self.tally.failed_loads, 1);
        self.park(dataset, error)
    }

    /// How long the table is still parked, if it is.
    fn parked_for(&self, dataset: &str) -> Option<Duration> {
        let until = self.with(dataset, |table| table.parked_until)?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Adds those of `fields` as columns that the warehouse has not refused before. `None`: there was nothing to add.
    ///
    /// # Errors
    /// As those of [`Self::schema`].
    pub(super) fn add_fields(
        &self,
        dataset: &str,
        fields: &[Field],
    ) -> Result<Option<Arc<Schema>>, Duration> {
        let wanted = || -> Vec<Field> {
            self.with(dataset, |table| {
                fields.iter().filter(|field| !table.refused.contains(&field.name)).cloned().collect()
            })
        };
        if wanted().is_empty() {
            return Ok(None);
        }
        let request = self.with(dataset, |table| Arc::clone(&table.request));
        let Some(_guard) = request.lock() else { return Err(ASK_AGAIN) };
        let wanted = wanted();
        if let Some(after) = self.parked_for(dataset) {
            return Err(after);
        }
        let schema =
            self.warehouse.add_fields(dataset, &wanted).map_err(|error| self.failed(dataset, &error))?;
        let refused: Vec<&Field> =
            wanted.iter().filter(|field| schema.position(&field.name).is_none()).collect();
        let added = wanted.len() - refused.len();
        let names: Vec<&str> = wanted.iter().map(|field| field.name.as_str()).collect();
        tracing::debug!(
            dataset,
            table = schema.table(),
            columns = names.join(","),
            added,
            "new fields in the messages"
        );
        self.with(dataset, |table| {
            table.schema = Some(Arc::clone(&schema));
            table.refused.extend(refused.into_iter().map(|field| field.name.clone()));
        });
        Ok((added > 0).then_some(schema))
    }

    /// Parks the table after a failed delivery: the coordinator claims nothing for it for a while, and its columns are
    /// read again. Gives how long its messages wait.
    pub(super) fn park(&self, dataset: &str, error: &WarehouseError) -> Duration {
        let wait = match error {
            WarehouseError::Later { after, .. } => *after,
            WarehouseError::Setup { .. } => SETUP_RETRY,
        };
        self.with(dataset, |table| {
            table.schema = None;
            table.parked_until = Some(Instant::now() + wait);
        });
        self.tally.figures.park(dataset, error);
        wait
    }

    /// Publishes that messages of the dataset can't be settled. The batches that hold them keep the coordinator from
    /// claiming more.
    pub(super) fn files_stuck(&self, dataset: &str, error: &SpoolError) {
        let hint = error.hint().unwrap_or_default();
        self.tally.figures.park(dataset, &WarehouseError::Setup { why: error.to_string(), hint });
    }

    /// The table has taken rows, or none of its messages waits any more for the table or for a file.
    pub(super) fn unpark(&self, dataset: &str) {
        self.with(dataset, |table| table.parked_until = None);
        // Even if the table was not parked: `park` sets the time first and publishes later, and this may come between
        // the two.
        self.tally.figures.unpark(dataset);
        log_recovery(dataset);
    }

    /// Whether its columns are known.
    pub(super) fn is_known(&self, dataset: &str) -> bool {
        self.with(dataset, |table| table.schema.is_some())
    }

    pub(super) fn is_parked(&self, dataset: &str) -> bool {
        self.parked_for(dataset).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::sqlite::Sqlite;

    #[test]
    fn a_reader_that_waits_in_vain_for_a_request_unlocks_nothing() {
        let lock = RequestLock::default();
        let guard = lock.lock();
        assert!(guard.is_some());
        assert!(lock.lock().is_none(), "another one holds it");
        assert!(lock.unlocks.is_empty(), "it is still held");
        drop(guard);
        assert!(lock.lock().is_some());
    }

    #[test]
    fn a_table_that_takes_rows_is_never_published_as_parked() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(folder.path().join("iris.db"), Duration::from_secs(1)).unwrap();
        let tables = TableStates::new(Arc::new(sqlite), Arc::default());
        let error = WarehouseError::Later { why: "busy".into(), after: Duration::ZERO };
        // As if one thread parked it while another thread's rows were taken.
        tables.tally.figures.park("FREQ", &error);
        tables.unpark("FREQ");
        assert!(tables.tally.figures.parked().is_empty());
    }
}
