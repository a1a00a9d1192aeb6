//! What the pipeline knows of each table: its columns, and whether it takes rows at the moment.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::tally::Tally;
use crate::catalog::{Field, Schema};
use crate::observe::is_news;
use crate::warehouse::{Warehouse, WarehouseError};

/// A table that needs a person is asked again after so long.
const SETUP_RETRY: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Table {
    schema: Option<Arc<Schema>>,
    /// Fields that the warehouse did not take as columns; asking again for every message would be slow.
    refused: HashSet<String>,
    parked_until: Option<Instant>,
    /// Held while the warehouse is asked, so that one of many readers asks, and the others learn from it.
    asking: Arc<Mutex<()>>,
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
        let _asking = asking.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// Adds those of `fields` that the warehouse has not refused before; none when there is nothing to add.
    pub(super) fn add_fields(
        &self,
        dataset: &str,
        fields: &[Field],
    ) -> Result<Option<Arc<Schema>>, WarehouseError> {
        let wanted: Vec<Field> = self.with(dataset, |table| {
            fields.iter().filter(|field| !table.refused.contains(&field.name)).cloned().collect()
        });
        if wanted.is_empty() {
            return Ok(None);
        }
        let schema = self.warehouse.add_fields(dataset, &wanted)?;
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

    /// The table has taken rows.
    pub(super) fn unpark(&self, dataset: &str) {
        self.with(dataset, |table| table.parked_until = None);
        // Also where that was so: who parks sets one after the other, and another may have been between the two.
        self.tally.figures.unpark(dataset);
    }

    pub(super) fn is_parked(&self, dataset: &str) -> bool {
        self.parked_for(dataset).is_some()
    }
}

/// One log line for a delivery that failed, unless the same was said a moment ago.
pub(super) fn log_failure(dataset: &str, error: &WarehouseError) {
    if !is_news(&format!("{dataset}: {error}")) {
        return;
    }
    match error {
        WarehouseError::Later { why, after } => {
            tracing::warn!(
                dataset,
                why,
                delay_ms = after.as_millis() as u64,
                "rows wait: the warehouse is not ready"
            );
        }
        WarehouseError::Setup { why, hint } => {
            tracing::error!(dataset, why, hint, "rows wait: the warehouse needs a person");
        }
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
