//! The warehouse: whether it is there, may be written, and has its tables.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD};

use super::spool::{of_network, of_room};
use super::{Line, bad, good, warning};
use crate::catalog;
use crate::config::{Config, WarehouseSpec};
use crate::exit::Explain;
use crate::warehouse::sqlite::Reader;
use crate::warehouse::{Answer, Query, QueryError, Value};

const NAMES_SQL: &str = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')";

const MODE_SQL: &str = "SELECT journal_mode FROM pragma_journal_mode";

pub(super) fn check(config: &Config) -> Vec<Line> {
    match &config.warehouse {
        WarehouseSpec::Sqlite(path) => of_sqlite(config, path),
        WarehouseSpec::BigQuery { .. } => {
            let hint = "irispool setup reaches it and says what is missing";
            vec![warning("warehouse", format!("{} is not checked here", config.warehouse), hint)]
        }
    }
}

fn of_sqlite(config: &Config, path: &Path) -> Vec<Line> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut lines = Vec::new();
    let may = |path: &Path, what| rustix::fs::accessat(CWD, path, what, AtFlags::EACCESS);
    let write_folder = Access::WRITE_OK | Access::EXEC_OK;
    if let Err(error) = may(folder, write_folder) {
        let what = format!("this user may not make files in {}: {error}", folder.display());
        let hint =
            "SQLite makes its log beside the database: give this user the right to, or choose another place";
        return vec![bad("warehouse", what, hint)];
    }
    lines.extend(of_network(folder, "warehouse"));
    if !path.exists() {
        let what = format!("{} is not there yet", path.display());
        lines.push(warning("warehouse", what, "irispool setup or the first run makes it"));
    } else if let Err(error) = may(path, Access::READ_OK | Access::WRITE_OK) {
        let what = format!("this user may not write {}: {error}", path.display());
        lines.push(bad("warehouse", what, "give this user the right to"));
    } else {
        match ask(config, path) {
            Ok(answer) => lines.extend(answer),
            Err(error) => {
                let hint =
                    error.hint().unwrap_or_else(|| "is it a database, and who has it locked?".to_owned());
                lines.push(bad("warehouse", error.to_string(), hint));
            }
        }
    }
    lines.push(of_room("warehouse room", folder, config.status_disk_critical));
    lines
}

fn ask(config: &Config, path: &Path) -> Result<Vec<Line>, QueryError> {
    let reader = Reader::open(path, config.busy_timeout)?;
    let mode = first_column(&reader, MODE_SQL)?;
    let mut lines = vec![match mode.first().map(String::as_str) {
        Some("wal") => good("warehouse", format!("{} answers", path.display())),
        // A database that another program made; the first run switches it.
        mode => {
            let what = format!("{} answers, in journal mode {}", path.display(), mode.unwrap_or("unknown"));
            warning(
                "warehouse",
                what,
                "the first run switches it to WAL; other programs must close it for that",
            )
        }
    }];
    let names: BTreeSet<String> =
        first_column(&reader, NAMES_SQL)?.iter().map(|name| name.to_ascii_lowercase()).collect();
    let ledger = names.contains("irispool_load_history");
    let missing = |ending: &str| {
        let datasets = catalog::all().iter().map(|dataset| dataset.name.to_ascii_lowercase());
        datasets.filter(|name| !names.contains(&format!("bmrs_{name}_{ending}"))).count()
    };
    let (tables, views) = (missing("iris"), missing("unified"));
    let all = catalog::all().len();
    lines.push(if ledger && tables == 0 && views == 0 {
        good("tables", format!("the tables and views of all {all} datasets are there"))
    } else {
        let what = format!("of {all} datasets, {tables} have no table yet and {views} no view");
        warning(
            "tables",
            what,
            "a run makes each when its first message comes; irispool setup makes them all now",
        )
    });
    Ok(lines)
}

fn first_column(reader: &Reader, sql: &str) -> Result<Vec<String>, QueryError> {
    struct Column(Vec<String>);
    impl Answer for Column {
        fn columns(&mut self, _: &[String]) -> io::Result<()> {
            Ok(())
        }
        fn row(&mut self, values: &[Value<'_>]) -> io::Result<()> {
            if let Some(Value::Text(text)) = values.first() {
                self.0.push((*text).to_owned());
            }
            Ok(())
        }
    }
    let mut column = Column(Vec::new());
    reader.query(sql, &mut column)?;
    Ok(column.0)
}
