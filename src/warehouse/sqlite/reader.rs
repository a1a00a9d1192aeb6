//! Runs people's queries, on a connection that cannot write.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};

use super::connection;
use super::error::{SqliteError, message};
use super::tables;
use crate::paste;
use crate::warehouse::{LeftAlone, Query, QueryError, QueryValue, RowSink, WarehouseError};

const NAMES_SUGGESTED: usize = 5;

/// A SQLite file that is only read.
pub struct SqliteReader {
    path: PathBuf,
    connection: Connection,
}

impl SqliteReader {
    /// Opens a file, which must exist. Others may write it at the same time.
    pub fn open(path: impl AsRef<Path>, busy_timeout: Duration) -> Result<SqliteReader, WarehouseError> {
        let path = std::path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned());
        if !path.exists() {
            return Err(WarehouseError::Setup {
                why: format!("there is no warehouse at {}", path.display()),
                hint: "`irispool setup` creates one, and so does `irispool run`".into(),
            });
        }
        let connection = connection::open_reader(&path, busy_timeout)
            // Opening alone reads nothing. A file that is not a database should be told from a wrong query.
            .and_then(|connection| {
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
                Ok(connection)
            })
            .map_err(|fault| fault.explain(&path, "open the warehouse for reading"))?;
        Ok(SqliteReader { path, connection })
    }

    /// The user's own tables and views that stand where irispool's views would be, or that those leave out.
    pub fn left_alone(&self) -> Result<Vec<LeftAlone>, WarehouseError> {
        tables::look(&self.connection).map_err(|fault| fault.explain(&self.path, "look for views"))
    }

    /// The user's mistake, or trouble with the warehouse.
    fn explain(&self, sql: &str, error: rusqlite::Error) -> QueryError {
        let statement = |why: String, hint: Option<String>| QueryError::Statement { why, hint };
        match error {
            rusqlite::Error::Empty => statement("the query is empty".into(), None),
            rusqlite::Error::MultipleStatement => {
                statement("there is more than one statement".into(), Some("run one at a time".into()))
            }
            rusqlite::Error::NulError(_) => statement("the query holds a NUL".into(), None),
            rusqlite::Error::SqlInputError { ref msg, offset, .. } => {
                let rest = usize::try_from(offset).ok().and_then(|offset| sql.get(offset..)).map(first_line);
                let near = rest.filter(|text| !text.is_empty()).map(|text| format!(", at: {text}"));
                statement(format!("{msg}{}", near.unwrap_or_default()), self.hint(sql, msg))
            }
            other => match other.sqlite_error_code() {
                // Mistakes without an offset, such as a wrong name of a table, and those that show only while the
                // query runs.
                None | Some(ErrorCode::Unknown | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
                    let msg = message(&other);
                    let hint = self.hint(sql, &msg);
                    statement(msg, hint)
                }
                Some(_) => SqliteError::Sql(other).explain(&self.path, "run the query").into(),
            },
        }
    }

    /// A hint that names the tables or columns that are like the one that does not exist.
    fn hint(&self, sql: &str, msg: &str) -> Option<String> {
        let (asked, names) = if let Some(table) = msg.strip_prefix("no such table: ") {
            (table, self.names("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')", ""))
        } else {
            let Some(column) = msg.strip_prefix("no such column: ") else { return other_dialect(msg) };
            let columns = "SELECT DISTINCT c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
                           WHERE t.type IN ('table', 'view') AND instr(lower(?1), lower(t.name)) > 0";
            (column.split(" - ").next()?, self.names(columns, sql))
        };
        let asked = asked.rsplit('.').next()?.trim_matches('"').to_lowercase();
        let mut near: Vec<(f64, String)> = names
            .into_iter()
            .map(|name| (strsim::jaro_winkler(&asked, &name.to_lowercase()), name))
            .filter(|(likeness, _)| *likeness > 0.7)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let near: Vec<String> = near.into_iter().take(NAMES_SUGGESTED).map(|(_, name)| name).collect();
        match near.is_empty() {
            false => Some(format!("there is {}", near.join(", "))),
            true if msg.starts_with("no such table") => Some(
                "`SELECT name FROM sqlite_schema` lists what there is, `irispool setup` creates what is missing"
                    .into(),
            ),
            true => other_dialect("no such function"),
        }
    }

    /// Names for a hint. If they cannot be read, there is no hint.
    fn names(&self, sql: &str, text: &str) -> Vec<String> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare(sql)?;
            let parameters: &[&str] = if statement.parameter_count() == 0 { &[] } else { &[text] };
            statement.query_map(rusqlite::params_from_iter(parameters), |row| row.get(0))?.collect()
        };
        read().unwrap_or_default()
    }
}

impl Query for SqliteReader {
    fn query(&self, sql: &str, answer: &mut dyn RowSink) -> Result<u64, QueryError> {
        let explain = |error| self.explain(sql, error);
        let mut statement = self.connection.prepare(sql).map_err(explain)?;
        if !statement.readonly() {
            return Err(QueryError::Statement {
                why: "this statement would write, and a query only reads".into(),
                hint: Some(format!("to change the warehouse use: sqlite3 {}", paste::word(&self.path))),
            });
        }
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        answer.columns(&columns)?;
        let mut rows = statement.raw_query();
        let mut count = 0;
        while let Some(row) = rows.next().map_err(explain)? {
            let texts = (0..columns.len())
                .map(|column| row.get_ref(column).map(lossless))
                .collect::<rusqlite::Result<Vec<QueryValue<'_>>>>()
                .map_err(explain)?;
            answer.row(&texts)?;
            count += 1;
        }
        Ok(count)
    }
}

/// The value as it is. Text that is not UTF-8 becomes bytes.
fn lossless(value: ValueRef<'_>) -> QueryValue<'_> {
    match value {
        ValueRef::Null => QueryValue::Null,
        ValueRef::Integer(value) => QueryValue::Int(value),
        ValueRef::Real(value) => QueryValue::Float(value),
        ValueRef::Text(bytes) => {
            std::str::from_utf8(bytes).map_or(QueryValue::Bytes(bytes), QueryValue::Text)
        }
        ValueRef::Blob(bytes) => QueryValue::Bytes(bytes),
    }
}

/// A hint for people who write BigQuery's SQL. SQLite's errors only say where something is wrong, not what SQLite
/// calls it.
fn other_dialect(msg: &str) -> Option<String> {
    let is_about_words = msg.starts_with("near ")
        || msg.starts_with("no such function")
        || msg.starts_with("wrong number of arguments")
        || msg.starts_with("unrecognized token");
    is_about_words.then(|| {
        "this warehouse speaks SQLite's SQL, in which BigQuery's functions have other names: \
         https://sqlite.org/lang_corefunc.html, and lang_datefunc.html for times"
            .to_owned()
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}
