//! Keeps the views of the datasets in step with their tables while rows are delivered.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::columns;
use super::dataset_views::kind_in_words;
use super::known_tables::KnownTables;
use super::live_table::LiveTable;
use super::own_views::update_views;
use super::table_resource::{BqTable, fetch};
use super::view_states::ViewState;
use crate::catalog;
use crate::locks::Unpoisoned;
use crate::observe::is_news;
use crate::warehouse::bigquery::api::{Client, Op};
use crate::warehouse::{LeftAlone, SetupChanges, WarehouseError};

/// Others may change a table while its views are created. Then the views are created again, at most this often.
const ROUNDS_MAX: usize = 5;

/// Creates and updates views beside the deliveries.
pub(super) struct ViewUpkeep {
    tables: Arc<KnownTables>,
    /// The names of the user's tables and views that the log mentions already. It mentions each once.
    logged: Mutex<HashSet<String>>,
}

impl ViewUpkeep {
    pub(super) fn new(tables: Arc<KnownTables>) -> ViewUpkeep {
        ViewUpkeep { tables, logged: Mutex::default() }
    }

    /// Whether the program is to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.client().stop().is_stopped()
    }

    /// Whether nobody has seen to the dataset's views since the last change of its table.
    pub(super) fn is_needed(&self, dataset: &str) -> bool {
        self.tables.view_states().need_work(dataset)
    }

    fn client(&self) -> &Client {
        self.tables.client()
    }

    /// Creates the views of a table if they are missing or lack one of its columns, and updates them after this process
    /// changed the table.
    ///
    /// Rows do not wait for a view that can't be created. Its next chance comes when the table gets a column, or when
    /// this process or the next one reads the table again.
    pub(super) fn see_to_views(&self, dataset: &str, table: &BqTable) {
        let states = self.tables.view_states();
        let before = states.take_over(dataset);
        if before == Some(ViewState::SeenTo) {
            return;
        }
        if let Err(error) = self.bring_up_to_date(dataset, table, before == Some(ViewState::Stale)) {
            states.give_back(dataset, before);
            let (why, hint) = match error {
                WarehouseError::Later { why, .. } => {
                    (why, "`irispool setup` creates it; so does the next start".to_owned())
                }
                WarehouseError::Setup { why, hint } => (why, hint),
            };
            if is_news(&format!("view of {dataset}: {why}")) {
                tracing::warn!(
                    dataset,
                    why,
                    hint,
                    "rows are delivered, but a view of them could not be created"
                );
            }
        }
    }

    fn bring_up_to_date(
        &self,
        dataset: &str,
        table: &BqTable,
        are_stale: bool,
    ) -> Result<(), WarehouseError> {
        if !are_stale && self.has_whole_view(dataset, table)? {
            return Ok(());
        }
        let names = self.tables.listing().recent_names();
        let may_exist = |name: &str| names.as_ref().is_none_or(|names| names.contains(name));
        let (mut table_now, mut etag) = (LiveTable::of_table(table), table.etag.clone());
        for _ in 0..ROUNDS_MAX {
            let mut made = SetupChanges::default();
            update_views(self.client(), dataset, &table_now, may_exist, None, &mut made)?;
            if made.views > 0 {
                tracing::info!(dataset, views = made.views, "views made");
            }
            made.left.into_iter().for_each(|left| self.log_once(left));
            // Another worker may have added a column meanwhile, and created the view for it before this one.
            match self.resource(&table.name)? {
                Some(resource) if resource["etag"] != json!(etag) => {
                    etag = resource["etag"].as_str().unwrap_or_default().to_owned();
                    let now = LiveTable::of_resource(&table.name, &resource);
                    let is_same = now.columns == table_now.columns;
                    table_now = now;
                    if is_same {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// Whether the dataset's unified view exists and shows all columns of the table. A worker may have died after it
    /// added a column and before it updated the view. Columns of the catalog are in every view.
    fn has_whole_view(&self, dataset: &str, table: &BqTable) -> Result<bool, WarehouseError> {
        let name = catalog::view_name(dataset);
        if !self.exists(&name)? {
            return Ok(false);
        }
        if let Some(kind) = self.tables.listing().kind_of(&name).filter(|kind| kind != "VIEW") {
            self.log_once(LeftAlone::in_the_way(dataset, &name, &kind_in_words(&kind)));
            return Ok(true);
        }
        let known = catalog::find(dataset);
        let is_known = |column: &str| known.is_some_and(|dataset| dataset.field(column).is_some());
        let fields = table.schema.fields().iter();
        let mut added = fields.filter(|field| !is_known(&field.name)).peekable();
        if added.peek().is_none() {
            return Ok(true);
        }
        let view = self.resource(&name)?.unwrap_or_default();
        let shown = view["schema"]["fields"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(added.all(|field| columns::find(shown, &field.name).is_some()))
    }

    fn exists(&self, name: &str) -> Result<bool, WarehouseError> {
        let listing = self.tables.listing();
        match listing.has(name)? {
            Some(true) => Ok(true),
            Some(false) if listing.recent_names().is_some() => Ok(false),
            _ => Ok(self.resource(name)?.is_some()),
        }
    }

    fn resource(&self, name: &str) -> Result<Option<Value>, WarehouseError> {
        fetch(self.client(), name).map_err(|error| self.client().explain(Op::TablesGet, error))
    }

    fn log_once(&self, left: LeftAlone) {
        if self.logged.lock().unpoisoned().insert(left.name.clone()) {
            left.tell();
        }
    }
}
