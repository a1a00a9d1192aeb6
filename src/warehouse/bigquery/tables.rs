//! The datasets' tables: read, made where they are not there, given new columns; and for how long BigQuery has not yet
//! noticed what was made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answer::{Answer, Meaning};
use super::client::Client;
use super::fault::{CallError, Op};
use super::patience::Trouble;
use super::table::{Table, missing, new_table, table_of};
use crate::catalog::{self, Field};
use crate::warehouse::WarehouseError;

/// Several workers may change a table at the same time; one of them gets through each time.
const CHANGES_MAX: usize = 12;
/// Streaming notices a new table or column within minutes; after this it is a fault.
const LAG_MAX: Duration = Duration::from_secs(10 * 60);
/// While streaming lags it is asked again after at most this.
const LAG_RETRY_MAX: Duration = Duration::from_secs(30);

/// What is known of the tables, by dataset.
pub(super) struct Tables {
    known: RwLock<HashMap<String, Arc<Table>>>,
    lags: Mutex<HashMap<String, Lag>>,
    lag_retry_first: Duration,
    /// Of each table to which rows were sent: requests that wait for another try.
    troubles: Mutex<HashMap<String, Trouble>>,
    views: Mutex<HashMap<String, Views>>,
}

/// What is known of the views of a dataset that has an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Views {
    /// They are there, or somebody is making them.
    SeenTo,
    /// The table has been changed since they were made.
    Stale,
}

/// Since when streaming has not known what `tables.get` shows.
struct Lag {
    since: Instant,
    last: Instant,
    retry: Duration,
}

/// Asked again after so long, it is another lag: nobody has looked meanwhile whether the first one ended.
const LAG_FORGOTTEN: Duration = Duration::from_secs(3 * 60);

impl Tables {
    pub(super) fn new(lag_retry_first: Duration) -> Tables {
        Tables {
            known: RwLock::default(),
            lags: Mutex::default(),
            lag_retry_first,
            troubles: Mutex::default(),
            views: Mutex::default(),
        }
    }

    /// The table as it was read last; read, and made if need be, when it never was.
    pub(super) fn get(&self, client: &Client, dataset: &str) -> Result<Arc<Table>, WarehouseError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(dataset).cloned();
        match known {
            Some(table) => Ok(table),
            None => self.bring_about(client, dataset, &[], false),
        }
    }

    /// Whether requests with its rows wait for another try.
    pub(super) fn trouble(&self, dataset: &str) -> Trouble {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.entry(dataset.to_owned()).or_default().clone()
    }

    /// Whether the table has been read or made by this process.
    pub(super) fn is_known(&self, dataset: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(dataset)
    }

    /// Whether somebody should see to the dataset's views.
    pub(super) fn wants_views(&self, dataset: &str) -> bool {
        self.views().get(dataset) != Some(&Views::SeenTo)
    }

    /// Says what was known of the dataset's views, and that the caller sees to them now.
    pub(super) fn see_to_views(&self, dataset: &str) -> Option<Views> {
        self.views().insert(dataset.to_owned(), Views::SeenTo)
    }

    /// The views are not as they should be: `None`, nobody knows.
    pub(super) fn note_views(&self, dataset: &str, state: Option<Views>) {
        match state {
            Some(state) => self.views().insert(dataset.to_owned(), state),
            None => self.views().remove(dataset),
        };
    }

    fn views(&self) -> MutexGuard<'_, HashMap<String, Views>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, dataset: &str, table: Table) -> Arc<Table> {
        let table = Arc::new(table);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(dataset.to_owned(), Arc::clone(&table));
        table
    }

    pub(super) fn forget(&self, dataset: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(dataset);
    }

    /// The table as it is now; `None` where there is none.
    pub(super) fn read(&self, client: &Client, dataset: &str) -> Result<Option<Arc<Table>>, WarehouseError> {
        let name = catalog::table_name(dataset);
        match client.get(Op::TablesGet, &table_path(client, &name)) {
            Ok(resource) => {
                let table = table_of(client, dataset, &resource)?;
                Ok(Some(self.remember(dataset, table)))
            }
            Err(CallError::Answer(Answer { meaning: Meaning::NotFound, message, .. }))
                if is_about_table(&message) =>
            {
                self.forget(dataset);
                Ok(None)
            }
            Err(error) => Err(client.explain(Op::TablesGet, error)),
        }
    }

    /// The table with the columns that irispool needs and as many of `wanted` as it can take. `is_absent`: it is said
    /// not to be there, so it need not be asked for first.
    pub(super) fn bring_about(
        &self,
        client: &Client,
        dataset: &str,
        wanted: &[Field],
        mut is_absent: bool,
    ) -> Result<Arc<Table>, WarehouseError> {
        let mut refused: Option<(String, WarehouseError)> = None;
        for _ in 0..CHANGES_MAX {
            let found = match std::mem::take(&mut is_absent) {
                true => None,
                false => self.read(client, dataset)?,
            };
            let Some(table) = found else {
                match self.make(client, dataset, wanted)? {
                    Some(table) => return Ok(table),
                    None => continue,
                }
            };
            // Refused, and nobody has changed the table meanwhile: that was not why.
            if let Some((_, error)) = refused.take_if(|(etag, _)| *etag == table.etag) {
                return Err(error);
            }
            let new = missing(&table, wanted);
            if new.is_empty() {
                return Ok(table);
            }
            match self.add(client, dataset, &table, &new) {
                Ok(table) => return Ok(table),
                // Somebody was faster: what is there now counts.
                Err(CallError::Answer(Answer { meaning: Meaning::Changed, .. })) => {
                    tracing::debug!(
                        dataset,
                        table = table.name,
                        "the table was changed by somebody else meanwhile"
                    );
                }
                Err(error) => refused = Some((table.etag.clone(), client.explain(Op::TablesPatch, error))),
            }
        }
        let name = catalog::table_name(dataset);
        Err(WarehouseError::Later {
            why: format!("{}.{name} is being changed by others all the time", client.place),
            after: Duration::from_secs(1),
        })
    }

    /// Makes the table; nothing where somebody was faster.
    pub(super) fn make(
        &self,
        client: &Client,
        dataset: &str,
        wanted: &[Field],
    ) -> Result<Option<Arc<Table>>, WarehouseError> {
        let name = catalog::table_name(dataset);
        let resource = new_table(client, &name, catalog::find(dataset), wanted);
        let path = format!("datasets/{}/tables", client.place.name);
        match client.post(Op::TablesInsert, &path, &resource) {
            Ok(made) => {
                tracing::info!(dataset, table = name, "table made");
                let table = table_of(client, dataset, &made)?;
                Ok(Some(self.remember(dataset, table)))
            }
            Err(CallError::Answer(Answer { meaning: Meaning::Exists, .. })) => Ok(None),
            Err(error) => Err(client.explain(Op::TablesInsert, error)),
        }
    }

    fn add(
        &self,
        client: &Client,
        dataset: &str,
        table: &Table,
        new: &[Value],
    ) -> Result<Arc<Table>, CallError> {
        let fields: Vec<&Value> = table.fields.iter().chain(new).collect();
        let patch = json!({"schema": {"fields": fields}});
        let path = table_path(client, &table.name);
        let resource = client.patch(Op::TablesPatch, &path, &table.etag, &patch)?;
        let names: Vec<&str> = new.iter().filter_map(|field| field["name"].as_str()).collect();
        tracing::info!(dataset, table = table.name, columns = names.join(","), "columns added");
        self.note_views(dataset, Some(Views::Stale));
        let table = table_of(client, dataset, &resource).map_err(CallError::Warehouse)?;
        Ok(self.remember(dataset, table))
    }

    /// Streaming does not know the table or the column yet, though it is there. How long to wait before the next try;
    /// `None` when it has not known it for too long.
    pub(super) fn lags(&self, dataset: &str) -> Option<Duration> {
        let mut lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let new = Lag { since: now, last: now, retry: self.lag_retry_first };
        let lag = match lags.get_mut(dataset) {
            Some(lag) if now.saturating_duration_since(lag.last) < LAG_FORGOTTEN => lag,
            _ => lags.entry(dataset.to_owned()).insert_entry(new).into_mut(),
        };
        lag.last = now;
        let retry = lag.retry;
        lag.retry = (retry * 2).min(LAG_RETRY_MAX);
        (now.saturating_duration_since(lag.since) < LAG_MAX).then_some(retry)
    }

    /// Streaming has taken rows of this table.
    pub(super) fn caught_up(&self, dataset: &str) {
        let mut lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        if !lags.is_empty() {
            lags.remove(dataset);
        }
    }
}

pub(super) fn table_path(client: &Client, table: &str) -> String {
    format!("datasets/{}/tables/{table}", client.place.name)
}

/// Google names what it did not find. One that names nothing is about what was asked for.
fn is_about_table(message: &str) -> bool {
    !message.contains("Not found: Dataset") && !message.contains("Not found: Project")
}
