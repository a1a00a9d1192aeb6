//! The columns of a table as the SQL of a view sees them.

use serde_json::Value;

use super::columns::field_of;
use super::table_resource::{BqTable, partition_field};
use crate::catalog::{ColumnKind, Field};

/// A table as it is, or as irispool will create it.
#[derive(Clone, Debug)]
pub struct LiveTable {
    /// Without project and dataset: `bmrs_boalf`.
    pub name: String,
    /// All columns, irispool's own and those of other programs too, without the columns whose type is like no
    /// [`ColumnKind`].
    pub columns: Vec<Field>,
    /// The names of those `columns` that have the type TIME, a time of day without a day. Their kind is
    /// [`ColumnKind::String`].
    pub times_of_day: Vec<String>,
    /// The column by which the table is partitioned, if any.
    pub partition_field: Option<String>,
}

impl LiveTable {
    /// The table for IRIS rows as it was read last.
    pub(super) fn of_table(table: &BqTable) -> LiveTable {
        LiveTable {
            name: table.name.clone(),
            columns: table.fields.iter().filter_map(field_of).collect(),
            times_of_day: Vec::new(),
            partition_field: table.partition_field.clone(),
        }
    }

    /// A table out of the answer of `tables.get`.
    pub(super) fn of_resource(name: &str, resource: &Value) -> LiveTable {
        let fields = resource["schema"]["fields"].as_array().map_or(&[][..], Vec::as_slice);
        let mut columns: Vec<Field> = fields.iter().filter_map(field_of).collect();
        let is_time = |field: &&Value| field["type"] == "TIME" && field["mode"] != "REPEATED";
        let times = fields.iter().filter(is_time).filter_map(|field| field["name"].as_str());
        let times_of_day: Vec<String> = times.map(str::to_owned).collect();
        columns.extend(times_of_day.iter().map(|name| Field::new(name.clone(), ColumnKind::String)));
        LiveTable { name: name.to_owned(), columns, times_of_day, partition_field: partition_field(resource) }
    }

    /// The type of one of the table's columns, as `conversions.sql` names it.
    pub(super) fn live_type(&self, column: &Field) -> &'static str {
        if self.times_of_day.contains(&column.name) { "TIME" } else { live_type(column) }
    }

    /// The column of that name, in upper or lower case.
    pub(super) fn column(&self, name: &str) -> Option<&Field> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// The type of a column, as `conversions.sql` names it.
pub(super) fn live_type(column: &Field) -> &'static str {
    if column.repeated {
        return "ARRAY";
    }
    match column.kind {
        ColumnKind::Bool => "BOOL",
        ColumnKind::Int64 => "INT64",
        ColumnKind::Float64 => "FLOAT64",
        ColumnKind::Numeric => "NUMERIC",
        ColumnKind::String => "STRING",
        ColumnKind::Timestamp => "TIMESTAMP",
        ColumnKind::Datetime => "DATETIME",
        ColumnKind::Date => "DATE",
        ColumnKind::Json => "JSON",
        ColumnKind::Record(_) => "RECORD",
    }
}
