//! A table as `tables.get` describes it, and as `tables.insert` creates it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::columns::{self, MetaColumns, UnusableColumn};
use crate::catalog::{self, ColumnKind, Dataset, Field, META_COLUMNS, Schema};
use crate::warehouse::WarehouseError;
use crate::warehouse::bigquery::api::{BqDataset, CallError, Client, Meaning, Op, Refusal};

/// BigQuery's own limit.
const TABLE_COLUMNS_MAX: usize = 10_000;

/// A table for IRIS rows, as it was when irispool last read it.
pub(crate) struct BqTable {
    /// Without project and dataset: `bmrs_boalf_iris`.
    pub(crate) name: String,
    /// The data columns.
    pub(crate) schema: Arc<Schema>,
    /// irispool's own columns.
    pub(crate) meta: MetaColumns,
    /// All columns: `schema.fields` of `tables.get`.
    pub(crate) fields: Vec<Value>,
    /// The column by which the table is partitioned, if any.
    pub(crate) partition_field: Option<String>,
    pub(crate) etag: String,
}

impl BqTable {
    /// Whether the table has a column of that name, a data column or another.
    pub(crate) fn has(&self, column: &str) -> bool {
        columns::find(&self.fields, column).is_some()
    }
}

/// The path of a table or view in a request.
pub(crate) fn table_path(client: &Client, table: &str) -> String {
    format!("datasets/{}/tables/{table}", client.bq_dataset().name)
}

/// What `tables.get` answers about a table or view; `None` if it does not exist.
pub(super) fn fetch(client: &Client, name: &str) -> Result<Option<Value>, CallError> {
    match client.get(Op::TablesGet, &table_path(client, name)) {
        Ok(resource) => Ok(Some(resource)),
        Err(CallError::Refused(Refusal { meaning: Meaning::NotFound, .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads the answer of `tables.get` about the table of a dataset.
///
/// # Errors
/// If irispool can't write to the table.
pub(crate) fn read_table(
    bq_dataset: &BqDataset,
    dataset: &str,
    resource: &Value,
) -> Result<BqTable, WarehouseError> {
    let name = catalog::table_name(dataset);
    let shown = bq_dataset.full_name(&name);
    let unusable = |column: UnusableColumn| WarehouseError::Setup { why: column.why, hint: column.hint };
    if let Some(what) = resource["type"].as_str().filter(|what| *what != "TABLE") {
        return Err(WarehouseError::Setup {
            why: format!("{shown} is a {what}, and irispool needs a table of that name for its rows"),
            hint: format!("rename it: irispool makes the table {name} by itself"),
        });
    }
    let fields = resource["schema"]["fields"].as_array().cloned().unwrap_or_default();
    let known = catalog::find(dataset).map_or(&[][..], |dataset| &dataset.fields);
    columns::check_required(&shown, &fields, known).map_err(unusable)?;
    let meta = columns::meta_columns(&shown, &fields).map_err(unusable)?;
    let schema = Arc::new(Schema::new(name.clone(), columns::data_fields(&fields)));
    let etag = resource["etag"].as_str().unwrap_or("*").to_owned();
    Ok(BqTable { name, schema, meta, fields, partition_field: partition_field(resource), etag })
}

/// The column by which a table is partitioned. A table that is partitioned by the time of loading has none.
pub(crate) fn partition_field(resource: &Value) -> Option<String> {
    let field = |kind: &str| resource[kind]["field"].as_str().map(str::to_owned);
    field("timePartitioning").or_else(|| field("rangePartitioning"))
}

/// The columns that the table lacks of irispool's own columns and of `wanted`, as far as it can take them.
pub(super) fn missing_columns(table: &BqTable, wanted: &[Field]) -> Vec<Value> {
    let mut new = columns::missing_meta(&table.fields);
    for field in wanted {
        let is_there = table.has(&field.name) || columns::find(&new, &field.name).is_some();
        let has_room = table.fields.len() + new.len() < TABLE_COLUMNS_MAX;
        if let Some(field) = columns::possible(field).filter(|_| !is_there && has_room) {
            new.push(columns::column(&field));
        }
    }
    new
}

/// The table that irispool creates for a dataset: the fields of the catalog, those of `wanted`, irispool's own columns,
/// a partition for each day, and clustering.
pub(super) fn new_table(
    bq_dataset: &BqDataset,
    name: &str,
    known: Option<&Dataset>,
    wanted: &[Field],
) -> Value {
    let mut fields: Vec<Field> = known.map_or_else(Vec::new, |dataset| dataset.fields.clone());
    for field in wanted.iter().filter_map(columns::possible) {
        if !fields.iter().any(|there| there.name.eq_ignore_ascii_case(&field.name)) {
            fields.push(field);
        }
    }
    let field =
        |name: &str| fields.iter().find(|field| field.name.eq_ignore_ascii_case(name) && !field.repeated);
    let partition = known
        .and_then(|dataset| field(dataset.partition_field.as_deref()?))
        .filter(|field| matches!(field.kind, ColumnKind::Timestamp | ColumnKind::Datetime | ColumnKind::Date))
        .map_or("ingested_utc", |field| &field.name);
    let cluster: Vec<&str> = known
        .iter()
        .flat_map(|dataset| &dataset.cluster_fields)
        .filter_map(|name| field(name))
        .filter(|field| !matches!(field.kind, ColumnKind::Float64 | ColumnKind::Json | ColumnKind::Record(_)))
        .map(|field| &*field.name)
        .take(4)
        .collect();
    let columns: Vec<Value> = fields.iter().map(columns::column).chain(columns::missing_meta(&[])).collect();
    debug_assert!(columns.len() >= META_COLUMNS.len());
    let mut resource = json!({
        "tableReference": {
            "projectId": bq_dataset.project, "datasetId": bq_dataset.name, "tableId": name,
        },
        "schema": {"fields": columns},
        "timePartitioning": {"type": "DAY", "field": partition},
    });
    if !cluster.is_empty() {
        resource["clustering"] = json!({"fields": cluster});
    }
    resource
}
