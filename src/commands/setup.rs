//! `irispool setup`: creates the tables and views of every dataset in the catalog before the first message comes.

use std::io::{self, Write};

use super::folder_of::folder_of;
use super::open_warehouse::open_bigquery;
use super::units::counted;
use crate::catalog;
use crate::config::{Config, WarehouseSpec};
use crate::exit::{Exit, Explain, Failure};
use crate::warehouse::bigquery::BigQuery;
use crate::warehouse::sqlite::Sqlite;
use crate::warehouse::{LeftAlone, Replace, SetupChanges, Warehouse, WarehouseError};

impl Explain for SetupError {
    fn hint(&self) -> Option<String> {
        match self {
            SetupError::Warehouse(error) => error.hint(),
            SetupError::Output(_) => None,
        }
    }
}

/// Why tables or views could not be created.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The warehouse refused.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// Stdout cannot be written.
    #[error("cannot print what was created: {0}")]
    Output(#[from] io::Error),
}

/// The arguments of `irispool setup`.
#[derive(Debug, clap::Args)]
pub struct SetupArgs {
    /// With BigQuery: print the SQL that would create what is missing, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only this dataset, known or not; can be given more than once, or as a list with commas
    #[arg(long = "dataset", value_name = "NAME", value_delimiter = ',')]
    pub datasets: Vec<String>,
    /// Replace these views, or all, with irispool's own; the SQL of each replaced view is saved to a file first
    ///
    /// Without this flag, irispool keeps every view that it did not create. It writes the files beside the database, or
    /// with BigQuery beside the spool, and names them after the view and the time.
    #[arg(long, value_name = "VIEW", value_delimiter = ',', num_args = 0..)]
    pub replace_views: Option<Vec<String>>,
}

/// `irispool setup`.
///
/// # Errors
/// If the warehouse cannot be opened, or refuses a table.
pub(super) fn run(config: &Config, args: &SetupArgs) -> Result<Exit, Failure> {
    let mut out = io::stdout();
    let mut datasets: Vec<String> = match args.datasets.is_empty() {
        true => catalog::all().iter().map(|dataset| dataset.name.clone()).collect(),
        false => args.datasets.iter().map(|name| catalog::dataset_name(name)).collect(),
    };
    for view in args.replace_views.iter().flatten() {
        let dataset = dataset_of_view(view).ok_or_else(|| NoViewError(view.clone()))?;
        if !datasets.contains(&dataset) {
            datasets.push(dataset);
        }
    }
    let beside = match &config.warehouse {
        WarehouseSpec::Sqlite(path) => path,
        WarehouseSpec::BigQuery(_) => &config.spool,
    };
    let folder = folder_of(beside);
    let replace =
        args.replace_views.as_ref().map(|views| Replace { views: views.clone(), folder: folder.to_owned() });
    match &config.warehouse {
        WarehouseSpec::Sqlite(_) if args.dry_run => return Err(NoDryRunError.into()),
        WarehouseSpec::Sqlite(path) => {
            set_up(&Sqlite::open(path, config.busy_timeout)?, &datasets, replace.as_ref(), &mut out)?;
        }
        WarehouseSpec::BigQuery(bq_dataset) => {
            let warehouse = open_bigquery(config, bq_dataset)?;
            if args.dry_run {
                plan(&warehouse, &datasets, &config.location, replace.as_ref(), &mut out)?;
            } else {
                set_up_bigquery(&warehouse, &datasets, &config.location, replace.as_ref(), &mut out)?;
            }
        }
    }
    Ok(Exit::Done)
}

/// The dataset whose view has that name.
fn dataset_of_view(view: &str) -> Option<String> {
    let view = view.to_ascii_lowercase();
    let name = view.strip_prefix("bmrs_")?;
    let name = name.strip_suffix("_unified").or_else(|| name.strip_suffix("_latest"))?;
    (!name.is_empty()).then(|| catalog::dataset_name(name))
}

#[derive(Debug, thiserror::Error)]
#[error("irispool has no view called {0}")]
struct NoViewError(String);

impl Explain for NoViewError {
    fn hint(&self) -> Option<String> {
        Some("its views are called bmrs_<dataset>_unified and bmrs_<dataset>_latest, as in `--replace-views bmrs_freq_unified`".to_owned())
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

#[derive(Debug, thiserror::Error)]
#[error("--dry-run works only with BigQuery")]
struct NoDryRunError;

impl Explain for NoDryRunError {
    fn hint(&self) -> Option<String> {
        Some(
            "with SQLite, try setup on another file: `irispool setup --warehouse sqlite:/tmp/try.db`"
                .to_owned(),
        )
    }
}

/// Writes the statements that [`set_up_bigquery`] would run, each with a `;` behind it.
///
/// # Errors
/// If BigQuery does not answer, or `out` cannot be written.
pub fn plan(
    warehouse: &BigQuery,
    datasets: &[String],
    location: &str,
    replace: Option<&Replace>,
    out: &mut dyn Write,
) -> Result<(), SetupError> {
    let plan = warehouse.plan(datasets, location, replace)?;
    for statement in plan.statements {
        writeln!(out, "{statement};\n")?;
    }
    for LeftAlone { what, hint, .. } in plan.left {
        writeln!(out, "-- {what}\n-- hint: {hint}\n")?;
    }
    Ok(())
}

/// Creates what is missing: the BigQuery dataset, its tables and its views. It also updates irispool's own views that
/// are out of date, and writes a line about all this to `out`.
///
/// # Errors
/// If BigQuery refuses something, or `out` cannot be written.
pub fn set_up_bigquery(
    warehouse: &BigQuery,
    datasets: &[String],
    location: &str,
    replace: Option<&Replace>,
    out: &mut dyn Write,
) -> Result<(), SetupError> {
    let made_dataset = warehouse.create_bq_dataset(Some(location))?;
    let made = warehouse.set_up(datasets, replace)?;
    let dataset = if made_dataset { format!("created in {location}, ") } else { String::new() };
    writeln!(out, "{}: {dataset}{}", warehouse.name(), summary(&made, datasets.len()))?;
    say_kept(&made, out)
}

/// Creates the missing tables and views in a SQLite file, and writes a line about them to `out`.
///
/// # Errors
/// If SQLite refuses something, or `out` cannot be written.
pub fn set_up(
    warehouse: &Sqlite,
    datasets: &[String],
    replace: Option<&Replace>,
    out: &mut dyn Write,
) -> Result<(), SetupError> {
    let made = warehouse.set_up(datasets.iter().map(String::as_str), replace)?;
    writeln!(out, "{}: {}", warehouse.path().display(), summary(&made, datasets.len()))?;
    say_kept(&made, out)
}

/// Prints which of the user's own views were replaced, and which stay.
fn say_kept(made: &SetupChanges, out: &mut dyn Write) -> Result<(), SetupError> {
    for replaced in &made.replaced {
        writeln!(out, "{} is replaced; its SQL is in {}", replaced.view, replaced.saved.display())?;
    }
    for LeftAlone { what, hint, .. } in &made.left {
        writeln!(out, "{what}\n  hint: {hint}")?;
    }
    Ok(())
}

fn summary(made: &SetupChanges, datasets: usize) -> String {
    let parts: Vec<String> = [(made.tables, "table"), (made.columns, "column"), (made.views, "view")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(count as u64, what))
        .collect();
    let datasets = counted(datasets as u64, "dataset");
    match parts.is_empty() {
        true if made.left.is_empty() => format!("{datasets}, all tables and views exist"),
        true => format!("{datasets}, there was nothing to create"),
        false => format!("{datasets}, created {}", parts.join(", ")),
    }
}
