//! `irispool setup`: tables and views of every dataset in the catalog, before the first message comes.

use std::io::{self, Write};

use super::run::open_sqlite;
use crate::catalog;
use crate::config::Config;
use crate::exit::{Exit, Explain, Failure};
use crate::warehouse::WarehouseError;
use crate::warehouse::sqlite::{Made, Sqlite};

impl Explain for SetupError {
    fn hint(&self) -> Option<String> {
        match self {
            SetupError::Warehouse(error) => error.hint(),
            SetupError::Output(_) => None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    #[error("could not say what was made: {0}")]
    Output(#[from] io::Error),
}

/// `irispool setup`.
///
/// # Errors
/// When the warehouse can't be opened or does not take a table.
pub(super) fn run(config: &Config) -> Result<Exit, Failure> {
    set_up(&open_sqlite(config)?, &mut io::stdout())?;
    Ok(Exit::Done)
}

/// Makes what lacks and writes a line about it to `out`.
pub fn set_up(warehouse: &Sqlite, out: &mut dyn Write) -> Result<(), SetupError> {
    let datasets = catalog::all();
    let made = warehouse.set_up(datasets.iter().map(|dataset| dataset.name.as_str()))?;
    writeln!(out, "{}: {}", warehouse.path().display(), summary(made, datasets.len()))?;
    Ok(())
}

fn summary(made: Made, datasets: usize) -> String {
    if made == Made::default() {
        return format!("{datasets} datasets, all tables and views were there");
    }
    let parts: Vec<String> = [(made.tables, "table"), (made.columns, "column"), (made.views, "view")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
        .collect();
    format!("{datasets} datasets, made {}", parts.join(", "))
}
