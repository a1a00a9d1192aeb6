//! The tables for IRIS rows: reads them, creates those that are missing, and adds columns.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde_json::{Value, json};

use super::listing::TableListing;
use super::table_resource::{BqTable, missing_columns, new_table, read_table, table_path};
use super::view_states::ViewStates;
use crate::catalog::{self, Field};
use crate::locks::Unpoisoned;
use crate::warehouse::WarehouseError;
use crate::warehouse::bigquery::api::{CallError, Client, Meaning, Op, Refusal};

/// Several workers may change a table at the same time. Each time one of them succeeds, and the others try again.
const CHANGES_MAX: usize = 12;

/// What this process knows of the tables in the dataset.
pub(crate) struct KnownTables {
    client: Arc<Client>,
    /// The tables for IRIS rows, by Elexon's dataset.
    known: RwLock<HashMap<String, Arc<BqTable>>>,
    listing: TableListing,
    view_states: ViewStates,
}

impl KnownTables {
    /// No table is known yet.
    pub(crate) fn new(client: Arc<Client>) -> KnownTables {
        let listing = TableListing::new(Arc::clone(&client));
        KnownTables { client, known: RwLock::default(), listing, view_states: ViewStates::default() }
    }

    /// The client that asks about the tables.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The list of all tables and views.
    pub(super) fn listing(&self) -> &TableListing {
        &self.listing
    }

    /// What is known of the datasets' views.
    pub(super) fn view_states(&self) -> &ViewStates {
        &self.view_states
    }

    /// The names of all tables and views, listed now; `None` if the dataset in BigQuery does not exist.
    pub(crate) fn fetch_names(&self) -> Result<Option<HashSet<String>>, WarehouseError> {
        self.listing.fetch_names()
    }

    /// The table as it was read last. A table that this process does not know is read, or created if it is missing.
    pub(crate) fn get(&self, dataset: &str) -> Result<Arc<BqTable>, WarehouseError> {
        let known = self.known.read().unpoisoned().get(dataset).cloned();
        known.map_or_else(|| self.create_or_extend(dataset, &[]), Ok)
    }

    fn remember(&self, dataset: &str, table: BqTable) -> Arc<BqTable> {
        let table = Arc::new(table);
        let mut known = self.known.write().unpoisoned();
        known.insert(dataset.to_owned(), Arc::clone(&table));
        table
    }

    /// Forgets a table, so that the next use reads it again.
    pub(crate) fn forget(&self, dataset: &str) {
        self.known.write().unpoisoned().remove(dataset);
    }

    /// The table as it is now; `None` if it does not exist.
    pub(crate) fn read(&self, dataset: &str) -> Result<Option<Arc<BqTable>>, WarehouseError> {
        let client = &self.client;
        let name = catalog::table_name(dataset);
        match client.get(Op::TablesGet, &table_path(client, &name)) {
            Ok(resource) => {
                let table = read_table(client.bq_dataset(), dataset, &resource)?;
                Ok(Some(self.remember(dataset, table)))
            }
            Err(CallError::Refused(Refusal { meaning: Meaning::NotFound, message, .. }))
                if is_about_table(&message) =>
            {
                self.forget(dataset);
                Ok(None)
            }
            Err(error) => Err(client.explain(Op::TablesGet, error)),
        }
    }

    /// The table with irispool's own columns and as many of `wanted` as it can take. Creates the table if it is
    /// missing.
    pub(crate) fn create_or_extend(
        &self,
        dataset: &str,
        wanted: &[Field],
    ) -> Result<Arc<BqTable>, WarehouseError> {
        let client = &self.client;
        let mut refused: Option<(String, WarehouseError)> = None;
        for _ in 0..CHANGES_MAX {
            let Some(table) = self.read(dataset)? else {
                match self.create(dataset, wanted)? {
                    Some(table) => return Ok(table),
                    None => continue,
                }
            };
            // BigQuery refused the change of this very table, so nobody else's change was the reason.
            if let Some((_, error)) = refused.take_if(|(etag, _)| *etag == table.etag) {
                return Err(error);
            }
            let new = missing_columns(&table, wanted);
            if new.is_empty() {
                return Ok(table);
            }
            match self.add(dataset, &table, &new) {
                Ok(table) => return Ok(table),
                // Somebody else changed the table first, so what it has now counts.
                Err(CallError::Refused(Refusal { meaning: Meaning::Changed, .. })) => {
                    tracing::debug!(
                        dataset,
                        table = table.name,
                        "the table was changed by somebody else meanwhile"
                    );
                }
                Err(error) => refused = Some((table.etag.clone(), client.explain(Op::TablesPatch, error))),
            }
        }
        let name = client.bq_dataset().full_name(&catalog::table_name(dataset));
        Err(WarehouseError::Later {
            why: format!("{name} is being changed by others all the time"),
            after: Duration::from_secs(1),
        })
    }

    /// As [`Self::create_or_extend`]. A table that this process does not know and that is not in the list of all tables
    /// is created without a request that looks for it.
    pub(crate) fn create_or_extend_listed(
        &self,
        dataset: &str,
        wanted: &[Field],
    ) -> Result<Arc<BqTable>, WarehouseError> {
        let is_known = self.known.read().unpoisoned().contains_key(dataset);
        if !is_known
            && self.listing.has(&catalog::table_name(dataset))? == Some(false)
            && let Some(table) = self.create(dataset, wanted)?
        {
            return Ok(table);
        }
        self.create_or_extend(dataset, wanted)
    }

    /// Creates the table; `None` if somebody else created it first.
    pub(super) fn create(
        &self,
        dataset: &str,
        wanted: &[Field],
    ) -> Result<Option<Arc<BqTable>>, WarehouseError> {
        let client = &self.client;
        let name = catalog::table_name(dataset);
        let resource = new_table(client.bq_dataset(), &name, catalog::find(dataset), wanted);
        let path = format!("datasets/{}/tables", client.bq_dataset().name);
        match client.post(Op::TablesInsert, &path, &resource) {
            Ok(created) => {
                tracing::info!(dataset, table = name, "table made");
                let table = read_table(client.bq_dataset(), dataset, &created)?;
                Ok(Some(self.remember(dataset, table)))
            }
            Err(CallError::Refused(Refusal { meaning: Meaning::Exists, .. })) => Ok(None),
            Err(error) => Err(client.explain(Op::TablesInsert, error)),
        }
    }

    fn add(&self, dataset: &str, table: &BqTable, new: &[Value]) -> Result<Arc<BqTable>, CallError> {
        let client = &self.client;
        let fields: Vec<&Value> = table.fields.iter().chain(new).collect();
        let patch = json!({"schema": {"fields": fields}});
        let path = table_path(client, &table.name);
        let resource = client.patch(Op::TablesPatch, &path, &table.etag, &patch)?;
        let names: Vec<&str> = new.iter().filter_map(|field| field["name"].as_str()).collect();
        tracing::info!(dataset, table = table.name, columns = names.join(","), "columns added");
        self.view_states.set_stale(dataset);
        let table = read_table(client.bq_dataset(), dataset, &resource).map_err(CallError::Warehouse)?;
        Ok(self.remember(dataset, table))
    }
}

/// Whether BigQuery missed the table, and not the dataset or the project: the message names what is missing.
fn is_about_table(message: &str) -> bool {
    !message.contains("Not found: Dataset") && !message.contains("Not found: Project")
}
