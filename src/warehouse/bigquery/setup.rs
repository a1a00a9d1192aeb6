//! Tables and views, before the first message comes or at a table's first use; and the SQL of it for people to read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use super::columns::{self, field_of};
use super::own_views::in_words;
use super::sql::{fill, literal, quoted};
use super::table::{Table, missing, new_table, partition_field};
use super::tables::Views;
use super::views::{LiveTable, View};
use super::{BigQuery, Shared};
use crate::catalog::{self, Field, Kind};
use crate::observe::is_news;
use crate::warehouse::{LeftAlone, Made, Replace, WarehouseError};

const NEW_DATASET: &str = include_str!("../../../sql/bigquery/dataset.sql");
const NEW_TABLE: &str = include_str!("../../../sql/bigquery/table.sql");
const NEW_COLUMNS: &str = include_str!("../../../sql/bigquery/columns.sql");
/// Others may change a table while its views are made; then they are made again.
const VIEWS_ROUNDS_MAX: usize = 5;

/// What a set-up would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// In order, without the semicolons.
    pub statements: Vec<String>,
    /// What would stay as it is.
    pub left: Vec<LeftAlone>,
}

impl BigQuery {
    /// Makes the tables of the datasets where they lack, gives those that are there the columns that irispool needs,
    /// and makes or changes their views, as far as they are irispool's or `replace` allows it. The dataset in BigQuery must
    /// be there.
    ///
    /// # Errors
    /// The first fault; what was made until then stays.
    pub fn set_up(&self, datasets: &[String], replace: Option<&Replace>) -> Result<Made, WarehouseError> {
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
            let is_there = |name: &str| there.contains(name);
            shared.bring_views(dataset, &live(&table), is_there, replace, &mut made)?;
            shared.tables.see_to_views(dataset);
            Ok(made)
        })?;
        Ok(made.into_iter().fold(Made::default(), |mut sum, made| {
            sum.tables += made.tables;
            sum.columns += made.columns;
            sum.views += made.views;
            sum.replaced.extend(made.replaced);
            sum.left.extend(made.left);
            sum
        }))
    }

    /// What [`Self::set_up`] would come to; `location` is where the dataset would be made. Nothing is changed.
    pub fn plan(
        &self,
        datasets: &[String],
        location: &str,
        replace: Option<&Replace>,
    ) -> Result<Plan, WarehouseError> {
        let shared = &*self.shared;
        let there = shared.all_tables()?;
        let place = self.place();
        let mut plan = Plan::default();
        if there.is_none() {
            let dataset = quoted(&format!("{}.{}", place.project, place.name));
            let statement = fill(NEW_DATASET, &[("dataset", &dataset), ("location", &literal(location))]);
            plan.statements.push(statement);
        }
        let there = there.unwrap_or_default();
        let plans = self.for_all(datasets, |dataset| {
            let (table, mut statements) = shared.planned_table(dataset, &there)?;
            let is_there = |name: &str| there.contains(name);
            let wanted = shared.wanted_views(dataset, &table, is_there)?;
            let mut left = shared.look_at_views(dataset, &wanted, is_there)?;
            if let Some(replace) = replace {
                let may_go = |name: &str| replace.wants(name);
                // A table in the way stays, and so does what would read a view that stays.
                left.retain(|left| !(left.is_view() && may_go(&left.name)));
                if !left.iter().any(|left| left.name == wanted.unified.name) {
                    left.retain(|left| !left.is_only_about_latest());
                }
            }
            let views = std::iter::once(&wanted.unified).chain(&wanted.latest);
            let stays = |view: &View| left.iter().any(|left| left.name == view.name);
            statements.extend(views.filter(|view| !stays(view)).map(View::marked_sql));
            Ok(Plan { statements, left })
        })?;
        for more in plans {
            plan.statements.extend(more.statements);
            plan.left.extend(more.left);
        }
        Ok(plan)
    }

    /// What of the user's stands in the places of the views of the catalog's datasets and of those that have a table, or
    /// would be left out of them. Nothing is changed; it takes a request for each that is there.
    pub fn left_alone(&self) -> Result<Vec<LeftAlone>, WarehouseError> {
        let shared = &*self.shared;
        let Some(there) = shared.all_tables()? else { return Ok(Vec::new()) };
        let mut datasets: BTreeSet<String> =
            catalog::all().iter().map(|dataset| dataset.name.clone()).collect();
        let own = there.iter().filter_map(|name| name.strip_prefix("bmrs_")?.strip_suffix("_iris"));
        datasets.extend(own.map(catalog::dataset_name));
        let datasets: Vec<String> = datasets.into_iter().collect();
        let left = self.for_all(&datasets, |dataset| {
            let is_there = |name: &str| there.contains(name);
            let base = catalog::view_name(dataset);
            let latest = format!("{}_latest", base.trim_end_matches("_unified"));
            let historic = catalog::historic_table_names(dataset);
            if !historic.iter().chain([&base, &latest]).any(|name| is_there(name)) {
                return Ok(Vec::new());
            }
            let found = match is_there(&catalog::table_name(dataset)) {
                true => shared.resource(&catalog::table_name(dataset))?,
                false => None,
            };
            let name = catalog::table_name(dataset);
            let found =
                found.unwrap_or_else(|| new_table(&shared.client, &name, catalog::find(dataset), &[]));
            let wanted = shared.wanted_views(dataset, &live_of(&name, &found), is_there)?;
            shared.look_at_views(dataset, &wanted, is_there)
        })?;
        Ok(left.into_iter().flatten().collect())
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
        let shown = quoted(&format!("{}.{}.{name}", place.project, place.name));
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
        if let Some(kind) = self.listed_kind(&name).filter(|kind| kind != "VIEW") {
            self.tell_once(LeftAlone::in_the_way(dataset, &name, &in_words(&kind)));
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
            if is_news(&format!("view of {dataset}: {why}")) {
                tracing::warn!(
                    dataset,
                    why,
                    hint,
                    "rows are delivered, but a view of them could not be made"
                );
            }
        }
    }

    fn tell_once(&self, left: LeftAlone) {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(left.name.clone()) {
            left.tell();
        }
    }

    fn bring_about_views(&self, dataset: &str, table: &Table, are_stale: bool) -> Result<(), WarehouseError> {
        if !are_stale && self.has_whole_view(dataset, table)? {
            return Ok(());
        }
        let listed = self.listed_lately();
        let is_there = |name: &str| listed.as_ref().is_none_or(|listed| listed.contains(name));
        let (mut table_now, mut etag) = (live(table), table.etag.clone());
        for _ in 0..VIEWS_ROUNDS_MAX {
            let mut made = Made::default();
            self.bring_views(dataset, &table_now, is_there, None, &mut made)?;
            if made.views > 0 {
                tracing::info!(dataset, views = made.views, "views made");
            }
            made.left.into_iter().for_each(|left| self.tell_once(left));
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

pub(super) fn live_of(name: &str, resource: &Value) -> LiveTable {
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
