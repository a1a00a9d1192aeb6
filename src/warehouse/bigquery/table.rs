//! A table as BigQuery describes it, and as irispool makes one.

use std::sync::Arc;

use serde_json::{Value, json};

use super::client::Client;
use super::columns::{self, Meta, Unusable};
use crate::catalog::{self, Dataset, Field, Kind, META_COLUMNS, Schema};
use crate::warehouse::WarehouseError;

/// BigQuery's own limit.
const TABLE_COLUMNS_MAX: usize = 10_000;

/// A table as it was read last.
pub(super) struct Table {
    /// `bmrs_boalf_iris`.
    pub(super) name: String,
    pub(super) schema: Arc<Schema>,
    pub(super) meta: Meta,
    /// `schema.fields` as BigQuery has it.
    pub(super) fields: Vec<Value>,
    /// The column that it is partitioned by, if it is.
    pub(super) partition_field: Option<String>,
    pub(super) etag: String,
}

impl Table {
    /// Whether the column is there, a data column or another.
    pub(super) fn has(&self, column: &str) -> bool {
        columns::find(&self.fields, column).is_some()
    }
}

/// What is said of a table that irispool can write to.
pub(super) fn table_of(client: &Client, dataset: &str, resource: &Value) -> Result<Table, WarehouseError> {
    let name = catalog::table_name(dataset);
    let shown = format!("{}.{name}", client.place);
    let unusable = |fault: Unusable| WarehouseError::Setup { why: fault.why, hint: fault.hint };
    if let Some(what) = resource["type"].as_str().filter(|what| *what != "TABLE") {
        return Err(WarehouseError::Setup {
            why: format!("{shown} is a {what}, and irispool needs a table of that name for its rows"),
            hint: format!("rename it: irispool makes the table {name} by itself"),
        });
    }
    let fields = resource["schema"]["fields"].as_array().cloned().unwrap_or_default();
    let known = catalog::find(dataset).map_or(&[][..], |dataset| &dataset.fields);
    columns::check_required(&shown, &fields, known).map_err(unusable)?;
    let meta = columns::meta_of(&shown, &fields).map_err(unusable)?;
    let schema = Arc::new(Schema::new(name.clone(), columns::data_fields(&fields)));
    let etag = resource["etag"].as_str().unwrap_or("*").to_owned();
    Ok(Table { name, schema, meta, fields, partition_field: partition_field(resource), etag })
}

/// The column that a table is partitioned by; one that is partitioned by the time of loading has none.
pub(super) fn partition_field(resource: &Value) -> Option<String> {
    let field = |kind: &str| resource[kind]["field"].as_str().map(str::to_owned);
    field("timePartitioning").or_else(|| field("rangePartitioning"))
}

/// What the table lacks of its meta columns and of `wanted`, as far as it can take it.
pub(super) fn missing(table: &Table, wanted: &[Field]) -> Vec<Value> {
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

/// The table that irispool makes for a dataset: its fields, the meta columns, a partition a day, clustered.
pub(super) fn new_table(client: &Client, name: &str, known: Option<&Dataset>, wanted: &[Field]) -> Value {
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
        .filter(|field| matches!(field.kind, Kind::Timestamp | Kind::Datetime | Kind::Date))
        .map_or("ingested_utc", |field| &field.name);
    let cluster: Vec<&str> = known
        .iter()
        .flat_map(|dataset| &dataset.cluster_fields)
        .filter_map(|name| field(name))
        .filter(|field| !matches!(field.kind, Kind::Float64 | Kind::Json | Kind::Record(_)))
        .map(|field| &*field.name)
        .take(4)
        .collect();
    let columns: Vec<Value> = fields.iter().map(columns::column).chain(columns::missing_meta(&[])).collect();
    debug_assert!(columns.len() >= META_COLUMNS.len());
    let mut resource = json!({
        "tableReference": {
            "projectId": client.place.project, "datasetId": client.place.name, "tableId": name,
        },
        "schema": {"fields": columns},
        "timePartitioning": {"type": "DAY", "field": partition},
    });
    if !cluster.is_empty() {
        resource["clustering"] = json!({"fields": cluster});
    }
    resource
}
