//! Tables and views, before the first message comes or at a table's first use; and the SQL of it for people to read.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use super::answer::{Answer, Meaning};
use super::columns::{self, field_of};
use super::fault::{CallError, Op};
use super::sql::{fill, literal, quoted};
use super::table::{Table, missing, new_table, partition_field};
use super::tables::{Views, table_path};
use super::views::{self, LiveTable, View};
use super::{BigQuery, Shared};
use crate::catalog::{self, Field, Kind};
use crate::warehouse::{Made, WarehouseError};

const NEW_DATASET: &str = include_str!("../../../sql/bigquery/dataset.sql");
const NEW_TABLE: &str = include_str!("../../../sql/bigquery/table.sql");
const NEW_COLUMNS: &str = include_str!("../../../sql/bigquery/columns.sql");
/// Others may change a table while its views are made; then they are made again.
const VIEWS_ROUNDS_MAX: usize = 5;

impl BigQuery {
    /// Makes the tables of the datasets where they lack, gives those that are there the columns that irispool needs,
    /// and makes all their views anew. The dataset in BigQuery must be there.
    ///
    /// # Errors
    /// The first fault; what was made until then stays.
    pub fn set_up(&self, datasets: &[String]) -> Result<Made, WarehouseError> {
        let shared = &*self.shared;
        let there = shared.all_tables()?.unwrap_or_default();
        let made = self.for_all(datasets, |dataset| {
            let mut made = Made::default();
            if !there.contains(&catalog::table_name(dataset)) {
                made.tables += usize::from(shared.tables.make(&shared.client, dataset, &[])?.is_some());
            } else if let Some(table) = shared.tables.read(&shared.client, dataset)? {
                made.columns += missing(&table, &[]).len();
            }
            let table = shared.tables.bring_about(&shared.client, dataset, &[], false)?;
            for view in shared.views_of(dataset, &live(&table), Some(&there))? {
                shared.make_view(&view)?;
                made.views += 1;
            }
            shared.tables.see_to_views(dataset);
            Ok(made)
        })?;
        Ok(made.into_iter().fold(Made::default(), |sum, made| Made {
            tables: sum.tables + made.tables,
            columns: sum.columns + made.columns,
            views: sum.views + made.views,
        }))
    }

    /// The statements that [`Self::set_up`] would come to, in order, without the semicolons; `location` is where the
    /// dataset would be made. Nothing is changed.
    pub fn plan(&self, datasets: &[String], location: &str) -> Result<Vec<String>, WarehouseError> {
        let shared = &*self.shared;
        let there = shared.all_tables()?;
        let place = self.place();
        let mut plan = Vec::new();
        if there.is_none() {
            let dataset = quoted(&format!("{}.{}", place.project, place.dataset));
            plan.push(fill(NEW_DATASET, &[("dataset", &dataset), ("location", &literal(location))]));
        }
        let there = there.unwrap_or_default();
        let statements = self.for_all(datasets, |dataset| {
            let (table, mut statements) = shared.planned_table(dataset, &there)?;
            let views = shared.views_of(dataset, &table, Some(&there))?;
            statements.extend(views.into_iter().map(|view| view.sql));
            Ok(statements)
        })?;
        plan.extend(statements.into_iter().flatten());
        Ok(plan)
    }

    /// Does the same for each dataset, several at once, and gives the results in the datasets' order.
    pub(super) fn for_all<T: Send>(
        &self,
        datasets: &[String],
        act: impl Fn(&str) -> Result<T, WarehouseError> + Sync,
    ) -> Result<Vec<T>, WarehouseError> {
        let (queue, done) = (Mutex::new(datasets.iter().enumerate()), Mutex::new(BTreeMap::new()));
        let work = || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((place, dataset)) = next else { return Ok(()) };
                let result = act(dataset)?;
                done.lock().unwrap_or_else(PoisonError::into_inner).insert(place, result);
            }
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.shared.options.in_flight).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("a table is seen to without a panic"))
        })?;
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect())
    }
}

impl Shared {
    pub(super) fn name(&self) -> String {
        format!("bigquery:{}", self.client.place)
    }

    /// The table as it would be after a set-up, and the statements that make it so.
    fn planned_table(
        &self,
        dataset: &str,
        there: &HashSet<String>,
    ) -> Result<(LiveTable, Vec<String>), WarehouseError> {
        let name = catalog::table_name(dataset);
        let place = &self.client.place;
        let shown = quoted(&format!("{}.{}.{name}", place.project, place.dataset));
        let found = match there.contains(&name) {
            true => self.tables.read(&self.client, dataset)?,
            false => None,
        };
        let Some(table) = found else {
            let resource = new_table(&self.client, &name, catalog::find(dataset), &[]);
            return Ok((live_of(&name, &resource), vec![statement_of(&shown, &resource)]));
        };
        let new = missing(&table, &[]);
        let mut live = live(&table);
        live.columns.extend(new.iter().filter_map(field_of));
        let lines: Vec<String> =
            new.iter().map(|column| format!("ADD COLUMN IF NOT EXISTS {}", definition(column))).collect();
        let statements = match lines.is_empty() {
            true => Vec::new(),
            false => vec![fill(NEW_COLUMNS, &[("table", &shown), ("columns", &lines.join(",\n  "))])],
        };
        Ok((live, statements))
    }

    /// The views of a dataset. `there`: the tables that there are, where that is known.
    fn views_of(
        &self,
        dataset: &str,
        iris: &LiveTable,
        there: Option<&HashSet<String>>,
    ) -> Result<Vec<View>, WarehouseError> {
        let mut historic = None;
        for name in catalog::historic_table_names(dataset) {
            if historic.is_none() && there.is_none_or(|there| there.contains(&name)) {
                historic = self.resource(&name)?.map(|resource| live_of(&name, &resource));
            }
        }
        let place = &self.client.place;
        let place = views::Place { project: &place.project, dataset: &place.dataset };
        let unified = views::unified(place, dataset, iris, historic.as_ref());
        let latest = views::latest(place, dataset, iris, historic.as_ref());
        Ok([Some(unified), latest].into_iter().flatten().collect())
    }

    /// What `tables.get` says of a table or view; `None` where there is none.
    fn resource(&self, name: &str) -> Result<Option<Value>, WarehouseError> {
        match self.client.get(Op::TablesGet, &table_path(&self.client, name)) {
            Ok(resource) => Ok(Some(resource)),
            Err(CallError::Answer(Answer { meaning: Meaning::NotFound, .. })) => Ok(None),
            Err(error) => Err(self.client.explain(Op::TablesGet, error)),
        }
    }

    fn has_view(&self, name: &str) -> Result<bool, WarehouseError> {
        match self.is_listed(name)? {
            Some(true) => Ok(true),
            Some(false) if self.listed_lately().is_some() => Ok(false),
            _ => Ok(self.resource(name)?.is_some()),
        }
    }

    /// Whether the dataset's view is there and shows all columns of the table. Whoever added one may have died before
    /// the view was made anew. Columns of the catalog are in every view.
    fn has_whole_view(&self, dataset: &str, table: &Table) -> Result<bool, WarehouseError> {
        let name = catalog::view_name(dataset);
        if !self.has_view(&name)? {
            return Ok(false);
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

    fn make_view(&self, view: &View) -> Result<(), WarehouseError> {
        tracing::debug!(view = view.name, "making a view");
        self.client
            .query::<CallError>(&view.sql, |_| Ok(()))
            .map(drop)
            .map_err(|error| self.client.explain(Op::JobsQuery, error))
    }

    /// When a table is read first, makes its views if they are not there or lack a column of it, and after a change of
    /// the table by this process makes them anew. Rows do not wait for a view that can't be made: that is tried again
    /// when the table gets a column, is read anew after it was in trouble, or is read by the next process.
    pub(super) fn see_to_views(&self, dataset: &str, table: &Table) {
        let known = self.tables.see_to_views(dataset);
        if known == Some(Views::SeenTo) {
            return;
        }
        if let Err(error) = self.bring_about_views(dataset, table, known == Some(Views::Stale)) {
            self.tables.note_views(dataset, known);
            let (why, hint) = match error {
                WarehouseError::Later { why, .. } => {
                    (why, "`irispool setup` makes it; so does the next start".to_owned())
                }
                WarehouseError::Setup { why, hint } => (why, hint),
            };
            tracing::warn!(dataset, why, hint, "rows are delivered, but a view of them could not be made");
        }
    }

    fn bring_about_views(&self, dataset: &str, table: &Table, are_stale: bool) -> Result<(), WarehouseError> {
        if !are_stale && self.has_whole_view(dataset, table)? {
            return Ok(());
        }
        let (mut table_now, mut etag) = (live(table), table.etag.clone());
        for _ in 0..VIEWS_ROUNDS_MAX {
            for view in self.views_of(dataset, &table_now, self.listed_lately().as_ref())? {
                self.make_view(&view)?;
                tracing::info!(dataset, view = view.name, "view made");
            }
            // Another worker may have added a column meanwhile, and made the view of it before this one.
            match self.resource(&table.name)? {
                Some(resource) if resource["etag"] != json!(etag) => {
                    etag = resource["etag"].as_str().unwrap_or_default().to_owned();
                    let now = live_of(&table.name, &resource);
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
}

fn live(table: &Table) -> LiveTable {
    LiveTable {
        name: table.name.clone(),
        columns: table.fields.iter().filter_map(field_of).collect(),
        times_of_day: Vec::new(),
        partition_field: table.partition_field.clone(),
    }
}

fn live_of(name: &str, resource: &Value) -> LiveTable {
    let fields = resource["schema"]["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let mut columns: Vec<Field> = fields.iter().filter_map(field_of).collect();
    let is_time = |field: &&Value| field["type"] == "TIME" && field["mode"] != "REPEATED";
    let times = fields.iter().filter(is_time).filter_map(|field| field["name"].as_str());
    let times_of_day: Vec<String> = times.map(str::to_owned).collect();
    columns.extend(times_of_day.iter().map(|name| Field::new(name.clone(), Kind::String)));
    LiveTable { name: name.to_owned(), columns, times_of_day, partition_field: partition_field(resource) }
}

/// The statement that makes the table of a `tables.insert`.
fn statement_of(table: &str, resource: &Value) -> String {
    let fields = resource["schema"]["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let columns: Vec<String> = fields.iter().map(definition).collect();
    let partition = resource["timePartitioning"]["field"].as_str().unwrap_or_default();
    let kind = fields.iter().find(|field| field["name"] == partition).map(|field| &field["type"]);
    let day = match kind.and_then(Value::as_str) {
        Some("TIMESTAMP") => format!("TIMESTAMP_TRUNC({}, DAY)", quoted(partition)),
        Some("DATETIME") => format!("DATETIME_TRUNC({}, DAY)", quoted(partition)),
        _ => quoted(partition),
    };
    let names = resource["clustering"]["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<String> = names.iter().filter_map(Value::as_str).map(quoted).collect();
    let cluster = if names.is_empty() { String::new() } else { format!("\nCLUSTER BY {}", names.join(", ")) };
    let columns = columns.join(",\n  ");
    fill(NEW_TABLE, &[("table", table), ("columns", &columns), ("partition", &day), ("cluster", &cluster)])
}

/// A column of `tables.get`, as SQL defines it: `` `levelTo` INT64 ``.
fn definition(column: &Value) -> String {
    let kind = match column["type"].as_str().unwrap_or_default() {
        "INTEGER" => "INT64".to_owned(),
        "FLOAT" => "FLOAT64".to_owned(),
        "BOOLEAN" => "BOOL".to_owned(),
        "RECORD" => {
            let fields = column["fields"].as_array().map_or(&[][..], Vec::as_slice);
            format!("STRUCT<{}>", fields.iter().map(definition).collect::<Vec<_>>().join(", "))
        }
        other => other.to_owned(),
    };
    let name = quoted(column["name"].as_str().unwrap_or_default());
    if column["mode"] == "REPEATED" { format!("{name} ARRAY<{kind}>") } else { format!("{name} {kind}") }
}
