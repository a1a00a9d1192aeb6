//! Completes a dataset's table and views: what is there, what should be, and the statements between the two.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::Connection;

use super::columns::{TableShape, declared_type, fields_of, is_possible, remember_kind};
use super::connection::begin;
use super::error::SqliteError;
use super::names::Names;
use super::own_views::{self, ViewPlan, ViewToMake, is_free};
use super::text::quoted;
use crate::catalog::{self, Field, Schema};
use crate::warehouse::template::fill;
use crate::warehouse::{LeftAlone, Replace, SetupChanges};

const LOAD_HISTORY: &str = include_str!("../../../sql/sqlite/load_history.sql");
const LOAD_HISTORY_BY_TIME: &str = include_str!("../../../sql/sqlite/load_history_by_time.sql");
const SUPERSEDED: &str = include_str!("../../../sql/sqlite/superseded.sql");
const COLUMNS: &str = include_str!("../../../sql/sqlite/columns.sql");
const DATASET_TABLE: &str = include_str!("../../../sql/sqlite/dataset_table.sql");

/// SQLite allows 2,000 columns, and a view of the table must stay possible.
const TABLE_COLUMNS_MAX: usize = 1000;

/// The meta columns as they are added to a table that another program created, whose rows have no values for them.
const META_COLUMN_TYPES: [(&str, &str); 5] = [
    ("ingested_utc", "TEXT"),
    ("source", "TEXT NOT NULL DEFAULT 'IRIS'"),
    ("message_id", "TEXT"),
    ("message_row", "INTEGER"),
    ("rescued", "TEXT"),
];

/// A dataset's table as it is.
#[derive(Clone, Debug)]
pub(super) struct DatasetTable {
    pub(super) schema: Arc<Schema>,
    /// A name of the rowid. `None` if the table has none.
    pub(super) rowid: Option<&'static str>,
}

/// Creates the tables that belong to no dataset.
pub(super) fn make_own_tables(connection: &Connection) -> Result<(), SqliteError> {
    let there = "SELECT count(*) = 4 FROM sqlite_schema WHERE name IN
        ('irispool_load_history', 'irispool_load_history_by_time', 'irispool_superseded', 'irispool_columns')";
    if connection.query_row(there, [], |row| row.get(0))? {
        return Ok(());
    }
    let transaction = begin(connection)?;
    transaction.execute_batch(&fill(LOAD_HISTORY, &[]))?;
    transaction.execute_batch(&fill(LOAD_HISTORY_BY_TIME, &[]))?;
    transaction.execute_batch(&fill(SUPERSEDED, &[]))?;
    transaction.execute_batch(&fill(COLUMNS, &[]))?;
    Ok(transaction.commit()?)
}

/// Completes the table of a dataset and its views, with the `wanted` fields as columns as far as the table can take
/// them. Also returns what the user has in the way of the views. It takes the lock to write only if something is
/// missing.
pub(super) fn bring_about(
    connection: &Connection,
    dataset: &str,
    wanted: &[Field],
) -> Result<(DatasetTable, Vec<LeftAlone>), SqliteError> {
    let names = Names::of(connection, dataset)?;
    let reading = connection.unchecked_transaction()?;
    if let NextStep::Nothing(table, left) = next(&reading, &names, wanted, None)? {
        reading.commit()?;
        return Ok((table, left));
    }
    reading.rollback()?;
    let writing = begin(connection)?;
    let mut done = Done::default();
    let table = make(&writing, &names, wanted, None, &mut done)?;
    writing.commit()?;
    Ok((table, done.tell().left))
}

/// Completes the tables and views of several datasets in one transaction.
pub(super) fn bring_about_all<'a>(
    connection: &Connection,
    datasets: impl IntoIterator<Item = &'a str>,
    replace: Option<&Replace>,
) -> Result<SetupChanges, SqliteError> {
    let mut done = Done::default();
    let names = datasets.into_iter().map(|dataset| Names::of(connection, dataset));
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    let writing = begin(connection)?;
    for names in &names {
        make(&writing, names, &[], replace, &mut done)?;
    }
    writing.commit()?;
    Ok(done.tell())
}

/// What a transaction does. It is logged only after the commit, because a full disk, for example, undoes all of it.
#[derive(Default)]
struct Done {
    made: SetupChanges,
    lines: Vec<Box<dyn FnOnce()>>,
}

impl Done {
    fn tell(self) -> SetupChanges {
        self.lines.into_iter().for_each(|line| line());
        self.made
    }
}

/// What the user has in the way of the views of the catalog's datasets and of all datasets with a table. Changes
/// nothing.
pub(super) fn look(connection: &Connection) -> Result<Vec<LeftAlone>, SqliteError> {
    let mut datasets: BTreeSet<String> = catalog::all().iter().map(|dataset| dataset.name.clone()).collect();
    let tables = connection
        .prepare("SELECT lower(name) FROM sqlite_schema WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    let own = tables.iter().filter_map(|name| name.strip_prefix("bmrs_")?.strip_suffix("_iris"));
    datasets.extend(own.map(catalog::dataset_name));
    let mut left = Vec::new();
    let names = datasets.iter().map(|dataset| Names::of(connection, dataset));
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    let reading = connection.unchecked_transaction()?;
    for names in &names {
        let (fields, shape) = match TableShape::of(&reading, &names.table)? {
            Some(shape) if shape.what == "table" => {
                (fields_of(&reading, &names.table, &shape, names.known)?, shape)
            }
            Some(_) => continue,
            None => {
                let fields = names.known.map_or(Vec::new(), |dataset| dataset.fields.clone());
                let shape = TableShape::of_new(&fields);
                (fields, shape)
            }
        };
        left.extend(own_views::plan(&reading, names, &fields, &shape, None)?.left);
    }
    reading.rollback()?;
    Ok(left)
}

/// The next step towards what should be.
enum NextStep {
    MakeTable,
    AddColumns {
        meta: Vec<&'static str>,
        fields: Vec<Field>,
    },
    MakeViews(Vec<ViewToMake>),
    /// Everything is there, or stays as it is.
    Nothing(DatasetTable, Vec<LeftAlone>),
}

/// Takes step after step until none is left, inside the caller's transaction.
fn make(
    connection: &Connection,
    names: &Names<'_>,
    wanted: &[Field],
    replace: Option<&Replace>,
    done: &mut Done,
) -> Result<DatasetTable, SqliteError> {
    // Table, columns, views, nothing: each step is due at most once.
    for _ in 0..4 {
        match next(connection, names, wanted, replace)? {
            NextStep::MakeTable => {
                own_views::drop_renamed(connection, names)?;
                make_table(connection, names)?;
                done.made.tables += 1;
                let (dataset, table) = (names.dataset.to_owned(), names.table.clone());
                done.lines.push(Box::new(move || tracing::debug!(dataset, table, "table made")));
            }
            NextStep::AddColumns { meta, fields } => {
                done.made.columns += meta.len() + fields.len();
                let columns = add_columns(connection, names, &meta, &fields)?;
                let (dataset, table) = (names.dataset.to_owned(), names.table.clone());
                done.lines.push(Box::new(move || tracing::info!(dataset, table, columns, "columns added")));
            }
            NextStep::MakeViews(views) => {
                for view in views {
                    view.make(connection, &mut done.made)?;
                }
            }
            NextStep::Nothing(table, left) => {
                done.made.left.extend(left);
                return Ok(table);
            }
        }
    }
    Err(SqliteError::state(
        format!("{} still differs from what irispool made of it", names.table),
        "this is a bug in irispool: please report it with the output of `sqlite3 FILE .schema`",
    ))
}

fn next(
    connection: &Connection,
    names: &Names<'_>,
    wanted: &[Field],
    replace: Option<&Replace>,
) -> Result<NextStep, SqliteError> {
    let Some(shape) = TableShape::of(connection, &names.table)? else {
        if is_free(connection, &names.table)? {
            return Ok(NextStep::MakeTable);
        }
        return Err(SqliteError::state(
            format!("{} is an index, and irispool needs a table of that name for its rows", names.table),
            "drop it, or create it again under another name: irispool creates the table by itself",
        ));
    };
    if shape.what != "table" {
        return Err(SqliteError::state(
            format!(
                "{} is a {}, and irispool needs a table of that name for its rows",
                names.table, shape.what
            ),
            format!("rename it: irispool creates the table {} by itself", names.table),
        ));
    }
    let meta: Vec<&str> =
        META_COLUMN_TYPES.iter().map(|(name, _)| *name).filter(|name| shape.column(name).is_none()).collect();
    let fields = takeable(wanted, &shape, meta.len());
    if !meta.is_empty() || !fields.is_empty() {
        return Ok(NextStep::AddColumns { meta, fields });
    }
    let fields = fields_of(connection, &names.table, &shape, names.known)?;
    let ViewPlan { make, left } = own_views::plan(connection, names, &fields, &shape, replace)?;
    if !make.is_empty() {
        return Ok(NextStep::MakeViews(make));
    }
    let rowid = shape.rowid_name();
    let table = DatasetTable { schema: Arc::new(Schema::new(names.table.clone(), fields)), rowid };
    Ok(NextStep::Nothing(table, left))
}

/// Those of the `wanted` fields that the table lacks and can take.
fn takeable(wanted: &[Field], shape: &TableShape, meta: usize) -> Vec<Field> {
    let mut taken: Vec<Field> = Vec::new();
    for field in wanted {
        let is_there = shape.column(&field.name).is_some()
            || taken.iter().any(|other| other.name.eq_ignore_ascii_case(&field.name));
        let has_room = shape.columns.len() + meta + taken.len() < TABLE_COLUMNS_MAX;
        if !is_there && has_room && is_possible(&field.name) {
            taken.push(field.clone());
        }
    }
    taken
}

fn make_table(connection: &Connection, names: &Names<'_>) -> Result<(), SqliteError> {
    let fields = names.known.map_or(&[][..], |dataset| &dataset.fields);
    let columns: String =
        fields.iter().map(|field| format!("  {} {},\n", quoted(&field.name), declared_type(field))).collect();
    let table = quoted(&names.table);
    connection.execute_batch(&fill(DATASET_TABLE, &[("table", &table), ("columns", &columns)]))?;
    let by = names.known.and_then(|dataset| dataset.partition_field.as_deref()).unwrap_or("ingested_utc");
    // If a table was renamed, its index has kept its name.
    let name = format!("{}_by_{by}", names.table);
    let mut free = name.clone();
    for number in 2.. {
        if is_free(connection, &free)? {
            break;
        }
        free = format!("{name}~{number}");
    }
    connection.execute_batch(&format!("CREATE INDEX {} ON {table} ({})", quoted(&free), quoted(by)))?;
    Ok(())
}

/// Adds columns, and returns their names.
fn add_columns(
    connection: &Connection,
    names: &Names<'_>,
    meta: &[&'static str],
    fields: &[Field],
) -> Result<String, SqliteError> {
    let table = quoted(&names.table);
    for (name, declared) in META_COLUMN_TYPES.iter().filter(|(name, _)| meta.contains(name)) {
        connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {name} {declared}"))?;
    }
    for field in fields {
        let declared = declared_type(field);
        connection
            .execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {} {declared}", quoted(&field.name)))?;
        remember_kind(connection, &names.table, field, names.known)?;
    }
    let columns: Vec<&str> =
        meta.iter().copied().chain(fields.iter().map(|field| field.name.as_str())).collect();
    Ok(columns.join(","))
}
