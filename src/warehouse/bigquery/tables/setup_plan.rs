//! What a set-up would do, as SQL for people.

use std::collections::HashSet;

use serde_json::Value;

use super::columns::field_of;
use super::dataset_views::DatasetViews;
use super::in_parallel::for_each_dataset;
use super::known_tables::KnownTables;
use super::live_table::LiveTable;
use super::own_views::find_left_alone;
use super::sql::{fill, literal, quoted};
use super::table_resource::{missing_columns, new_table};
use super::views::View;
use crate::catalog;
use crate::warehouse::{LeftAlone, Replace, WarehouseError};

const NEW_DATASET: &str = include_str!("../../../../sql/bigquery/dataset.sql");
const NEW_TABLE: &str = include_str!("../../../../sql/bigquery/table.sql");
const NEW_COLUMNS: &str = include_str!("../../../../sql/bigquery/columns.sql");

/// What a set-up would do.
#[derive(Debug, Default)]
pub struct SetupPlan {
    /// The SQL statements in order, without semicolons.
    pub statements: Vec<String>,
    /// The user's tables and views that would stay as they are.
    pub left: Vec<LeftAlone>,
}

/// What [`super::setup::set_up`] would do. `location` is that of a new dataset in BigQuery. Changes nothing.
pub(crate) fn plan(
    tables: &KnownTables,
    datasets: &[String],
    location: &str,
    replace: Option<&Replace>,
) -> Result<SetupPlan, WarehouseError> {
    let client = tables.client();
    let names = tables.fetch_names()?;
    let mut plan = SetupPlan::default();
    if names.is_none() {
        let bq_dataset = quoted(&client.bq_dataset().to_string());
        let statement = fill(NEW_DATASET, &[("dataset", &bq_dataset), ("location", &literal(location))]);
        plan.statements.push(statement);
    }
    let names = names.unwrap_or_default();
    let plans = for_each_dataset(client.options().in_flight, datasets, |dataset| {
        let (table, mut statements) = planned_table(tables, dataset, &names)?;
        let exists = |name: &str| names.contains(name);
        let views = DatasetViews::find(client, dataset, &table, exists)?;
        let mut left = find_left_alone(client, dataset, &views, exists)?;
        if let Some(replace) = replace {
            let may_go = |name: &str| replace.wants(name);
            // A table in the way stays, and so does a view that would read a view of the user's.
            left.retain(|left| !(left.is_view() && may_go(&left.name)));
            if !left.iter().any(|left| left.name == views.unified.name) {
                left.retain(|left| !left.is_only_about_latest());
            }
        }
        let stays = |view: &View| left.iter().any(|left| left.name == view.name);
        let written = std::iter::once(&views.unified).chain(&views.latest).filter(|view| !stays(view));
        statements.extend(written.map(View::marked_sql));
        Ok(SetupPlan { statements, left })
    })?;
    for more in plans {
        plan.statements.extend(more.statements);
        plan.left.extend(more.left);
    }
    Ok(plan)
}

/// The table as it would be after a set-up, and the statements that would make it so.
fn planned_table(
    tables: &KnownTables,
    dataset: &str,
    names: &HashSet<String>,
) -> Result<(LiveTable, Vec<String>), WarehouseError> {
    let bq_dataset = tables.client().bq_dataset();
    let name = catalog::table_name(dataset);
    let shown = quoted(&bq_dataset.full_name(&name));
    let found = if names.contains(&name) { tables.read(dataset)? } else { None };
    let Some(table) = found else {
        let resource = new_table(bq_dataset, &name, catalog::find(dataset), &[]);
        return Ok((LiveTable::of_resource(&name, &resource), vec![create_statement(&shown, &resource)]));
    };
    let new = missing_columns(&table, &[]);
    let mut live = LiveTable::of_table(&table);
    live.columns.extend(new.iter().filter_map(field_of));
    let lines: Vec<String> =
        new.iter().map(|column| format!("ADD COLUMN IF NOT EXISTS {}", definition(column))).collect();
    let statements = match lines.is_empty() {
        true => Vec::new(),
        false => vec![fill(NEW_COLUMNS, &[("table", &shown), ("columns", &lines.join(",\n  "))])],
    };
    Ok((live, statements))
}

/// The statement that creates the table of a `tables.insert`.
fn create_statement(table: &str, resource: &Value) -> String {
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

/// A column of `tables.get` as SQL defines it: `` `levelTo` INT64 ``.
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
