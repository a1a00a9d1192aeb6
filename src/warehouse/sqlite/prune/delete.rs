//! Deletes the oldest messages of one table, inside the caller's transactions.

use rusqlite::{Connection, params};

use super::scope::Prune;
use crate::warehouse::sqlite::error::SqliteError;
use crate::warehouse::sqlite::text::{quoted, utc_text};

/// How many rows and lines a transaction deletes at least.
pub(super) const STEP_MIN: usize = 50;

/// A message's line.
struct HistoryLine {
    id: String,
    rows: i64,
    rowids: Option<(i64, i64)>,
    loaded_at: String,
}

/// How the rows of a message are found.
#[derive(Clone, Copy)]
pub(super) enum RowsAt {
    /// By their rowid, which has this name.
    Number(&'static str),
    /// The table has no rowid, so it is read through.
    Anywhere,
    NoTable,
}

/// Deletes from one table, inside the caller's transactions.
pub(super) struct Deleter<'a> {
    pub(super) connection: &'a Connection,
    pub(super) prune: &'a Prune,
    pub(super) dataset: &'a str,
    pub(super) table: &'a str,
    pub(super) rows_at: RowsAt,
    /// The last line that is done: when it was loaded, and the id of its message.
    pub(super) after: (String, String),
    /// Whether the lines are known to be correct. Then rows that are not where a line says do not exist.
    pub(super) lines_are_right: bool,
}

pub(super) enum Deleted {
    Some {
        messages: u64,
        rows: u64,
        /// The last line that is done.
        last: Option<(String, String)>,
    },
    /// There are no more old lines.
    NothingMore,
    /// Rows are not where their line says. The caller must roll the transaction back.
    NotThere,
}

impl Deleter<'_> {
    /// Deletes the oldest messages: about `step` rows, or `step` messages.
    pub(super) fn delete(&self, step: usize) -> Result<Deleted, SqliteError> {
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
            // Only the first rows of a very large message go now. The others come next.
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

    fn old_lines(&self, lines_max: usize) -> Result<Vec<HistoryLine>, SqliteError> {
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
            Ok(HistoryLine {
                id: row.get(0)?,
                rows: row.get(1)?,
                rowids: row.get::<_, Option<i64>>(2)?.zip(row.get(3)?),
                loaded_at: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Deletes a message's rows up to the rowid `end`, and returns how many there were.
    fn delete_rows(&self, line: &HistoryLine, end: Option<i64>) -> Result<u64, SqliteError> {
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
            // The message has no rows, or they were deleted before, or there is no table.
            _ => 0,
        };
        Ok(deleted as u64)
    }

    /// Corrects the line of a message whose rows up to `end` are deleted.
    fn shorten(&self, line: &HistoryLine, deleted: u64, end: Option<i64>) -> Result<(), SqliteError> {
        let shorten = "UPDATE irispool_load_history SET rows = rows - ?1, first_rowid = ?2 + 1
                       WHERE dataset = ?3 AND message_id = ?4";
        let parameters = params![deleted as i64, end, self.dataset, line.id];
        self.connection.prepare_cached(shorten)?.execute(parameters)?;
        Ok(())
    }

    /// Deletes the line, or, if IRIS may deliver the message again, records that it has no rows any more, so that
    /// nobody looks for them. Returns whether the line is gone.
    fn end_line(&self, line: &HistoryLine) -> Result<bool, SqliteError> {
        let goes = line.loaded_at < utc_text(self.prune.lines_before_ms);
        let statement = if goes {
            "DELETE FROM irispool_load_history WHERE dataset = ?1 AND message_id = ?2"
        } else {
            "UPDATE irispool_load_history SET rows = 0, first_rowid = NULL, last_rowid = NULL
             WHERE dataset = ?1 AND message_id = ?2"
        };
        self.connection.prepare_cached(statement)?.execute([self.dataset, &line.id])?;
        Ok(goes)
    }
}
