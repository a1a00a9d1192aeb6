//! Decides which views of a dataset are to be created or changed, and which are the user's and stay.

use rusqlite::{Connection, OptionalExtension};

use super::columns::TableShape;
use super::error::{SqliteError, message};
use super::names::Names;
use super::text::quoted;
use super::views::{self, ViewTable};
use super::{history, old_views};
use crate::catalog::{Field, META_COLUMNS};
use crate::warehouse::left_alone::missed;
use crate::warehouse::{LeftAlone, Replace, SetupChanges, mark};

/// What is to be done about a dataset's views.
#[derive(Default)]
pub(super) struct ViewPlan {
    pub(super) make: Vec<ViewToMake>,
    pub(super) left: Vec<LeftAlone>,
}

pub(super) struct ViewToMake {
    name: String,
    statement: String,
    /// The view of that name that must be dropped first.
    there: Option<SchemaEntry>,
    /// Where to save the SQL of that view, if it is the user's.
    save: Option<Replace>,
}

/// A table, view or index that the database has under a name.
struct SchemaEntry {
    /// `table`, `view` or `index`.
    what: String,
    sql: String,
}

impl SchemaEntry {
    fn under(connection: &Connection, name: &str) -> rusqlite::Result<Option<SchemaEntry>> {
        connection
            .prepare_cached(
                "SELECT type, coalesce(sql, '') FROM sqlite_schema
                 WHERE type IN ('table', 'view', 'index') AND name = ?1 COLLATE NOCASE",
            )?
            .query_row([name], |row| Ok(SchemaEntry { what: row.get(0)?, sql: row.get(1)? }))
            .optional()
    }
}

/// Whether a name is free for a table, a view or an index.
pub(super) fn is_free(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    Ok(SchemaEntry::under(connection, name)?.is_none())
}

/// A view of irispool's, as it should be.
struct OwnView<'a> {
    name: &'a str,
    statement: String,
    columns: &'a [String],
    /// The table that it reads beside the IRIS table.
    history: Option<&'a str>,
}

/// Looks at what is there, and changes nothing. `replace` says which of the user's views may go.
pub(super) fn plan(
    connection: &Connection,
    names: &Names<'_>,
    fields: &[Field],
    iris: &TableShape,
    replace: Option<&Replace>,
) -> Result<ViewPlan, SqliteError> {
    let mut plan = ViewPlan::default();
    let historic =
        history::find(connection, names.dataset, &names.unified, &names.unreadable, &mut plan.left)?;
    let source = ViewTable { table: &names.table, shape: iris };
    let history = historic.as_ref().map(|(table, shape)| ViewTable { table, shape });
    let mut columns = views::column_names(names.known, fields, iris);
    columns.extend(META_COLUMNS.map(str::to_owned));
    let unified = OwnView {
        name: &names.unified,
        statement: views::unified(&names.unified, names.known, fields, source, history),
        columns: &columns,
        history: history.map(|history| history.table),
    };
    let is_ours =
        |sql: &str| is_marked(sql, &names.unified) || old_views::is_unified(sql, names, &names.table, iris);
    let unified_is_ours = plan.see_to(connection, names, unified, is_ours, replace)?;

    let historic_shape = history.map(|history| history.shape);
    let latest = names.known.and_then(|dataset| {
        views::latest(&names.latest, &names.unified, dataset, fields, iris, historic_shape)
    });
    let Some(statement) = latest else { return Ok(plan) };
    if unified_is_ours {
        let latest = OwnView { name: &names.latest, statement, columns: &columns, history: None };
        let is_ours = |sql: &str| is_marked(sql, &names.latest) || old_views::is_latest(sql, names);
        plan.see_to(connection, names, latest, is_ours, replace)?;
    } else {
        plan.left.push(LeftAlone::latest(names.dataset, &names.latest, &names.unified));
    }
    Ok(plan)
}

impl ViewPlan {
    /// Decides what is to be done about one view, and returns whether it will be irispool's.
    fn see_to(
        &mut self,
        connection: &Connection,
        names: &Names<'_>,
        wanted: OwnView<'_>,
        is_ours: impl Fn(&str) -> bool,
        replace: Option<&Replace>,
    ) -> Result<bool, SqliteError> {
        let OwnView { name, columns, history, .. } = wanted;
        let statement = signed(&wanted.statement, name);
        let there = SchemaEntry::under(connection, name)?;
        let make =
            |there, save| ViewToMake { name: name.to_owned(), statement: statement.clone(), there, save };
        match there {
            None => self.make.push(make(None, None)),
            Some(there) if there.what != "view" => {
                self.left.push(LeftAlone::in_the_way(names.dataset, name, &there.what));
                return Ok(false);
            }
            Some(there) if there.sql == statement => {}
            Some(there) if is_ours(&there.sql) => self.make.push(make(Some(there), None)),
            Some(there) => match replace.filter(|replace| replace.wants(name)) {
                Some(replace) => self.make.push(make(Some(there), Some(replace.clone()))),
                None => {
                    let missed = match TableShape::of(connection, name) {
                        Ok(Some(shape)) => missed(columns, &shape.column_names(), &there.sql, history),
                        // The view may read a table that irispool has yet to create.
                        Ok(None) | Err(_) if is_free(connection, &names.table)? => {
                            missed(&[], &[], &there.sql, history)
                        }
                        Ok(None) => Vec::new(),
                        Err(error) => vec![format!("it can't be read ({})", message(&error))],
                    };
                    self.left.push(LeftAlone::view(names.dataset, name, &missed));
                    return Ok(false);
                }
            },
        }
        Ok(true)
    }
}

impl ViewToMake {
    /// Creates the view, inside the caller's transaction. If it replaces a view of the user's, it saves that first.
    /// Triggers that somebody put on a view of irispool's stay on it.
    pub(super) fn make(&self, connection: &Connection, made: &mut SetupChanges) -> Result<(), SqliteError> {
        let mut triggers = Vec::new();
        if let Some(there) = &self.there {
            triggers = connection
                .prepare(
                    "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE",
                )?
                .query_map([&self.name], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<String>>>()?;
            if let Some(replace) = &self.save {
                let all: Vec<&str> =
                    std::iter::once(&there.sql).chain(&triggers).map(String::as_str).collect();
                let replaced = replace.save(&self.name, &(all.join(";\n\n") + ";\n"));
                made.replaced.push(replaced.map_err(SqliteError::Warehouse)?);
                triggers.clear();
            }
            connection.execute_batch(&format!("DROP VIEW {}", quoted(&self.name)))?;
        }
        connection.execute_batch(&self.statement)?;
        for trigger in triggers {
            connection.execute_batch(&trigger)?;
        }
        made.views += 1;
        Ok(())
    }
}

/// Drops a unified view of irispool's that reads a table which had the IRIS table's name until somebody renamed it.
/// SQLite has then written the new name into the view, so that the view of the table to come would seem to be the
/// user's.
pub(super) fn drop_renamed(connection: &Connection, names: &Names<'_>) -> Result<(), SqliteError> {
    let Some(there) = SchemaEntry::under(connection, &names.unified)?.filter(|there| there.what == "view")
    else {
        return Ok(());
    };
    let tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    for table in tables.iter().filter(|table| there.sql.contains(&quoted(table))) {
        let before = there.sql.replace(&quoted(table), &quoted(&names.table));
        let is_old = match TableShape::of(connection, table)? {
            Some(shape) => old_views::is_unified(&there.sql, names, table, &shape),
            None => false,
        };
        if is_old || is_marked(&before, &names.unified) {
            connection.execute_batch(&format!("DROP VIEW {}", quoted(&names.unified)))?;
            return Ok(());
        }
    }
    Ok(())
}

/// The beginning of a statement that creates a view of that name.
fn head(name: &str) -> String {
    format!("CREATE VIEW {} AS", quoted(name))
}

/// The statement with the mark behind `AS`. SQLite keeps a comment there, but not before or behind a statement.
fn signed(statement: &str, name: &str) -> String {
    let head = head(name);
    let body = statement.strip_prefix(&head).expect("a view's template begins with CREATE VIEW … AS");
    format!("{head} {}", mark::marked(body.trim_start()))
}

fn is_marked(sql: &str, name: &str) -> bool {
    sql.strip_prefix(&head(name)).is_some_and(mark::is_marked)
}
