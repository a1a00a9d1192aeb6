//! A database that is pruned, table by table.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::delete::{Deleted, Deleter, RowsAt, STEP_MIN};
use super::scope::{Prune, Pruned};
use crate::warehouse::WarehouseError;
use crate::warehouse::sqlite::columns::TableShape;
use crate::warehouse::sqlite::connection::{begin, open_writer};
use crate::warehouse::sqlite::error::SqliteError;
use crate::warehouse::sqlite::reader::SqliteReader;
use crate::warehouse::sqlite::tables;
use crate::warehouse::sqlite::text::{quoted, utc_text};
use crate::warehouse::template::fill;

const PRUNED: &str = include_str!("../../../../sql/sqlite/pruned.sql");

/// How long a transaction may take: others wait for it.
const TRANSACTION_TARGET: Duration = Duration::from_millis(25);

/// How many rows and lines the first transaction deletes, and any one at most.
const STEP_FIRST: usize = 500;
const STEP_MAX: usize = 20_000;

/// How many rows are read at once to correct lines.
const ROWS_READ: usize = 5_000;

/// A database that is pruned.
pub struct Pruner {
    path: PathBuf,
    connection: Connection,
}

impl Pruner {
    /// Opens a file, which must exist.
    pub fn open(path: &Path, busy_timeout: Duration) -> Result<Pruner, WarehouseError> {
        // The reader says best what is wrong with a file that is not a database.
        drop(SqliteReader::open(path, busy_timeout)?);
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let explain = |fault: SqliteError| fault.explain(&path, "open the warehouse");
        let connection = open_writer(&path, busy_timeout).map_err(explain)?;
        tables::make_own_tables(&connection).map_err(explain)?;
        Ok(Pruner { path, connection })
    }

    /// What [`Self::prune`] would delete.
    pub fn count(&self, prune: &Prune) -> Result<Vec<Pruned>, WarehouseError> {
        let count_all = || -> Result<Vec<Pruned>, SqliteError> {
            let tables = self.tables_of(&prune.datasets)?;
            tables.iter().map(|(dataset, table)| self.count_of(prune, dataset, table)).collect()
        };
        let mut all = count_all().map_err(|fault| self.explain(fault))?;
        all.retain(|pruned| pruned.messages > 0);
        Ok(all)
    }

    /// Deletes what is old, and returns what it deleted from which tables.
    pub fn prune(&self, prune: &Prune) -> Result<Vec<Pruned>, WarehouseError> {
        let mut all = Vec::new();
        let tables = self.tables_of(&prune.datasets).map_err(|fault| self.explain(fault))?;
        self.note_horizon(prune, &tables).map_err(|fault| self.explain(fault))?;
        for (dataset, table) in tables {
            let pruned = self
                .prune_table(prune, &dataset, &table)
                .map_err(|fault| fault.explain(&self.path, &format!("prune {table}")))?;
            all.push(pruned);
        }
        self.forget_superseded(prune).map_err(|fault| self.explain(fault))?;
        all.retain(|pruned| pruned.messages > 0);
        Ok(all)
    }

    /// Notes until when the ledger forgets, before it does: a prune that is killed must not make messages look as if
    /// they had never come.
    fn note_horizon(&self, prune: &Prune, tables: &[(String, String)]) -> Result<(), SqliteError> {
        let before = utc_text(prune.before_ms.min(prune.lines_before_ms));
        let transaction = begin(&self.connection)?;
        transaction.execute_batch(&fill(PRUNED, &[]))?;
        for (dataset, _) in tables {
            transaction.execute(
                "INSERT INTO irispool_pruned (dataset, before) VALUES (?1, ?2)
                 ON CONFLICT (dataset) DO UPDATE SET before = max(before, excluded.before)",
                [dataset, &before],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Records of replaced content go together with the lines of their time. There are few.
    fn forget_superseded(&self, prune: &Prune) -> Result<(), SqliteError> {
        let before = utc_text(prune.before_ms.min(prune.lines_before_ms));
        let forget =
            "DELETE FROM irispool_superseded WHERE superseded_at < ?1 AND (?2 IS NULL OR dataset = ?2)";
        let mut statement = self.connection.prepare(forget)?;
        if prune.datasets.is_empty() {
            statement.execute(params![before, None::<&str>])?;
        }
        for dataset in &prune.datasets {
            statement.execute(params![before, dataset])?;
        }
        Ok(())
    }

    /// How many bytes of the file are free: the next rows go there.
    pub fn free_bytes(&self) -> Result<u64, WarehouseError> {
        let number = |pragma: &str| self.connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
        let free = number("PRAGMA freelist_count").and_then(|pages| Ok(pages * number("PRAGMA page_size")?));
        free.map(|bytes| bytes as u64).map_err(|error| self.explain(error.into()))
    }

    /// Rewrites the file without its free space. Nobody else can write in the meantime. The rows are renumbered, so
    /// this corrects the lines that say where they are.
    pub fn vacuum(&self) -> Result<(), WarehouseError> {
        let vacuum = || -> Result<(), SqliteError> {
            // VACUUM first makes a copy, which need not fit into memory.
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

    fn explain(&self, fault: SqliteError) -> WarehouseError {
        fault.explain(&self.path, "prune")
    }

    /// The datasets that have messages in the ledger.
    pub fn datasets(&self) -> Result<Vec<String>, WarehouseError> {
        let tables = self.tables_of(&[]).map_err(|fault| self.explain(fault))?;
        Ok(tables.into_iter().map(|(dataset, _)| dataset).collect())
    }

    /// Each dataset and its table, as the ledger has them.
    fn tables_of(&self, datasets: &[String]) -> Result<Vec<(String, String)>, SqliteError> {
        let mut statement = self.connection.prepare(
            "SELECT DISTINCT dataset, table_name FROM irispool_load_history ORDER BY dataset, table_name",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let all: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
        let wanted = |dataset: &String| datasets.is_empty() || datasets.contains(dataset);
        Ok(all.into_iter().filter(|(dataset, _)| wanted(dataset)).collect())
    }

    fn count_of(&self, prune: &Prune, dataset: &str, table: &str) -> Result<Pruned, SqliteError> {
        // Lines that stayed when their rows were pruned do not count. Earlier versions did not set the count of rows
        // to 0 there, but such lines have no rowids.
        let rows = match self.rows_at(table)? {
            RowsAt::Number(_) => "iif(first_rowid IS NULL, 0, rows)",
            RowsAt::Anywhere => "rows",
            RowsAt::NoTable => "0",
        };
        let count = format!(
            "SELECT count(*), coalesce(sum({rows}), 0) FROM irispool_load_history
             WHERE dataset = ?1 AND loaded_at < ?2 AND table_name = ?3 AND (loaded_at < ?4 OR {rows} > 0)"
        );
        let (before, lines_before) = (utc_text(prune.before_ms), utc_text(prune.lines_before_ms));
        let (messages, rows): (i64, i64) =
            self.connection.query_row(&count, [dataset, &before, table, &lines_before], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        Ok(Pruned { table: table.to_owned(), messages: messages as u64, rows: rows as u64 })
    }

    fn rows_at(&self, table: &str) -> Result<RowsAt, SqliteError> {
        Ok(match TableShape::of(&self.connection, table)? {
            Some(shape) if shape.what == "table" => {
                shape.rowid_name().map_or(RowsAt::Anywhere, RowsAt::Number)
            }
            _ => RowsAt::NoTable,
        })
    }

    fn prune_table(&self, prune: &Prune, dataset: &str, table: &str) -> Result<Pruned, SqliteError> {
        let mut pruned = Pruned { table: table.to_owned(), ..Pruned::default() };
        // If the table is gone, its lines go alone.
        let rows_at = self.rows_at(table)?;
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
            // Those who waited in the meantime get their turn.
            std::thread::sleep(took.min(TRANSACTION_TARGET));
        }
    }

    /// Corrects where the lines of a table say that their messages' rows are. A message's rows are together, in the
    /// order in which they came, because they were inserted at once.
    fn put_right(&self, dataset: &str, table: &str) -> Result<(), SqliteError> {
        let Some(shape) = TableShape::of(&self.connection, table)? else { return Ok(()) };
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
                    let (number, id): (i64, String) = (row.get(0)?, row.get(1)?);
                    (last, count) = (number, count + 1);
                    match &mut run {
                        Some((of, _, end)) if *of == id => *end = number,
                        _ => runs.extend(run.replace((id, number, number))),
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
