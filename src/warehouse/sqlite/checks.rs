//! What `irispool check` asks about a database and its folder. Nothing changes them.

use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::connection;
use super::error::SqliteError;
use crate::warehouse::WarehouseError;

/// What a look through the pages of a database found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// The pages are sound.
    Good,
    /// The time was too short for so large a database. Nothing bad was seen.
    Unfinished,
    /// Something is damaged; what, in SQLite's words.
    Damaged(String),
}

/// Whether a database in this folder can be in WAL mode. Tries it on a database of its own, which is gone when this
/// returns.
pub fn wal_works(folder: &Path) -> Result<bool, WarehouseError> {
    let try_it = |file: &Path| -> Result<bool, SqliteError> {
        let connection = Connection::open(file)?;
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")?;
        Ok(mode.eq_ignore_ascii_case("wal"))
    };
    let own = tempfile::Builder::new().prefix(".irispool-check-").tempdir_in(folder).map_err(|error| {
        WarehouseError::Setup {
            why: format!("could not create a folder in {}: {error}", folder.display()),
            hint: "check that this user may write there and that the disk has room".to_owned(),
        }
    })?;
    let file = own.path().join("try.db");
    match try_it(&file) {
        // SQLite's answer if processes cannot share memory.
        Err(SqliteError::Sql(error)) if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) => {
            Ok(false)
        }
        tried => tried.map_err(|fault| fault.explain(&file, "try WAL")),
    }
}

/// Takes the lock to write, and gives it back without writing.
pub fn may_write(path: &Path, busy_timeout: Duration) -> Result<(), WarehouseError> {
    let try_it = || -> Result<(), SqliteError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(busy_timeout)?;
        if log_of(path).metadata().is_ok_and(|log| log.len() > 0) {
            // The last process that closes the database would copy the log into it.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        }
        connection::begin(&connection)?.rollback()?;
        Ok(())
    };
    try_it().map_err(|fault| fault.explain(path, "take the lock to write"))
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Looks through the pages, for at most `time`.
pub fn integrity(path: &Path, busy_timeout: Duration, time: Duration) -> Result<Integrity, WarehouseError> {
    let connection = connection::open_reader(path, busy_timeout)
        .map_err(|fault| fault.explain(path, "look through the database"))?;
    let interrupt = connection.get_interrupt_handle();
    let (done, is_done) = channel::<()>();
    let looked = thread::scope(|scope| {
        scope.spawn(move || {
            if is_done.recv_timeout(time).is_err() {
                interrupt.interrupt();
            }
        });
        let looked = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        let _ = done.send(());
        looked
    });
    match looked {
        Ok(answer) if answer == "ok" => Ok(Integrity::Good),
        Ok(fault) => Ok(Integrity::Damaged(fault)),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Ok(Integrity::Unfinished),
            Some(ErrorCode::DatabaseCorrupt) => Ok(Integrity::Damaged(error.to_string())),
            _ => Err(SqliteError::Sql(error).explain(path, "look through the database")),
        },
    }
}
