//! `irispool setup`: tables and views of every dataset in the catalog, before the first message comes.

use std::io::{self, Write};

use super::open::open_bigquery;
use crate::catalog;
use crate::config::{Config, WarehouseSpec};
use crate::exit::{Exit, Explain, Failure};
use crate::warehouse::bigquery::BigQuery;
use crate::warehouse::sqlite::Sqlite;
use crate::warehouse::{Made, Warehouse, WarehouseError};

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

/// Makes the warehouse's tables and views.
#[derive(Debug, clap::Args)]
pub struct SetupArgs {
    /// With BigQuery: print the SQL that would make what lacks, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only this dataset, known or not; may be given several times, or as a list with commas
    #[arg(long = "dataset", value_name = "NAME", value_delimiter = ',')]
    pub datasets: Vec<String>,
}

/// `irispool setup`.
///
/// # Errors
/// When the warehouse can't be opened or does not take a table.
pub(super) fn run(config: &Config, args: &SetupArgs) -> Result<Exit, Failure> {
    let mut out = io::stdout();
    let datasets: Vec<String> = match args.datasets.is_empty() {
        true => catalog::all().iter().map(|dataset| dataset.name.clone()).collect(),
        false => args.datasets.iter().map(|name| catalog::dataset_name(name)).collect(),
    };
    match &config.warehouse {
        WarehouseSpec::Sqlite(_) if args.dry_run => return Err(NoDryRunError.into()),
        WarehouseSpec::Sqlite(path) => {
            set_up(&Sqlite::open(path, config.busy_timeout)?, &datasets, &mut out)?;
        }
        WarehouseSpec::BigQuery { .. } => {
            let warehouse = open_bigquery(config)?;
            if args.dry_run {
                plan(&warehouse, &datasets, &config.location, &mut out)?;
            } else {
                set_up_bigquery(&warehouse, &datasets, &config.location, &mut out)?;
            }
        }
    }
    Ok(Exit::Done)
}

#[derive(Debug, thiserror::Error)]
#[error("--dry-run is for BigQuery: SQLite's tables and views are in a file of your own")]
struct NoDryRunError;

impl Explain for NoDryRunError {
    fn hint(&self) -> Option<String> {
        Some("try it on another file: `irispool setup --warehouse sqlite:/tmp/try.db`".to_owned())
    }
}

/// Writes the statements that [`set_up_bigquery`] would come to, one after the other, with a `;` behind each.
pub fn plan(
    warehouse: &BigQuery,
    datasets: &[String],
    location: &str,
    out: &mut dyn Write,
) -> Result<(), SetupError> {
    for statement in warehouse.plan(datasets, location)? {
        writeln!(out, "{statement};\n")?;
    }
    Ok(())
}

/// Makes the dataset where it lacks, its tables where they lack, and all views anew, and writes a line about it.
pub fn set_up_bigquery(
    warehouse: &BigQuery,
    datasets: &[String],
    location: &str,
    out: &mut dyn Write,
) -> Result<(), SetupError> {
    let made_dataset = warehouse.make_dataset(Some(location))?;
    let made = warehouse.set_up(datasets)?;
    let dataset = if made_dataset { format!("made in {location}, ") } else { String::new() };
    writeln!(out, "{}: {dataset}{}", warehouse.name(), summary(made, datasets.len()))?;
    Ok(())
}

/// Makes what lacks and writes a line about it to `out`.
pub fn set_up(warehouse: &Sqlite, datasets: &[String], out: &mut dyn Write) -> Result<(), SetupError> {
    let made = warehouse.set_up(datasets.iter().map(String::as_str))?;
    writeln!(out, "{}: {}", warehouse.path().display(), summary(made, datasets.len()))?;
    Ok(())
}

fn summary(made: Made, datasets: usize) -> String {
    if made == Made::default() {
        return format!("{}, all tables and views were there", counted(datasets, "dataset"));
    }
    let parts: Vec<String> = [(made.tables, "table"), (made.columns, "column"), (made.views, "view")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(count, what))
        .collect();
    format!("{}, made {}", counted(datasets, "dataset"), parts.join(", "))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
