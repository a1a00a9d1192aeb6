//! Which columns a table has, and what each one holds. SQLite's declared types say less than BigQuery's. The catalog
//! knows the rest, and `irispool_columns` remembers what neither of them says.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use crate::catalog::{ColumnKind, Dataset, Field, META_COLUMNS, is_meta_column, known_kind};

/// The names of a row's number, in every table. A column with one of these names hides that one.
const ROWID_NAMES: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// A table or view as the database describes it.
#[derive(Debug)]
pub(super) struct TableShape {
    /// `table`, `view` or `virtual`.
    pub(super) what: String,
    pub(super) strict: bool,
    pub(super) without_rowid: bool,
    pub(super) columns: Vec<Column>,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    declared: String,
    generated: bool,
    /// Whether it is another name of the rowid, so that the database numbers it.
    numbers_rows: bool,
}

impl TableShape {
    /// The table or view of that name, in any case. `None` if there is neither.
    pub(super) fn of(connection: &Connection, name: &str) -> rusqlite::Result<Option<TableShape>> {
        // `pragma_table_list` makes SQLite look through every view, so it is asked only about names that exist.
        if !connection
            .prepare_cached(
                "SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
            )?
            .exists([name])?
        {
            return Ok(None);
        }
        let found = connection
            .prepare_cached("SELECT type, wr, strict FROM pragma_table_list(?1) WHERE schema = 'main'")?
            .query_row([name], |row| Ok((row.get(0)?, row.get::<_, bool>(1)?, row.get(2)?)))
            .optional()?;
        let Some((what, without_rowid, strict)) = found else { return Ok(None) };
        let mut statement = connection.prepare_cached(
            "SELECT name, type, hidden, pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid",
        )?;
        let rows = statement.query_map([name], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, i64>(3)?,
            ))
        })?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let key_columns = rows.iter().filter(|row| row.3 > 0).count();
        let columns = rows
            .into_iter()
            .map(|(name, declared, hidden, pk)| Column {
                generated: hidden != 0,
                numbers_rows: pk > 0
                    && key_columns == 1
                    && !without_rowid
                    && declared.eq_ignore_ascii_case("INTEGER"),
                name,
                declared,
            })
            .collect();
        Ok(Some(TableShape { what, strict, without_rowid, columns }))
    }

    /// The table that irispool creates for these fields.
    pub(super) fn of_new(fields: &[Field]) -> TableShape {
        let column = |name: &str, declared: &str| Column {
            name: name.to_owned(),
            declared: declared.to_owned(),
            generated: false,
            numbers_rows: false,
        };
        let mut columns: Vec<Column> =
            fields.iter().map(|field| column(&field.name, declared_type(field))).collect();
        columns.extend(META_COLUMNS.map(|name| column(name, "TEXT")));
        TableShape { what: "table".to_owned(), strict: true, without_rowid: false, columns }
    }

    pub(super) fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The columns that a message's fields go into.
    pub(super) fn data_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns
            .iter()
            .filter(|column| !column.generated && !column.numbers_rows && !is_meta_column(&column.name))
    }

    /// All columns and what they hold, for a table that irispool only reads.
    pub(super) fn fields(&self, dataset: Option<&Dataset>) -> Vec<Field> {
        self.columns.iter().map(|column| field_of(&column.name, &column.declared, dataset, None)).collect()
    }

    /// A name for the rowid that no column has. `None` if the table has no rowid.
    pub(super) fn rowid_name(&self) -> Option<&'static str> {
        let free = ROWID_NAMES.into_iter().find(|name| self.column(name).is_none());
        free.filter(|_| !self.without_rowid)
    }
}

/// Whether a field can be a column at all. If not, its values are rescued.
pub(super) fn is_possible(name: &str) -> bool {
    const NAME_BYTES_MAX: usize = 300;
    let names_rows = ROWID_NAMES.iter().any(|rowid| rowid.eq_ignore_ascii_case(name));
    let can_be_written = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains('\0');
    can_be_written && !names_rows && !is_meta_column(name)
}

/// The type that a column of a STRICT table is declared with.
pub(super) fn declared_type(field: &Field) -> &'static str {
    match field.kind {
        _ if field.repeated => "TEXT",
        ColumnKind::Bool | ColumnKind::Int64 => "INTEGER",
        ColumnKind::Float64 => "REAL",
        _ => "TEXT",
    }
}

/// What SQLite stores in a column of a declared type.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Storage {
    Integer,
    Real,
    /// NUMERIC affinity: text that looks like a number becomes one, and a float if it has a fraction.
    Number,
    Text,
    Any,
}

/// SQLite's rules for the affinity of a declared type, with one exception: dates and times are text. They are stored
/// as text although their affinity is NUMERIC.
fn storage(declared: &str) -> Storage {
    let declared = declared.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    if has("INT") || has("BOOL") {
        Storage::Integer
    } else if has("CHAR")
        || has("CLOB")
        || has("TEXT")
        || has("STRING")
        || has("DATE")
        || has("TIME")
        || has("JSON")
    {
        Storage::Text
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Storage::Real
    } else if declared.is_empty() || has("BLOB") || has("ANY") {
        Storage::Any
    } else {
        Storage::Number
    }
}

fn stores(storage: Storage, field: &Field) -> bool {
    match storage {
        Storage::Any => true,
        _ if field.repeated => storage == Storage::Text,
        Storage::Integer => matches!(field.kind, ColumnKind::Int64 | ColumnKind::Bool),
        Storage::Real => field.kind == ColumnKind::Float64,
        Storage::Number => matches!(field.kind, ColumnKind::Int64 | ColumnKind::Float64),
        Storage::Text => !matches!(field.kind, ColumnKind::Int64 | ColumnKind::Float64 | ColumnKind::Bool),
    }
}

/// The kind of a column of which only the declared type is known. A time is a timestamp whether it is declared
/// DATETIME or TIMESTAMP: in SQLite both are text, which should have one form.
fn kind_by_declaration(declared: &str) -> ColumnKind {
    let upper = declared.to_ascii_uppercase();
    match storage(declared) {
        Storage::Integer if upper.contains("BOOL") => ColumnKind::Bool,
        Storage::Integer => ColumnKind::Int64,
        Storage::Real | Storage::Number => ColumnKind::Float64,
        Storage::Text if upper.contains("DATETIME") || upper.contains("TIMESTAMP") => ColumnKind::Timestamp,
        Storage::Text if upper.contains("DATE") => ColumnKind::Date,
        Storage::Text if upper.contains("JSON") => ColumnKind::Json,
        Storage::Text | Storage::Any => ColumnKind::String,
    }
}

/// What a column holds: what the dataset's catalog entry says, or what is remembered, or what the catalog says of
/// that name in other datasets. Each counts only if the declared type can store it. Otherwise the declared type
/// decides alone.
pub(super) fn field_of(
    name: &str,
    declared: &str,
    dataset: Option<&Dataset>,
    remembered: Option<&ColumnKind>,
) -> Field {
    let storage = storage(declared);
    let own =
        dataset.and_then(|dataset| dataset.field(name)).map(|field| (field.kind.clone(), field.repeated));
    let remembered = remembered.map(|kind| (kind.clone(), false));
    [own, remembered, known_kind(name)]
        .into_iter()
        .flatten()
        .map(|(kind, repeated)| Field { name: name.into(), kind, repeated })
        .find(|field| stores(storage, field))
        .unwrap_or_else(|| Field::new(name, kind_by_declaration(declared)))
}

/// The fields of a table's data columns, in their order.
pub(super) fn fields_of(
    connection: &Connection,
    table: &str,
    shape: &TableShape,
    dataset: Option<&Dataset>,
) -> rusqlite::Result<Vec<Field>> {
    let remembered = remembered_kinds(connection, table)?;
    Ok(shape
        .data_columns()
        .map(|column| {
            let kind = remembered.get(&column.name.to_ascii_lowercase());
            field_of(&column.name, &column.declared, dataset, kind)
        })
        .collect())
}

fn remembered_kinds(connection: &Connection, table: &str) -> rusqlite::Result<HashMap<String, ColumnKind>> {
    // A reader may open a database that irispool has not set up yet.
    let is_there = "SELECT 1 FROM sqlite_schema WHERE name = 'irispool_columns'";
    if !connection.prepare_cached(is_there)?.exists([])? {
        return Ok(HashMap::new());
    }
    let mut statement = connection
        .prepare_cached("SELECT lower(column_name), kind FROM irispool_columns WHERE table_name = ?1")?;
    let rows =
        statement.query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut kinds = HashMap::new();
    for row in rows {
        let (name, kind) = row?;
        // A later irispool may have written a kind that this one does not know.
        if let Some(kind) = ColumnKind::named(&kind) {
            kinds.insert(name, kind);
        }
    }
    Ok(kinds)
}

/// Remembers a column's kind if its declared type does not tell it.
pub(super) fn remember_kind(
    connection: &Connection,
    table: &str,
    field: &Field,
    dataset: Option<&Dataset>,
) -> rusqlite::Result<()> {
    if field_of(&field.name, declared_type(field), dataset, None) == *field {
        return Ok(());
    }
    let is_nested = field.repeated || matches!(field.kind, ColumnKind::Record(_));
    let kind = if is_nested { ColumnKind::Json.name() } else { field.kind.name() };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO irispool_columns (table_name, column_name, kind) VALUES (?1, ?2, ?3)",
        )?
        .execute([table, &field.name, kind])?;
    Ok(())
}
