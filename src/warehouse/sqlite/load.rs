//! Takes rows: each message's rows and its line in `irispool_load_history`, in one transaction.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::error::SqliteError;
use super::text::{now_text, quoted, utc_text};
use crate::catalog::Schema;
use crate::message::{Cell, Row};
use crate::warehouse::{Delivery, DeliveryMessage, MessageOutcome, folder_of_batch, id_in_folder};

/// Takes one delivery, inside the caller's transaction. `rowid` is a name of the table's rowid.
pub(super) fn take(
    connection: &Connection,
    delivery: &Delivery,
    rowid: Option<&'static str>,
) -> Result<Vec<MessageOutcome>, SqliteError> {
    let table = delivery.schema.table();
    let now = now_text();
    let mut ledger = LoadHistory::open(connection, delivery, &now)?;
    let mut insert = Insert::into(connection, &delivery.schema, &now)?;
    let mut next_rowid = next_rowid(connection, table, rowid)?;
    let mut outcomes = Vec::with_capacity(delivery.messages.len());
    for message in &delivery.messages {
        let mut entered = ledger.enter(message, next_rowid)?;
        let renamed;
        let mut message = message;
        if !entered && let Some(id) = id_beside_other_folder(connection, delivery, message)? {
            renamed = DeliveryMessage { id, ..message.clone() };
            message = &renamed;
            entered = ledger.enter(message, next_rowid)?;
        }
        if !entered {
            let known = ledger.known(connection, delivery, message)?;
            let verdict = known.verdict(message);
            if verdict == MessageOutcome::Superseded {
                note_superseded(connection, delivery, message, &now)?;
            }
            if verdict != MessageOutcome::Loaded {
                outcomes.push(verdict);
                continue;
            }
            known.remove(connection, delivery, message, rowid, &now)?;
            next_rowid = self::next_rowid(connection, table, rowid)?;
            entered = ledger.enter(message, next_rowid)?;
        }
        assert!(entered, "a message whose line was just removed can be entered");
        insert.message(&message.id)?;
        for row in delivery.rows.range(message.rows.clone()) {
            insert.row(row)?;
        }
        next_rowid = next_rowid.map(|rowid| rowid.saturating_add(message.rows.len() as i64));
        outcomes.push(MessageOutcome::Loaded);
    }
    Ok(outcomes)
}

/// The id of a message if another folder of the dataset has a file of the same name with other content (`freq/m.json`
/// and `FREQ/m.json`). `None` if the line of that name is the message's own.
///
/// The batch in the line tells the folder. The first content that arrives keeps the plain name.
fn id_beside_other_folder(
    connection: &Connection,
    delivery: &Delivery,
    message: &DeliveryMessage,
) -> Result<Option<String>, SqliteError> {
    let Some(folder) = folder_of_batch(&delivery.batch) else { return Ok(None) };
    let (batch, hash): (Option<String>, String) = connection
        .prepare_cached(
            "SELECT batch, content_hash FROM irispool_load_history WHERE dataset = ?1 AND message_id = ?2",
        )?
        .query_row([&*delivery.dataset, &message.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let is_own = batch.as_deref().and_then(folder_of_batch).is_none_or(|other| other == folder);
    if is_own || hash == hash_text(message.hash) {
        return Ok(None);
    }
    // The same content may have come from a third folder. In the order of characters, 0 follows the slash.
    let same: Option<String> = connection
        .prepare_cached(
            "SELECT message_id FROM irispool_load_history
             WHERE dataset = ?1 AND message_id > ?2 || '/' AND message_id < ?2 || '0' AND content_hash = ?3",
        )?
        .query_row([&*delivery.dataset, &message.id, &hash_text(message.hash)], |row| row.get(0))
        .optional()?;
    Ok(Some(same.unwrap_or_else(|| id_in_folder(&message.id, folder))))
}

/// The rowid of the next row. `None` if the table has no rowid. If the prediction should be wrong, rows are found by
/// the id of their message.
fn next_rowid(connection: &Connection, table: &str, rowid: Option<&str>) -> Result<Option<i64>, SqliteError> {
    let Some(rowid) = rowid else { return Ok(None) };
    let last: Option<i64> = connection
        .prepare_cached(&format!("SELECT max({rowid}) FROM {}", quoted(table)))?
        .query_row([], |row| row.get(0))?;
    Ok(Some(last.unwrap_or(0).saturating_add(1)))
}

/// The lines of `irispool_load_history` for one delivery.
struct LoadHistory<'c> {
    enter: CachedStatement<'c>,
    claimed_at: (i64, String),
}

impl<'c> LoadHistory<'c> {
    const ENTER: &'static str = "
        INSERT INTO irispool_load_history
          (dataset, table_name, batch, worker, loaded_at, message_id, content_hash, bytes, rows, rescued, dead,
           first_rowid, last_rowid, written_at, claimed_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
        ON CONFLICT DO NOTHING";

    fn open(connection: &'c Connection, delivery: &Delivery, now: &str) -> Result<Self, SqliteError> {
        let mut enter = connection.prepare_cached(Self::ENTER)?;
        let same_for_all =
            [&*delivery.dataset, delivery.schema.table(), &*delivery.batch, &*delivery.worker, now];
        for (index, value) in same_for_all.into_iter().enumerate() {
            enter.raw_bind_parameter(index + 1, value)?;
        }
        Ok(LoadHistory { enter, claimed_at: (0, utc_text(0)) })
    }

    /// Adds the message's line, and returns whether the message is new. `first_rowid` is the rowid of its first row.
    fn enter(&mut self, message: &DeliveryMessage, first_rowid: Option<i64>) -> Result<bool, SqliteError> {
        if self.claimed_at.0 != message.claimed_at_ms {
            self.claimed_at = (message.claimed_at_ms, utc_text(message.claimed_at_ms));
        }
        let rows = message.rows.len() as i64;
        let first_rowid = first_rowid.filter(|_| rows > 0);
        let enter = &mut self.enter;
        enter.raw_bind_parameter(6, &*message.id)?;
        enter.raw_bind_parameter(7, hash_text(message.hash))?;
        enter.raw_bind_parameter(8, message.bytes as i64)?;
        enter.raw_bind_parameter(9, rows)?;
        enter.raw_bind_parameter(10, message.rescued)?;
        enter.raw_bind_parameter(11, message.dead)?;
        enter.raw_bind_parameter(12, first_rowid)?;
        enter.raw_bind_parameter(13, first_rowid.map(|first| first.saturating_add(rows - 1)))?;
        enter.raw_bind_parameter(14, utc_text(message.written_at_ms))?;
        enter.raw_bind_parameter(15, &*self.claimed_at.1)?;
        Ok(enter.raw_execute()? == 1)
    }

    /// The line because of which a message could not be entered.
    fn known(
        &self,
        connection: &Connection,
        delivery: &Delivery,
        message: &DeliveryMessage,
    ) -> Result<LoadedMessage, SqliteError> {
        let known = connection
            .prepare_cached(
                "SELECT content_hash, dead, rows, first_rowid, last_rowid, min(written_at, claimed_at)
                 FROM irispool_load_history WHERE dataset = ?1 AND message_id = ?2",
            )?
            .query_row([&*delivery.dataset, &message.id], |row| {
                Ok(LoadedMessage {
                    hash: row.get(0)?,
                    dead: row.get(1)?,
                    rows: row.get(2)?,
                    rowids: row.get::<_, Option<i64>>(3)?.zip(row.get(4)?),
                    written_at: row.get(5)?,
                })
            })
            .optional()?;
        known.ok_or_else(|| {
            SqliteError::state(
                "irispool_load_history refuses a message that is not in it",
                "a rule was added to irispool_load_history: drop it",
            )
        })
    }
}

/// What the ledger says about a message that was loaded before.
struct LoadedMessage {
    hash: String,
    dead: i64,
    rows: i64,
    rowids: Option<(i64, i64)>,
    /// When the content was written, at the latest: it was there when it was claimed, even if its file's time was
    /// ahead.
    written_at: String,
}

impl LoadedMessage {
    /// What to do with the message. `Loaded` means that it is to be loaded, and replaces what was loaded before.
    fn verdict(&self, message: &DeliveryMessage) -> MessageOutcome {
        let is_same = self.hash == hash_text(message.hash);
        let is_whole = self.dead == 0;
        let is_earlier = utc_text(message.written_at_ms.min(message.claimed_at_ms)) < self.written_at;
        match (is_same, is_whole) {
            (true, true) => MessageOutcome::AlreadyLoaded,
            // Some rows were left out then, and this is another try.
            (true, false) => MessageOutcome::Loaded,
            _ if !is_earlier => MessageOutcome::Loaded,
            (false, true) => MessageOutcome::Superseded,
            _ if message.mends(self.rows as u64, self.dead as u64) => MessageOutcome::Loaded,
            _ => MessageOutcome::LessWhole,
        }
    }

    /// Removes the message's rows and its line, and records that if other content replaces it. VACUUM or a restored
    /// dump may have renumbered the rows: then this looks for them through the whole table.
    fn remove(
        &self,
        connection: &Connection,
        delivery: &Delivery,
        message: &DeliveryMessage,
        rowid: Option<&str>,
        now: &str,
    ) -> Result<(), SqliteError> {
        if self.hash != hash_text(message.hash) {
            note_replaced(connection, delivery, message, now)?;
        }
        let table = quoted(delivery.schema.table());
        let mut removed = 0;
        if let (Some(rowid), Some((first, last))) = (rowid, self.rowids) {
            removed = connection
                .prepare_cached(&format!(
                    "DELETE FROM {table} WHERE {rowid} BETWEEN ?1 AND ?2 AND message_id = ?3"
                ))?
                .execute((first, last, &message.id))?;
        }
        if removed as i64 != self.rows {
            connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE message_id = ?1"))?
                .execute([&message.id])?;
        }
        connection
            .prepare_cached("DELETE FROM irispool_load_history WHERE dataset = ?1 AND message_id = ?2")?
            .execute([&*delivery.dataset, &message.id])?;
        Ok(())
    }
}

/// Records a message that is never loaded because what is in is newer. Its file will be deleted.
fn note_superseded(
    connection: &Connection,
    delivery: &Delivery,
    message: &DeliveryMessage,
    now: &str,
) -> Result<(), SqliteError> {
    let note = "
        INSERT OR IGNORE INTO irispool_superseded
          (dataset, message_id, content_hash, bytes, rows, dead, batch, worker, written_at, superseded_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.prepare_cached(note)?.execute(params![
        &*delivery.dataset,
        message.id,
        hash_text(message.hash),
        message.bytes as i64,
        message.rows.len() as i64,
        message.dead,
        &*delivery.batch,
        &*delivery.worker,
        utc_text(message.written_at_ms),
        now,
    ])?;
    Ok(())
}

/// Records the content that a message replaces. Its line goes.
fn note_replaced(
    connection: &Connection,
    delivery: &Delivery,
    message: &DeliveryMessage,
    now: &str,
) -> Result<(), SqliteError> {
    let note = "
        INSERT OR REPLACE INTO irispool_superseded
          (dataset, message_id, content_hash, bytes, rows, dead, batch, worker, written_at, loaded_at, superseded_at)
        SELECT dataset, message_id, content_hash, bytes, rows, dead, batch, worker, written_at, loaded_at, ?3
        FROM irispool_load_history WHERE dataset = ?1 AND message_id = ?2";
    connection.prepare_cached(note)?.execute([&*delivery.dataset, &message.id, now])?;
    Ok(())
}

fn hash_text(hash: u128) -> String {
    format!("{hash:032x}")
}

/// The statement that inserts rows of one schema into one table.
struct Insert<'c> {
    statement: CachedStatement<'c>,
    /// Which data columns have a value from the row before.
    bound: Vec<bool>,
    set: Vec<bool>,
}

impl<'c> Insert<'c> {
    const MESSAGE_ID: usize = 2;
    const MESSAGE_ROW: usize = 3;
    const RESCUED: usize = 4;
    /// The parameter of the first data column.
    const DATA: usize = 5;

    fn into(connection: &'c Connection, schema: &Schema, now: &str) -> Result<Self, SqliteError> {
        let mut columns = String::new();
        let mut parameters = String::new();
        for (index, field) in schema.fields().iter().enumerate() {
            columns += &format!(", {}", quoted(&field.name));
            parameters += &format!(", ?{}", index + Self::DATA);
        }
        let mut statement = connection.prepare_cached(&format!(
            "INSERT INTO {} (ingested_utc, source, message_id, message_row, rescued{columns})
             VALUES (?1, 'IRIS', ?2, ?3, ?4{parameters})",
            quoted(schema.table())
        ))?;
        statement.clear_bindings();
        statement.raw_bind_parameter(1, now)?;
        let columns = schema.fields().len();
        Ok(Insert { statement, bound: vec![false; columns], set: vec![false; columns] })
    }

    fn message(&mut self, id: &str) -> Result<(), SqliteError> {
        Ok(self.statement.raw_bind_parameter(Self::MESSAGE_ID, id)?)
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), SqliteError> {
        let statement = &mut self.statement;
        self.set.fill(false);
        for (column, cell) in row.cells() {
            let parameter = column + Self::DATA;
            match cell {
                Cell::Bool(value) => statement.raw_bind_parameter(parameter, value)?,
                Cell::Int(value) => statement.raw_bind_parameter(parameter, value)?,
                Cell::Float(value) => statement.raw_bind_parameter(parameter, value)?,
                Cell::Text(value) => statement.raw_bind_parameter(parameter, value)?,
            }
            self.set[column] = true;
        }
        for (column, _) in
            self.bound.iter().zip(&self.set).enumerate().filter(|(_, (bound, set))| **bound && !**set)
        {
            statement.raw_bind_parameter(column + Self::DATA, rusqlite::types::Null)?;
        }
        std::mem::swap(&mut self.bound, &mut self.set);
        statement.raw_bind_parameter(Self::MESSAGE_ROW, row.message_row())?;
        statement.raw_bind_parameter(Self::RESCUED, row.rescued())?;
        statement.raw_execute()?;
        Ok(())
    }
}
