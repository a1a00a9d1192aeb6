//! Columns: BigQuery's types as kinds of the catalog and back, and irispool's own columns as a table has them.

use serde_json::{Value, json};

use crate::catalog::{ColumnKind, Field, META_COLUMNS, is_meta_column};

/// How the rows of one table get the values of [`META_COLUMNS`]. `None`: the table lacks the column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetaColumns {
    pub(crate) ingested_utc: Option<MetaColumn>,
    pub(crate) source: Option<MetaColumn>,
    pub(crate) message_id: Option<MetaColumn>,
    pub(crate) message_row: Option<MetaColumn>,
    pub(crate) rescued: Option<MetaColumn>,
}

/// One of irispool's own columns in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetaColumn {
    /// The name as the table spells it.
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
}

/// Why irispool can't write to a table that exists.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnusableColumn {
    pub(super) why: String,
    pub(super) hint: String,
}

/// The data columns of a table, from the `schema.fields` of `tables.get`, without the columns whose type no message can
/// fill (BYTES, GEOGRAPHY …).
pub(super) fn data_fields(fields: &[Value]) -> Vec<Field> {
    fields.iter().filter_map(field_of).filter(|field| !is_meta_column(&field.name)).collect()
}

/// One column of `schema.fields` as a field; `None` if no kind is like its type.
pub(super) fn field_of(field: &Value) -> Option<Field> {
    let name = field["name"].as_str()?.to_owned();
    let kind = match field["type"].as_str()?.to_ascii_uppercase().as_str() {
        "STRING" => ColumnKind::String,
        "INTEGER" | "INT64" => ColumnKind::Int64,
        "FLOAT" | "FLOAT64" => ColumnKind::Float64,
        "NUMERIC" | "BIGNUMERIC" => ColumnKind::Numeric,
        "BOOLEAN" | "BOOL" => ColumnKind::Bool,
        "TIMESTAMP" => ColumnKind::Timestamp,
        "DATETIME" => ColumnKind::Datetime,
        "DATE" => ColumnKind::Date,
        "JSON" => ColumnKind::Json,
        "RECORD" | "STRUCT" => {
            ColumnKind::Record(field["fields"].as_array()?.iter().filter_map(field_of).collect())
        }
        _ => return None,
    };
    let repeated = field["mode"].as_str().is_some_and(|mode| mode.eq_ignore_ascii_case("REPEATED"));
    Some(Field { name, kind, repeated })
}

/// A field as a column of `tables.insert` and `tables.patch`.
pub(super) fn column(field: &Field) -> Value {
    let name = &field.name;
    let mode = if field.repeated { "REPEATED" } else { "NULLABLE" };
    let of_type = |name_of_type: &str| json!({"name": name, "type": name_of_type, "mode": mode});
    match &field.kind {
        ColumnKind::Bool => of_type("BOOLEAN"),
        ColumnKind::Int64 => of_type("INTEGER"),
        ColumnKind::Float64 => of_type("FLOAT"),
        ColumnKind::Numeric => of_type("NUMERIC"),
        ColumnKind::String => of_type("STRING"),
        ColumnKind::Timestamp => of_type("TIMESTAMP"),
        ColumnKind::Datetime => of_type("DATETIME"),
        ColumnKind::Date => of_type("DATE"),
        ColumnKind::Json => of_type("JSON"),
        ColumnKind::Record(fields) => {
            let fields: Vec<Value> = fields.iter().map(column).collect();
            json!({"name": name, "type": "RECORD", "mode": mode, "fields": fields})
        }
    }
}

/// The columns of [`META_COLUMNS`] that a table lacks, in their order.
pub(super) fn missing_meta(fields: &[Value]) -> Vec<Value> {
    META_COLUMNS
        .iter()
        .filter(|name| find(fields, name).is_none())
        .map(|name| column(&meta_field(name)))
        .collect()
}

fn meta_field(name: &str) -> Field {
    Field::new(
        name,
        match name {
            "ingested_utc" => ColumnKind::Timestamp,
            "message_row" => ColumnKind::Int64,
            "rescued" => ColumnKind::Json,
            _ => ColumnKind::String,
        },
    )
}

/// The column of that name, in upper or lower case.
pub(super) fn find<'a>(fields: &'a [Value], name: &str) -> Option<&'a Value> {
    fields.iter().find(|field| field["name"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)))
}

/// irispool's own columns in an existing table.
///
/// # Errors
/// If such a column has a type that can't hold irispool's values.
pub(super) fn meta_columns(table: &str, fields: &[Value]) -> Result<MetaColumns, UnusableColumn> {
    let meta_column = |name: &str, takes: &[ColumnKind]| -> Result<Option<MetaColumn>, UnusableColumn> {
        let Some(found) = find(fields, name) else { return Ok(None) };
        match field_of(found) {
            Some(Field { name, kind, repeated: false }) if takes.contains(&kind) => {
                Ok(Some(MetaColumn { name, kind }))
            }
            _ => Err(UnusableColumn {
                why: format!(
                    "{table} has a column {name} of the type {}, which can't hold it",
                    shown_type(found)
                ),
                hint: format!(
                    "rename that column: `ALTER TABLE … RENAME COLUMN {name} TO {name}_old`; irispool adds its own"
                ),
            }),
        }
    };
    Ok(MetaColumns {
        ingested_utc: meta_column(
            "ingested_utc",
            &[ColumnKind::Timestamp, ColumnKind::Datetime, ColumnKind::Date, ColumnKind::String],
        )?,
        source: meta_column("source", &[ColumnKind::String])?,
        message_id: meta_column("message_id", &[ColumnKind::String])?,
        message_row: meta_column(
            "message_row",
            &[ColumnKind::Int64, ColumnKind::String, ColumnKind::Numeric, ColumnKind::Float64],
        )?,
        rescued: meta_column("rescued", &[ColumnKind::Json, ColumnKind::String])?,
    })
}

fn shown_type(field: &Value) -> String {
    [field["mode"].as_str().filter(|mode| *mode == "REPEATED"), field["type"].as_str()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Fails if the table has a REQUIRED column that no message of the dataset fills: it would refuse every row.
pub(super) fn check_required(table: &str, fields: &[Value], known: &[Field]) -> Result<(), UnusableColumn> {
    for field in fields {
        let name = field["name"].as_str().unwrap_or_default();
        let required = field["mode"].as_str().is_some_and(|mode| mode.eq_ignore_ascii_case("REQUIRED"));
        let has_default = field["defaultValueExpression"].as_str().is_some();
        let filled = is_meta_column(name) || known.iter().any(|field| field.name.eq_ignore_ascii_case(name));
        if required && !has_default && !filled {
            return Err(UnusableColumn {
                why: format!("{table} has a REQUIRED column {name}, which the messages don't have"),
                hint: format!("make it optional: `ALTER TABLE … ALTER COLUMN {name} DROP NOT NULL`"),
            });
        }
    }
    Ok(())
}

/// Whether a new column may have this name.
fn is_possible_name(name: &str) -> bool {
    const TAKEN: [&str; 6] =
        ["_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier"];
    let lower = name.to_ascii_lowercase();
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts_well
        && name.len() <= 300
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !TAKEN.iter().any(|taken| lower.starts_with(taken))
        && !is_meta_column(name)
}

/// The field without the sub-fields that BigQuery can't store; `None` if nothing is left.
pub(super) fn possible(field: &Field) -> Option<Field> {
    if !is_possible_name(&field.name) && !is_meta_column(&field.name) {
        return None;
    }
    let ColumnKind::Record(fields) = &field.kind else { return Some(field.clone()) };
    let fields: Vec<Field> = fields.iter().filter_map(possible).collect();
    (!fields.is_empty()).then(|| Field { kind: ColumnKind::Record(fields), ..field.clone() })
}
