//! Chooses the kind of a field that no table has yet.

use std::collections::HashMap;

use simd_json::{Node, StaticNode};

use super::convert::{self, Fit};
use super::limits::NEW_FIELDS_MAX;
use super::number::FLOAT_EXACT_MAX;
use super::rows::Rows;
use super::time::UtcTime;
use super::{number, tape};
use crate::catalog::{ColumnKind, Field, is_meta_column, known_kind};

/// Prefixes that BigQuery reserves, in any case.
const RESERVED_PREFIXES: [&str; 6] =
    ["_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER"];

/// Whether a table can have a column of this name beside irispool's own: letters, digits and underscores, at most
/// 300, not beginning with a digit or with a prefix that BigQuery reserves.
fn can_be_column(name: &str) -> bool {
    let bytes = name.as_bytes();
    let reserved = |prefix: &&str| {
        bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    (1..=300).contains(&bytes.len())
        && !bytes[0].is_ascii_digit()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && !is_meta_column(name)
        && !RESERVED_PREFIXES.iter().any(reserved)
}

/// The kind of a value that is not null. Numbers are floats, because the same field comes as `457` and as `350.0`.
/// Integers that a float cannot hold are integers, or text if 64 bits cannot hold them either.
pub(super) fn infer(value: &[Node<'_>]) -> ColumnKind {
    if let Some(text) = tape::wide(value) {
        // A fraction is a measurement, for which a float is near enough. A whole number is an identifier.
        let is_held = text.parse().is_ok_and(|float| number::is_held(text, float));
        return if is_held || text.contains(['.', 'e', 'E']) {
            ColumnKind::Float64
        } else {
            ColumnKind::String
        };
    }
    match value[0] {
        Node::Object { .. } | Node::Array { .. } => ColumnKind::Json,
        Node::String(text) if UtcTime::parse(text).is_none() => ColumnKind::String,
        Node::String(text) if text.len() == "2025-10-28".len() => ColumnKind::Date,
        Node::String(_) => ColumnKind::Timestamp,
        Node::Static(StaticNode::Bool(_)) => ColumnKind::Bool,
        Node::Static(StaticNode::I64(number)) if number.unsigned_abs() > FLOAT_EXACT_MAX => ColumnKind::Int64,
        Node::Static(StaticNode::U64(number)) if number > FLOAT_EXACT_MAX => match i64::try_from(number) {
            Ok(_) => ColumnKind::Int64,
            Err(_) if number as f64 as u128 == u128::from(number) => ColumnKind::Float64,
            Err(_) => ColumnKind::String,
        },
        Node::Static(_) => ColumnKind::Float64,
    }
}

fn fits(field: &Field, value: &[Node<'_>]) -> bool {
    matches!(convert::push(&mut Rows::default(), 0, field, value), Fit::Whole)
}

/// The narrowest kind that takes the values of both.
fn widen(one: ColumnKind, other: ColumnKind) -> ColumnKind {
    use ColumnKind::{Date, Float64, Int64, Json, String, Timestamp};
    match (one, other) {
        (one, other) if one == other => one,
        (Json, _) | (_, Json) => Json,
        (Date, Timestamp) | (Timestamp, Date) => Timestamp,
        (Float64, Int64) | (Int64, Float64) => Float64,
        _ => String,
    }
}

/// The fields of a message that have no column.
#[derive(Default)]
pub(super) struct NewFields {
    fields: Vec<NewField>,
    /// The index of each field in `fields`, by its name in lower case.
    by_name: HashMap<String, usize>,
}

struct NewField {
    field: Field,
    /// Its kind is the catalog's, and all its values so far fit that.
    known: bool,
    /// The number of the last record that had a value under the field's own spelling.
    record: u64,
}

impl NewFields {
    /// Notes a field that has a value other than null, in the record with the number `record`.
    ///
    /// If a record has a field in two spellings, the value of the other spelling will be rescued, so it says nothing
    /// about the column.
    pub(super) fn note(&mut self, name: &str, value: &[Node<'_>], record: u64) {
        if !can_be_column(name) {
            return;
        }
        let lower = name.to_ascii_lowercase();
        if let Some(&index) = self.by_name.get(&lower) {
            let NewField { field, known, record: last } = &mut self.fields[index];
            if field.name == name {
                *last = record;
            } else if *last == record {
                return;
            }
            *known = *known && fits(field, value);
            if !*known {
                field.kind = widen(field.kind.clone(), infer(value));
            }
        } else if self.fields.len() < NEW_FIELDS_MAX {
            let field = |(kind, repeated)| Field { name: name.to_owned(), kind, repeated };
            // The kind that other datasets give this name, if this value fits it.
            let known = known_kind(name).map(field).filter(|field| fits(field, value));
            let is_known = known.is_some();
            let field = known.unwrap_or_else(|| field((infer(value), false)));
            self.by_name.insert(lower, self.fields.len());
            self.fields.push(NewField { field, known: is_known, record });
        }
    }

    pub(super) fn into_fields(self) -> Vec<Field> {
        self.fields.into_iter().map(|new| new.field).collect()
    }
}
