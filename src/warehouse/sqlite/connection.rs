//! Opens a file that other processes open, write and read at the same time.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::error::SqliteError;

/// The page size of a new file, in bytes.
const PAGE_BYTES: u32 = 8192;
/// Memory for pages. A commit of 20,000 rows changes some 8 MiB.
const CACHE_KIB: u32 = 16 * 1024;
/// The log is copied into the file when it has this many pages.
const CHECKPOINT_PAGES: u32 = 2000;
/// A log that grew because of a long reader is cut back to this.
const LOG_BYTES_KEPT: u32 = 64 << 20;
/// How many prepared statements are kept: one insert for each dataset, and a few more.
const STATEMENTS: usize = 256;

/// Opens the connection that writes, with WAL, so that readers and the writer do not wait for each other, and with
/// `synchronous=FULL`, so that a commit is on the disk when it returns.
pub(super) fn open_writer(path: &Path, busy_timeout: Duration) -> Result<Connection, SqliteError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    wait_when_busy(&mut connection, busy_timeout)?;
    no_text_in_double_quotes(&connection)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    switch_to_wal(&connection, busy_timeout)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS, fsync leaves what it wrote in the disk's own memory. Other systems ignore both pragmas.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "cache_size", -i64::from(CACHE_KIB))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // rusqlite's build turns foreign keys on. SQLite's own default is off, and the file is also for people's own
    // programs.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.query_row(&format!("PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"), [], |_| Ok(()))?;
    connection.query_row(&format!("PRAGMA journal_size_limit = {LOG_BYTES_KEPT}"), [], |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Opens a connection that cannot write, to a file that must exist.
pub(super) fn open_reader(path: &Path, busy_timeout: Duration) -> Result<Connection, SqliteError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    wait_when_busy(&mut connection, busy_timeout)?;
    no_text_in_double_quotes(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Turns off SQLite's old habit of reading `"x"` as text if no column is called x, so that a mistyped name is an
/// error.
fn no_text_in_double_quotes(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    Ok(())
}

/// Begins a transaction that writes, as soon as no other process has one.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<Transaction<'_>> {
    Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
}

/// SQLite's own handler sleeps up to 100 ms at a time, and so loses against one that asks more often. A commit takes
/// 2 ms.
pub(super) fn wait_when_busy(connection: &mut Connection, limit: Duration) -> rusqlite::Result<()> {
    let mut since = Instant::now();
    connection.busy_handler(Some(move |tries: i32| {
        if tries == 0 {
            since = Instant::now();
        }
        if since.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(pause(tries));
        true
    }))
}

/// 1 to 2 ms, different for processes that began to wait together.
fn pause(tries: i32) -> Duration {
    let mixed = (std::process::id() ^ tries.unsigned_abs()).wrapping_mul(0x9E37_79B9);
    Duration::from_micros(1000 + u64::from(mixed >> 22))
}

/// Switches a file to WAL. If two processes do that to a new file at once, one of them fails immediately: SQLite does
/// not ask the busy handler there, because waiting with a read lock could last for ever.
fn switch_to_wal(connection: &Connection, limit: Duration) -> Result<(), SqliteError> {
    let since = Instant::now();
    for tries in 0.. {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Ok(mode) => {
                return Err(SqliteError::state(
                    format!("the database stays in journal mode {mode}, and irispool needs WAL"),
                    "put the database on a local disk: WAL needs memory shared between processes",
                ));
            }
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && since.elapsed() < limit =>
            {
                std::thread::sleep(pause(tries));
            }
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("the loop above ends by returning")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_and_a_checkpoint_reach_the_disk_on_macos_too() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("x.db"), Duration::ZERO).unwrap();
        for (pragma, value) in [("synchronous", 2), ("fullfsync", 1), ("checkpoint_fullfsync", 1)] {
            let found: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
            assert_eq!(found, value, "{pragma}");
        }
    }
}
