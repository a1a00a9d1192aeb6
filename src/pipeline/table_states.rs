//! What the pipeline knows of each table: its columns, and whether it takes rows at the moment.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::failure_log::{log_failure, log_recovery};
use super::run_totals::Tally;
use crate::catalog::{Field, Schema};
use crate::spool::SpoolError;
use crate::warehouse::{Warehouse, WarehouseError};

/// A table that needs a person is asked again after so long.
const SETUP_RETRY: Duration = Duration::from_secs(30);

/// So long one reader waits for what another one is asking. The answer usually takes a fraction of it.
const ASK_WAIT_MAX: Duration = Duration::from_secs(2);

/// After that the messages are tried again after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Table {
    schema: Option<Arc<Schema>>,
    /// Fields that the warehouse did not take as columns; asking again for every message would be slow.
    refused: HashSet<String>,
    parked_until: Option<Instant>,
    /// Taken while the warehouse is asked, so that one of many readers asks, and the others learn from it.
    asking: Arc<Turn>,
}

/// One at a time. Who waits for too long goes on without: readers are few, and one table must not hold them all.
struct Turn(Sender<()>, Receiver<()>);

struct Taken<'a>(&'a Turn);

impl Default for Turn {
    fn default() -> Turn {
        let (back, free) = bounded(1);
        let _ = back.send(());
        Turn(back, free)
    }
}

impl Turn {
    fn take(&self) -> Option<Taken<'_>> {
        self.1.recv_timeout(ASK_WAIT_MAX).is_ok().then_some(Taken(self))
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let _ = self.0.0.send(());
    }
}

pub(super) struct Tables {
    warehouse: Arc<dyn Warehouse>,
    tally: Arc<Tally>,
    tables: Mutex<HashMap<String, Table>>,
}

impl Tables {
    pub(super) fn new(warehouse: Arc<dyn Warehouse>, tally: Arc<Tally>) -> Tables {
        Tables { warehouse, tally, tables: Mutex::default() }
    }

    fn with<T>(&self, dataset: &str, act: impl FnOnce(&mut Table) -> T) -> T {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if !tables.contains_key(dataset) {
            tables.insert(dataset.to_owned(), Table::default());
        }
        act(tables.get_mut(dataset).expect("the table was inserted just above"))
    }

    /// The columns of a dataset's table; asked of the warehouse once. While the table is parked it is not asked. The
    /// error is for how long the table's messages wait; it is logged.
    pub(super) fn schema(&self, dataset: &str) -> Result<Arc<Schema>, Duration> {
        let known = || self.with(dataset, |table| table.schema.clone());
        if let Some(schema) = known() {
            return Ok(schema);
        }
        let asking = self.with(dataset, |table| Arc::clone(&table.asking));
        let Some(_turn) = asking.take() else { return Err(ASK_AGAIN) };
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

    /// The table did not do what it should: logged, counted, parked. Gives how long its messages wait.
    pub(super) fn failed(&self, dataset: &str, error: &WarehouseError) -> Duration {
        log_failure(dataset, error);
        Tally::add(&self.tally.failed_loads, 1);
        self.park(dataset, error)
    }

    /// How long the table still waits, if it does.
    fn parked_for(&self, dataset: &str) -> Option<Duration> {
        let until = self.with(dataset, |table| table.parked_until)?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Adds those of `fields` that the warehouse has not refused before; none when there is nothing to add. The error is
    /// as that of [`Self::schema`].
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
        let asking = self.with(dataset, |table| Arc::clone(&table.asking));
        let Some(_turn) = asking.take() else { return Err(ASK_AGAIN) };
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

    /// After a failed delivery: nothing is claimed for the table for a while, and its columns are read anew. Gives how
    /// long its messages wait.
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

    /// Delivered or dead messages of the dataset can't be settled: nothing more of it is claimed until they are.
    pub(super) fn files_stuck(&self, dataset: &str, error: &SpoolError) {
        let hint = error.hint().unwrap_or_default();
        self.tally.figures.park(dataset, &WarehouseError::Setup { why: error.to_string(), hint });
    }

    /// The table has taken rows, or none of its messages waits any more for it or for its file.
    pub(super) fn unpark(&self, dataset: &str) {
        self.with(dataset, |table| table.parked_until = None);
        // Also where that was so: who parks sets one after the other, and another may have been between the two.
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
    fn a_table_that_takes_rows_is_never_told_to_be_parked() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(folder.path().join("iris.db"), Duration::from_secs(1)).unwrap();
        let tables = Tables::new(Arc::new(sqlite), Arc::default());
        let error = WarehouseError::Later { why: "busy".into(), after: Duration::ZERO };
        // As by one who parks it while another's rows are taken.
        tables.tally.figures.park("FREQ", &error);
        tables.unpark("FREQ");
        assert!(tables.tally.figures.parked().is_empty());
    }
}
