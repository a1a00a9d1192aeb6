//! `irispool setup`: creates the tables and views of datasets before the first message comes.

use std::collections::BTreeSet;

use super::dataset_views::DatasetViews;
use super::in_parallel::for_each_dataset;
use super::known_tables::KnownTables;
use super::live_table::LiveTable;
use super::own_views::{find_left_alone, update_views};
use super::table_resource::{fetch, missing_columns, new_table};
use crate::catalog;
use crate::warehouse::bigquery::api::Op;
use crate::warehouse::{LeftAlone, Replace, SetupChanges, WarehouseError};

/// Creates the tables of the datasets that are missing, adds the columns that irispool needs to the others, and creates
/// or changes their views, as far as these are irispool's or `replace` allows it. The dataset in BigQuery must exist.
///
/// # Errors
/// The error of a dataset that failed. What was done until then stays.
pub(crate) fn set_up(
    tables: &KnownTables,
    datasets: &[String],
    replace: Option<&Replace>,
) -> Result<SetupChanges, WarehouseError> {
    let client = tables.client();
    let names = tables.fetch_names()?.unwrap_or_default();
    let made = for_each_dataset(client.options().in_flight, datasets, |dataset| {
        let mut made = SetupChanges::default();
        if !names.contains(&catalog::table_name(dataset)) {
            made.tables += usize::from(tables.create(dataset, &[])?.is_some());
        } else if let Some(table) = tables.read(dataset)? {
            made.columns += missing_columns(&table, &[]).len();
        }
        let table = LiveTable::of_table(&*tables.create_or_extend(dataset, &[])?);
        update_views(client, dataset, &table, |name| names.contains(name), replace, &mut made)?;
        tables.view_states().take_over(dataset);
        Ok(made)
    })?;
    Ok(made.into_iter().fold(SetupChanges::default(), |mut sum, made| {
        sum.tables += made.tables;
        sum.columns += made.columns;
        sum.views += made.views;
        sum.replaced.extend(made.replaced);
        sum.left.extend(made.left);
        sum
    }))
}

/// The user's tables and views that irispool's views leave alone: those under the names of its views, and those that
/// the views do not read as history. Looks at the datasets of the catalog and at all others that have a table. Changes
/// nothing, and makes a request for each table and view that exists.
pub(crate) fn left_alone(tables: &KnownTables) -> Result<Vec<LeftAlone>, WarehouseError> {
    let client = tables.client();
    let Some(names) = tables.fetch_names()? else { return Ok(Vec::new()) };
    let exists = |name: &str| names.contains(name);
    let mut datasets: BTreeSet<String> = catalog::all().iter().map(|dataset| dataset.name.clone()).collect();
    datasets.extend(names.iter().filter_map(|name| dataset_of_table(name)));
    let datasets: Vec<String> = datasets.into_iter().collect();
    let left = for_each_dataset(client.options().in_flight, &datasets, |dataset| {
        let unified = catalog::view_name(dataset);
        let latest = format!("{}_latest", unified.trim_end_matches("_unified"));
        let historic = catalog::historic_table_names(dataset);
        if !historic.iter().chain([&unified, &latest]).any(|name| exists(name)) {
            return Ok(Vec::new());
        }
        let name = catalog::table_name(dataset);
        let found = match exists(&name) {
            true => fetch(client, &name).map_err(|error| client.explain(Op::TablesGet, error))?,
            false => None,
        };
        let table =
            found.unwrap_or_else(|| new_table(client.bq_dataset(), &name, catalog::find(dataset), &[]));
        let views = DatasetViews::find(client, dataset, &LiveTable::of_resource(&name, &table), exists)?;
        find_left_alone(client, dataset, &views, exists)
    })?;
    Ok(left.into_iter().flatten().collect())
}

/// The dataset whose IRIS rows a table of this name holds; `None` if it is another table.
pub(crate) fn dataset_of_table(name: &str) -> Option<String> {
    let label = name.strip_prefix("bmrs_")?.strip_suffix("_iris")?;
    Some(catalog::dataset_name(label))
}
