//! Checks a SQLite warehouse: whether its folder and file may be written, WAL, damage, and the tables in it.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::Access;

use super::super::folder_of::folder_of;
use super::access::{MAKE_FILES, may};
use super::disk::{of_network, of_room};
use super::line::{CheckLine, bad, failed, good, warning};
use super::tables::{of_catalog, of_left_alone};
use crate::config::Config;
use crate::exit::Explain;
use crate::paste;
use crate::warehouse::sqlite::{self, Integrity, SqliteReader};
use crate::warehouse::{Query, QueryError, QueryValue, RowSink, WarehouseError};

const NAMES_SQL: &str = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')";

const MODE_SQL: &str = "SELECT journal_mode FROM pragma_journal_mode";

/// How long a check waits for a locked database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the check for damaged pages may take.
const LOOK_TIME: Duration = Duration::from_secs(3);

pub(super) fn check(config: &Config, path: &Path) -> Vec<CheckLine> {
    let folder = folder_of(path);
    if let Err(error) = may(folder, MAKE_FILES) {
        let what = format!("this user may not create files in {}: {error}", folder.display());
        let hint = "SQLite writes its log beside the database: give this user write access, or choose another folder";
        return vec![bad("warehouse folder", what, hint)];
    }
    let mut lines = vec![good("warehouse folder", format!("files can be created in {}", folder.display()))];
    lines.extend(of_network(folder, "warehouse"));
    if !path.exists() {
        let what = format!("{} does not exist yet", path.display());
        lines.push(warning("warehouse", what, "irispool setup or the first run creates it"));
        lines.push(of_wal(folder, None));
    } else if let Err(error) = may(path, Access::READ_OK | Access::WRITE_OK) {
        let what = format!("this user may not write {}: {error}", path.display());
        lines.push(bad("warehouse", what, "give this user write access"));
    } else {
        match of_file(config.busy_timeout.min(BUSY_TIMEOUT), path, folder) {
            Ok(answer) => lines.extend(answer),
            Err(error) => {
                let hint = error.hint().unwrap_or_else(|| {
                    "check that it is a SQLite database, and that no program has it locked".to_owned()
                });
                lines.push(bad("warehouse", error.to_string(), hint));
            }
        }
    }
    lines.push(of_room("warehouse room", folder, config.status_disk_critical));
    lines
}

fn of_file(busy_timeout: Duration, path: &Path, folder: &Path) -> Result<Vec<CheckLine>, QueryError> {
    let reader = SqliteReader::open(path, busy_timeout)?;
    let mode = first_column(&reader, MODE_SQL)?.pop();
    let names: BTreeSet<String> =
        first_column(&reader, NAMES_SQL)?.iter().map(|name| name.to_ascii_lowercase()).collect();
    let left = reader.left_alone()?;
    let mut lines = vec![
        good("warehouse", format!("{} answers", path.display())),
        of_wal(folder, mode.as_deref()),
        of_lock(path, busy_timeout),
        of_integrity(path, busy_timeout),
        of_catalog(&names),
    ];
    lines.extend(of_left_alone(left));
    Ok(lines)
}

/// `mode` is the journal mode of a database that exists.
fn of_wal(folder: &Path, mode: Option<&str>) -> CheckLine {
    if mode == Some("wal") {
        return good("WAL", "readers and the writer don't wait for each other");
    }
    match sqlite::wal_works(folder) {
        Ok(true) => match mode {
            None => good("WAL", "a database in that folder can use it"),
            // Another program created the database.
            Some(mode) => warning(
                "WAL",
                format!("the database is in journal mode {mode}"),
                "the first run switches it to WAL; other programs must close it before that",
            ),
        },
        Ok(false) => bad(
            "WAL",
            format!("databases in {} can't use it", folder.display()),
            "put the database on a local disk: WAL needs memory shared between processes",
        ),
        Err(error) => failed("WAL", &error),
    }
}

fn of_lock(path: &Path, busy_timeout: Duration) -> CheckLine {
    match sqlite::may_write(path, busy_timeout) {
        Ok(()) => good("write lock", "the database can be locked for writing"),
        Err(error @ WarehouseError::Later { .. }) => warning(
            "write lock",
            error.to_string(),
            "a worker waits until it is free (fuser lists the programs that have the file open)",
        ),
        Err(error) => failed("write lock", &error),
    }
}

fn of_integrity(path: &Path, busy_timeout: Duration) -> CheckLine {
    match sqlite::integrity(path, busy_timeout, LOOK_TIME) {
        Ok(Integrity::Good) => good("integrity", "no page is damaged"),
        Ok(Integrity::Unfinished) => {
            let looked = LOOK_TIME.as_secs();
            good(
                "integrity",
                format!("no damaged page was found in {looked} s, in which not every page was checked"),
            )
        }
        Ok(Integrity::Damaged(why)) => {
            let file = paste::path(path);
            let hint = format!("stop every worker, then try: sqlite3 {file} .recover | sqlite3 recovered.db");
            bad("integrity", format!("{} is damaged: {why}", path.display()), hint)
        }
        Err(error) => failed("integrity", &error),
    }
}

fn first_column(reader: &SqliteReader, sql: &str) -> Result<Vec<String>, QueryError> {
    struct Column(Vec<String>);
    impl RowSink for Column {
        fn columns(&mut self, _: &[String]) -> io::Result<()> {
            Ok(())
        }
        fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()> {
            if let Some(QueryValue::Text(text)) = values.first() {
                self.0.push((*text).to_owned());
            }
            Ok(())
        }
    }
    let mut column = Column(Vec::new());
    reader.query(sql, &mut column)?;
    Ok(column.0)
}
