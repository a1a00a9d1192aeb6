//! Deleting what is old, while workers write and people read.
//!
//! A message goes as a whole, its rows and its line in `irispool_load_history` in one transaction; so a prune that is
//! killed has deleted some messages and not others, and the next one goes on. What is old is told by when it was loaded,
//! which its line and its rows (`ingested_utc`) say alike. Only what has a line is touched: rows of a historic table, of
//! other programs, or with no message, have none.
//!
//! Transactions are short: each deletes as much as took some tens of milliseconds the last time, and after it others have
//! as long.
//!
//! A line says where its message's rows are. Where VACUUM has numbered them anew, that is found out by their count, and
//! the lines of that table are put right first, by reading it once.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::columns::Shape;
use super::connection::{begin, open_writer};
use super::fault::Fault;
use super::text::{quoted, utc_text};
use super::{Reader, tables};
use crate::warehouse::WarehouseError;

/// Others may have to wait for as long as one transaction takes.
const TRANSACTION_TARGET: Duration = Duration::from_millis(25);

/// Rows and lines deleted in the first transaction, and in any.
const STEP_FIRST: usize = 500;
const STEP_MIN: usize = 50;
const STEP_MAX: usize = 20_000;

/// Rows read at once when lines are put right.
const ROWS_READ: usize = 5_000;

/// What is to be deleted.
#[derive(Clone, Debug)]
pub struct Prune {
    /// Messages loaded before this, in ms since 1970 UTC.
    pub before_ms: i64,
    /// Lines of messages loaded after this stay, also where their rows go: IRIS may deliver those messages again.
    pub lines_before_ms: i64,
    /// Only of these, by their canonical names; all where there are none.
    pub datasets: Vec<String>,
}

/// What was deleted from one table, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub table: String,
    pub messages: u64,
    pub rows: u64,
}

/// A database that is pruned.
pub struct Pruner {
    path: PathBuf,
    connection: Connection,
}

/// A message's line.
struct Line {
    id: String,
    rows: i64,
    rowids: Option<(i64, i64)>,
    loaded_at: String,
}

impl Pruner {
    /// Opens a file that must be there.
    pub fn open(path: &Path, busy_timeout: Duration) -> Result<Pruner, WarehouseError> {
        // It says well what is wrong with a file that is none.
        drop(Reader::open(path, busy_timeout)?);
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let explain = |fault: Fault| fault.explain(&path, "open the warehouse");
        let connection = open_writer(&path, busy_timeout).map_err(explain)?;
        tables::make_own_tables(&connection).map_err(explain)?;
        Ok(Pruner { path, connection })
    }

    /// What [`Self::prune`] would delete.
    pub fn count(&self, prune: &Prune) -> Result<Vec<Pruned>, WarehouseError> {
        let count_all = || -> Result<Vec<Pruned>, Fault> {
            let tables = self.tables_of(&prune.datasets)?;
            tables.iter().map(|(dataset, table)| self.count_of(prune, dataset, table)).collect()
        };
        let mut all = count_all().map_err(|fault| self.explain(fault))?;
        all.retain(|pruned| pruned.messages > 0);
        Ok(all)
    }

    /// Deletes what is old, and says from which tables.
    pub fn prune(&self, prune: &Prune) -> Result<Vec<Pruned>, WarehouseError> {
        let mut all = Vec::new();
        for (dataset, table) in self.tables_of(&prune.datasets).map_err(|fault| self.explain(fault))? {
            let pruned = self
                .prune_table(prune, &dataset, &table)
                .map_err(|fault| fault.explain(&self.path, &format!("prune {table}")))?;
            all.push(pruned);
        }
        all.retain(|pruned| pruned.messages > 0);
        Ok(all)
    }

    /// Bytes of the file that hold nothing: the next rows go there.
    pub fn free_bytes(&self) -> Result<u64, WarehouseError> {
        let number = |pragma: &str| self.connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
        let free = number("PRAGMA freelist_count").and_then(|pages| Ok(pages * number("PRAGMA page_size")?));
        free.map(|bytes| bytes as u64).map_err(|error| self.explain(error.into()))
    }

    /// Writes the file anew without what is free in it. Nobody else can write meanwhile. The rows have other numbers then,
    /// so the lines that say where they are are put right.
    pub fn vacuum(&self) -> Result<(), WarehouseError> {
        let vacuum = || -> Result<(), Fault> {
            // The copy that it makes first need not fit into memory.
            self.connection.pragma_update(None, "temp_store", "FILE")?;
            self.connection.execute_batch("VACUUM")?;
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            for (dataset, table) in self.tables_of(&[])? {
                self.put_right(&dataset, &table)?;
            }
            Ok(())
        };
        vacuum().map_err(|fault| fault.explain(&self.path, "vacuum"))
    }

    fn explain(&self, fault: Fault) -> WarehouseError {
        fault.explain(&self.path, "prune")
    }

    /// Dataset and table, as the ledger has them.
    fn tables_of(&self, datasets: &[String]) -> Result<Vec<(String, String)>, Fault> {
        let mut statement = self.connection.prepare(
            "SELECT DISTINCT dataset, table_name FROM irispool_load_history ORDER BY dataset, table_name",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let all: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
        let wanted = |dataset: &String| datasets.is_empty() || datasets.contains(dataset);
        Ok(all.into_iter().filter(|(dataset, _)| wanted(dataset)).collect())
    }

    fn count_of(&self, prune: &Prune, dataset: &str, table: &str) -> Result<Pruned, Fault> {
        let count = "SELECT count(*), coalesce(sum(rows), 0) FROM irispool_load_history
                     WHERE dataset = ?1 AND loaded_at < ?2 AND table_name = ?3";
        let before = utc_text(prune.before_ms);
        let (messages, rows): (i64, i64) =
            self.connection
                .query_row(count, [dataset, &before, table], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Pruned { table: table.to_owned(), messages: messages as u64, rows: rows as u64 })
    }

    fn prune_table(&self, prune: &Prune, dataset: &str, table: &str) -> Result<Pruned, Fault> {
        let mut pruned = Pruned { table: table.to_owned(), ..Pruned::default() };
        // The table may be gone: then its lines go alone.
        let rows_at = match Shape::of(&self.connection, table)? {
            Some(shape) if shape.what == "table" => {
                shape.rowid_name().map_or(RowsAt::Anywhere, RowsAt::Number)
            }
            _ => RowsAt::NoTable,
        };
        let mut deleter = Deleter {
            connection: &self.connection,
            prune,
            dataset,
            table,
            rows_at,
            after: (String::new(), String::new()),
            lines_are_right: false,
        };
        let mut step = STEP_FIRST;
        loop {
            let began = Instant::now();
            let transaction = begin(&self.connection)?;
            let deleted = deleter.delete(step)?;
            match deleted {
                Deleted::NothingMore => return Ok(pruned),
                Deleted::NotThere => {
                    transaction.rollback()?;
                    self.put_right(dataset, table)?;
                    deleter.lines_are_right = true;
                    continue;
                }
                Deleted::Some { messages, rows, last } => {
                    transaction.commit()?;
                    pruned.messages += messages;
                    pruned.rows += rows;
                    if let Some(last) = last {
                        deleter.after = last;
                    }
                }
            }
            let took = began.elapsed();
            let share = TRANSACTION_TARGET.as_secs_f64() / took.as_secs_f64().max(1e-4);
            step = ((step as f64 * share.clamp(0.25, 1.5)) as usize).clamp(STEP_MIN, STEP_MAX);
            // Whoever waited meanwhile gets its turn.
            std::thread::sleep(took.min(TRANSACTION_TARGET));
        }
    }

    /// Makes the lines of a table say where their messages' rows are. A message's rows stand together, in the order in
    /// which they came, as they were inserted at once.
    fn put_right(&self, dataset: &str, table: &str) -> Result<(), Fault> {
        let Some(shape) = Shape::of(&self.connection, table)? else { return Ok(()) };
        let Some(rowid) = shape.rowid_name() else { return Ok(()) };
        let select = format!(
            "SELECT {rowid}, message_id FROM {} WHERE {rowid} > ?1 AND message_id IS NOT NULL
             ORDER BY {rowid} LIMIT {ROWS_READ}",
            quoted(table)
        );
        let mut run: Option<(String, i64, i64)> = None;
        let mut last = i64::MIN;
        loop {
            let mut runs = Vec::new();
            let mut count = 0;
            {
                let mut statement = self.connection.prepare_cached(&select)?;
                let mut rows = statement.query([last])?;
                while let Some(row) = rows.next()? {
                    let (place, id): (i64, String) = (row.get(0)?, row.get(1)?);
                    (last, count) = (place, count + 1);
                    match &mut run {
                        Some((of, _, end)) if *of == id => *end = place,
                        _ => runs.extend(run.replace((id, place, place))),
                    }
                }
            }
            if count == 0 {
                runs.extend(run.take());
            }
            let transaction = begin(&self.connection)?;
            for (id, first, end) in &runs {
                transaction
                    .prepare_cached(
                        "UPDATE irispool_load_history SET first_rowid = ?1, last_rowid = ?2
                         WHERE dataset = ?3 AND message_id = ?4 AND (first_rowid, last_rowid) IS NOT (?1, ?2)",
                    )?
                    .execute(params![first, end, dataset, id])?;
            }
            transaction.commit()?;
            if count == 0 {
                return Ok(());
            }
        }
    }
}

/// How the rows of a message are found.
#[derive(Clone, Copy)]
enum RowsAt {
    /// By their numbers, which have this name.
    Number(&'static str),
    /// The table's rows have no numbers: it is read through.
    Anywhere,
    NoTable,
}

/// Deletes from one table, inside the caller's transactions.
struct Deleter<'a> {
    connection: &'a Connection,
    prune: &'a Prune,
    dataset: &'a str,
    table: &'a str,
    rows_at: RowsAt,
    /// The last line that is done with, by when it was loaded and its message.
    after: (String, String),
    /// Rows that are not where the lines say are nowhere.
    lines_are_right: bool,
}

enum Deleted {
    Some {
        messages: u64,
        rows: u64,
        /// The last line that is done with.
        last: Option<(String, String)>,
    },
    /// There are no more old lines.
    NothingMore,
    /// Rows are not where their line says; the transaction is to be rolled back.
    NotThere,
}

impl Deleter<'_> {
    /// Deletes the oldest messages with about so many rows, or so many messages.
    fn delete(&self, step: usize) -> Result<Deleted, Fault> {
        let lines = self.old_lines(step)?;
        if lines.is_empty() {
            return Ok(Deleted::NothingMore);
        }
        let (mut messages, mut rows, mut last) = (0, 0, None);
        for line in &lines {
            let room = step as i64 - rows as i64;
            if room <= 0 {
                break;
            }
            // Of a very large message, the first rows: the others come next.
            let end =
                line.rowids.map(|(first, end)| end.min(first.saturating_add(room.max(STEP_MIN as i64) - 1)));
            let deleted = self.delete_rows(line, end)?;
            if let (RowsAt::Number(_), Some((first, _)), Some(end)) = (self.rows_at, line.rowids, end)
                && deleted as i64 != end - first + 1
                && !self.lines_are_right
            {
                return Ok(Deleted::NotThere);
            }
            rows += deleted;
            if end < line.rowids.map(|(_, last)| last) {
                self.shorten(line, deleted, end)?;
                break;
            }
            let line_goes = self.end_line(line)?;
            messages += u64::from(line_goes || deleted > 0);
            last = Some((line.loaded_at.clone(), line.id.clone()));
        }
        Ok(Deleted::Some { messages, rows, last })
    }

    fn old_lines(&self, lines_max: usize) -> Result<Vec<Line>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT message_id, rows, first_rowid, last_rowid, loaded_at FROM irispool_load_history
             WHERE dataset = ?1 AND loaded_at < ?2 AND loaded_at >= ?3 AND table_name = ?4
               AND (loaded_at, message_id) > (?3, ?5)
             ORDER BY loaded_at, message_id LIMIT ?6",
        )?;
        let before = utc_text(self.prune.before_ms);
        let (after, after_id) = &self.after;
        let parameters = params![self.dataset, before, after, self.table, after_id, lines_max as i64];
        let rows = statement.query_map(parameters, |row| {
            Ok(Line {
                id: row.get(0)?,
                rows: row.get(1)?,
                rowids: row.get::<_, Option<i64>>(2)?.zip(row.get(3)?),
                loaded_at: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many rows were deleted. `end` is the number of the last one to go.
    fn delete_rows(&self, line: &Line, end: Option<i64>) -> Result<u64, Fault> {
        let table = quoted(self.table);
        let deleted = match (self.rows_at, line.rowids, end) {
            (RowsAt::Number(rowid), Some((first, _)), Some(end)) => {
                let delete = format!(
                    "DELETE FROM {table} WHERE {rowid} BETWEEN ?1 AND ?2 AND message_id = ?3 AND source = 'IRIS'"
                );
                self.connection.prepare_cached(&delete)?.execute(params![first, end, line.id])?
            }
            (RowsAt::Anywhere, ..) if line.rows > 0 => {
                let delete = format!("DELETE FROM {table} WHERE message_id = ?1 AND source = 'IRIS'");
                self.connection.prepare_cached(&delete)?.execute([&line.id])?
            }
            // It has no rows, or they went before, or there is no table.
            _ => 0,
        };
        Ok(deleted as u64)
    }

    /// The line of a message whose rows up to `end` are deleted.
    fn shorten(&self, line: &Line, deleted: u64, end: Option<i64>) -> Result<(), Fault> {
        let shorten = "UPDATE irispool_load_history SET rows = rows - ?1, first_rowid = ?2 + 1
                       WHERE dataset = ?3 AND message_id = ?4";
        let parameters = params![deleted as i64, end, self.dataset, line.id];
        self.connection.prepare_cached(shorten)?.execute(parameters)?;
        Ok(())
    }

    /// Deletes the line; or, where IRIS may deliver the message again, notes that its rows are nowhere. Whether it went.
    fn end_line(&self, line: &Line) -> Result<bool, Fault> {
        let goes = line.loaded_at < utc_text(self.prune.lines_before_ms);
        let statement = if goes {
            "DELETE FROM irispool_load_history WHERE dataset = ?1 AND message_id = ?2"
        } else {
            "UPDATE irispool_load_history SET first_rowid = NULL, last_rowid = NULL
             WHERE dataset = ?1 AND message_id = ?2"
        };
        self.connection.prepare_cached(statement)?.execute([self.dataset, &line.id])?;
        Ok(goes)
    }
}
