//! A dataset's table and views: what is there, what should be, and the statements between the two.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::columns::{Shape, declared_type, fields_of, is_possible, remember_kind};
use super::connection::begin;
use super::fault::Fault;
use super::text::{fill, quoted};
use super::views::{self, Source};
use crate::catalog::{self, Dataset, Field, Schema};
use crate::warehouse::Made;

const LOAD_HISTORY: &str = include_str!("../../../sql/sqlite/load_history.sql");
const LOAD_HISTORY_BY_TIME: &str = include_str!("../../../sql/sqlite/load_history_by_time.sql");
const SUPERSEDED: &str = include_str!("../../../sql/sqlite/superseded.sql");
const COLUMNS: &str = include_str!("../../../sql/sqlite/columns.sql");
const DATASET_TABLE: &str = include_str!("../../../sql/sqlite/dataset_table.sql");

/// SQLite allows 2,000, and a view of as many must stay possible.
const TABLE_COLUMNS_MAX: usize = 1000;

/// The meta columns as they are added to a table that another program made: its rows have no values for them.
const META_COLUMN_TYPES: [(&str, &str); 5] = [
    ("ingested_utc", "TEXT"),
    ("source", "TEXT NOT NULL DEFAULT 'IRIS'"),
    ("message_id", "TEXT"),
    ("message_row", "INTEGER"),
    ("rescued", "TEXT"),
];

/// A dataset's table as it is.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) schema: Arc<Schema>,
    /// How to name the rowid; `None` where the table has none.
    pub(super) rowid: Option<&'static str>,
}

/// The tables that belong to no dataset.
pub(super) fn make_own_tables(connection: &Connection) -> Result<(), Fault> {
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

/// The table of a dataset, made where it lacks, with its views, and with `wanted` fields among its columns as far as it
/// can take them. The lock to write is taken only when something is to be made.
pub(super) fn bring_about(connection: &Connection, dataset: &str, wanted: &[Field]) -> Result<Table, Fault> {
    let names = Names::of(dataset);
    let reading = connection.unchecked_transaction()?;
    if let Next::Nothing(table) = next(&reading, &names, wanted)? {
        reading.commit()?;
        return Ok(table);
    }
    reading.rollback()?;
    let writing = begin(connection)?;
    let table = make(&writing, &names, wanted, &mut Made::default())?;
    writing.commit()?;
    Ok(table)
}

/// All of some datasets in one transaction.
pub(super) fn bring_about_all<'a>(
    connection: &Connection,
    datasets: impl IntoIterator<Item = &'a str>,
) -> Result<Made, Fault> {
    let mut made = Made::default();
    let writing = begin(connection)?;
    for dataset in datasets {
        make(&writing, &Names::of(dataset), &[], &mut made)?;
    }
    writing.commit()?;
    Ok(made)
}

struct Names<'a> {
    dataset: &'a str,
    known: Option<&'static Dataset>,
    table: String,
    unified: String,
    latest: String,
}

impl<'a> Names<'a> {
    fn of(dataset: &'a str) -> Self {
        let table = catalog::table_name(dataset);
        let base = table.strip_suffix("_iris").unwrap_or(&table);
        let latest = format!("{base}_latest");
        Names { dataset, known: catalog::find(dataset), unified: catalog::view_name(dataset), latest, table }
    }
}

/// The next step towards what should be.
enum Next {
    MakeTable,
    AddColumns {
        meta: Vec<&'static str>,
        fields: Vec<Field>,
    },
    /// Each a view's name, whether it is there in another form, and its statement.
    MakeViews(Vec<(String, bool, String)>),
    Nothing(Table),
}

/// Takes step after step until there is none left, inside the caller's transaction.
fn make(
    connection: &Connection,
    names: &Names<'_>,
    wanted: &[Field],
    made: &mut Made,
) -> Result<Table, Fault> {
    // Table, columns, views, nothing: each step is due at most once.
    for _ in 0..4 {
        match next(connection, names, wanted)? {
            Next::MakeTable => {
                make_table(connection, names)?;
                made.tables += 1;
            }
            Next::AddColumns { meta, fields } => {
                made.columns += meta.len() + fields.len();
                add_columns(connection, names, &meta, &fields)?;
            }
            Next::MakeViews(views) => {
                made.views += views.len();
                for (view, is_there, statement) in views {
                    if is_there {
                        connection.execute_batch(&format!("DROP VIEW {}", quoted(&view)))?;
                    }
                    connection.execute_batch(&statement)?;
                }
            }
            Next::Nothing(table) => return Ok(table),
        }
    }
    Err(Fault::state(
        format!("{} does not take the form that it was given", names.table),
        "this is a fault of irispool: please report it with the output of `sqlite3 FILE .schema`",
    ))
}

fn next(connection: &Connection, names: &Names<'_>, wanted: &[Field]) -> Result<Next, Fault> {
    let Some(shape) = Shape::of(connection, &names.table)? else { return Ok(Next::MakeTable) };
    if shape.what != "table" {
        return Err(Fault::state(
            format!(
                "{} is a {}, and irispool needs a table of that name for its rows",
                names.table, shape.what
            ),
            format!("rename it: irispool makes the table {} by itself", names.table),
        ));
    }
    let meta: Vec<&str> =
        META_COLUMN_TYPES.iter().map(|(name, _)| *name).filter(|name| shape.column(name).is_none()).collect();
    let fields = takeable(wanted, &shape, meta.len());
    if !meta.is_empty() || !fields.is_empty() {
        return Ok(Next::AddColumns { meta, fields });
    }
    let fields = fields_of(connection, &names.table, &shape, names.known)?;
    let views = views_to_make(connection, names, &fields, &shape)?;
    if !views.is_empty() {
        return Ok(Next::MakeViews(views));
    }
    let rowid = shape.rowid_name();
    Ok(Next::Nothing(Table { schema: Arc::new(Schema::new(names.table.clone(), fields)), rowid }))
}

/// Those of `wanted` that the table lacks and can take.
fn takeable(wanted: &[Field], shape: &Shape, meta: usize) -> Vec<Field> {
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

fn make_table(connection: &Connection, names: &Names<'_>) -> Result<(), Fault> {
    let fields = names.known.map_or(&[][..], |dataset| &dataset.fields);
    let columns: String =
        fields.iter().map(|field| format!("  {} {},\n", quoted(&field.name), declared_type(field))).collect();
    let table = quoted(&names.table);
    connection.execute_batch(&fill(DATASET_TABLE, &[("table", &table), ("columns", &columns)]))?;
    let by = names.known.and_then(|dataset| dataset.partition_field.as_deref()).unwrap_or("ingested_utc");
    let index = quoted(&format!("{}_by_{}", names.table, by));
    connection.execute_batch(&format!("CREATE INDEX {index} ON {table} ({})", quoted(by)))?;
    tracing::debug!(dataset = names.dataset, table = names.table, "table made");
    Ok(())
}

fn add_columns(
    connection: &Connection,
    names: &Names<'_>,
    meta: &[&'static str],
    fields: &[Field],
) -> Result<(), Fault> {
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
    tracing::info!(
        dataset = names.dataset,
        table = names.table,
        columns = columns.join(","),
        "columns added"
    );
    Ok(())
}

fn views_to_make(
    connection: &Connection,
    names: &Names<'_>,
    fields: &[Field],
    iris: &Shape,
) -> Result<Vec<(String, bool, String)>, Fault> {
    let historic = historic_table(connection, names);
    let historic = historic.as_ref().map(|(table, shape)| Source { table, shape });
    let source = Source { table: &names.table, shape: iris };
    let unified = views::unified(&names.unified, names.known, fields, source, historic);
    let latest =
        names.known.and_then(|dataset| views::latest(&names.latest, &names.unified, dataset, fields, iris));
    let should_be = [(&names.unified, Some(unified)), (&names.latest, latest)];
    let mut to_make = Vec::new();
    for (view, statement) in should_be.into_iter().filter_map(|(view, text)| Some((view, text?))) {
        let there: Option<(String, String)> = connection
            .prepare_cached(
                "SELECT type, sql FROM sqlite_schema
                 WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
            )?
            .query_row([view], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match there {
            None => to_make.push((view.clone(), false, statement)),
            Some((what, text)) if what == "view" && text == statement => {}
            Some((what, _)) if what == "view" => to_make.push((view.clone(), true, statement)),
            Some(_) => tracing::warn!(
                dataset = names.dataset,
                table = view,
                "a table has the name of the view, which is not made"
            ),
        }
    }
    Ok(to_make)
}

/// The first of the dataset's historic tables that is there.
fn historic_table(connection: &Connection, names: &Names<'_>) -> Option<(String, Shape)> {
    catalog::historic_table_names(names.dataset).into_iter().find_map(|table| {
        match Shape::of(connection, &table) {
            Ok(shape) => shape.map(|shape| (table, shape)),
            // A view over what is gone. It is not irispool's, and no reason to hold up rows.
            Err(error) => {
                tracing::warn!(dataset = names.dataset, table, %error, "the historic table can't be read");
                None
            }
        }
    })
}
