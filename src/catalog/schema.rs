//! Columns and tables in BigQuery's terms. Every warehouse maps them to its own.

use std::collections::HashMap;

/// The columns that irispool adds behind a dataset's own fields, in their order in a table.
pub const META_COLUMNS: [&str; 5] = ["ingested_utc", "source", "message_id", "message_row", "rescued"];

/// Whether `name` is one of [`META_COLUMNS`], in any case. A field of a message may not have such a name.
pub fn is_meta_column(name: &str) -> bool {
    META_COLUMNS.iter().any(|meta| meta.eq_ignore_ascii_case(name))
}

/// What a column holds. [`crate::message::encode`] brings every value into the wire form named here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int64,
    /// A float of 64 bits.
    Float64,
    /// Decimal text, `-12.5`; NUMERIC and BIGNUMERIC.
    Numeric,
    /// Text.
    String,
    /// UTC text, `2025-10-28T03:59:00.000Z`.
    Timestamp,
    /// The same instant without its zone, `2025-10-28T03:59:00.000`, in UTC.
    Datetime,
    /// `2025-10-28`.
    Date,
    /// JSON text. In it, a number that no float holds is a string with all its digits.
    Json,
    /// JSON text of an object with just these fields, each in its own wire form. In it, an integer beyond 2⁵³ is a
    /// string.
    Record(Vec<Field>),
}

impl ColumnKind {
    /// All kinds but records, with their names.
    const NAMED: [(&str, ColumnKind); 9] = [
        ("BOOL", ColumnKind::Bool),
        ("INT64", ColumnKind::Int64),
        ("FLOAT64", ColumnKind::Float64),
        ("NUMERIC", ColumnKind::Numeric),
        ("STRING", ColumnKind::String),
        ("TIMESTAMP", ColumnKind::Timestamp),
        ("DATETIME", ColumnKind::Datetime),
        ("DATE", ColumnKind::Date),
        ("JSON", ColumnKind::Json),
    ];

    /// The name that BigQuery's SQL has for the kind: `INT64`. A record, whatever its fields, is `RECORD`.
    pub fn name(&self) -> &'static str {
        Self::NAMED.iter().find(|(_, kind)| kind == self).map_or("RECORD", |(name, _)| name)
    }

    /// The kind of that [`Self::name`]. `None` for a record, whose fields its name does not say, and for any other
    /// text.
    pub fn named(name: &str) -> Option<ColumnKind> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone())
    }
}

/// One column, or one field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, as it is spelt in the table.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether the column holds an array of `kind`. The wire form is the JSON text of that array.
    pub repeated: bool,
}

impl Field {
    /// A field that is not repeated.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Field { name: name.into(), kind, repeated: false }
    }
}

/// The data columns of a table as it is now, without [`META_COLUMNS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    table: String,
    fields: Vec<Field>,
    by_name: HashMap<String, usize>,
}

impl Schema {
    /// The columns of `table`.
    ///
    /// # Panics
    /// If there are more than 65,535 columns.
    pub fn new(table: impl Into<String>, fields: Vec<Field>) -> Self {
        assert!(fields.len() <= usize::from(u16::MAX), "a table has at most 65,535 columns");
        let by_name = fields
            .iter()
            .enumerate()
            .map(|(index, field)| (field.name.to_ascii_lowercase(), index))
            .collect();
        Schema { table: table.into(), fields, by_name }
    }

    /// The name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The columns, in the table's order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The index of a column in [`Self::fields`]. The case of names does not matter, as in BigQuery and SQLite.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).or_else(|| self.by_name.get(&name.to_ascii_lowercase())).copied()
    }
}
