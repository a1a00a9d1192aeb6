//! Opens the warehouse that the settings name.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog;
use crate::config::{self, Config, WarehouseSpec};
use crate::exit::Failure;
use crate::observe::{is_news_of, is_over};
use crate::pipeline::Tally;
use crate::signals::Stop;
use crate::warehouse::bigquery::{self, BigQuery, BqDataset};
use crate::warehouse::{Warehouse, WarehouseError, sqlite::Sqlite};

/// How long a daemon waits before it tries again to open a warehouse that is not ready.
const OPEN_RETRY: Duration = Duration::from_secs(5);

/// The name of this problem in the log's record of problems that were logged.
const OPENING: &str = "opening the warehouse";

/// How long a daemon waits at once for a busy database when it starts. It cannot react to a signal meanwhile.
const BUSY_AT_ONCE: Duration = Duration::from_secs(1);

/// Opens the warehouse. A daemon waits for one that is not ready yet, and gets none if it is asked to stop meanwhile.
pub(super) fn open_patiently(
    config: &Config,
    once: bool,
    stop: &Stop,
    tally: &Tally,
) -> Result<Option<Arc<dyn Warehouse>>, Failure> {
    loop {
        match open_warehouse(config, once) {
            Err(failure) if failure.may_pass() && !once => {
                let why = failure.to_string();
                if is_news_of(OPENING, &why) {
                    tracing::warn!(why, "waiting: the warehouse is not ready");
                }
                tally.figures.wait(Some(why));
                if stop.wait(OPEN_RETRY) {
                    return Ok(None);
                }
            }
            other => {
                if let Some(over) = is_over(OPENING).filter(|_| other.is_ok()) {
                    let seconds = over.lasted.as_secs();
                    tracing::info!(failed_tries = over.times, seconds, "the warehouse is ready");
                }
                return other.map(Some);
            }
        }
    }
}

/// Opens the warehouse that the settings name.
///
/// # Errors
/// If it is missing and cannot be created, is something else, or refuses access.
fn open_warehouse(config: &Config, once: bool) -> Result<Arc<dyn Warehouse>, Failure> {
    Ok(match &config.warehouse {
        WarehouseSpec::Sqlite(path) => {
            let at_once = if once { config.busy_timeout } else { config.busy_timeout.min(BUSY_AT_ONCE) };
            let sqlite = open_sqlite(path, at_once)?;
            sqlite.set_busy_timeout(config.busy_timeout)?;
            Arc::new(sqlite)
        }
        WarehouseSpec::BigQuery(bq_dataset) => Arc::new(open_bigquery(config, bq_dataset)?),
    })
}

/// Opens the database. In a new one it creates all tables and views in one commit: if each were created when its first
/// message comes, every other worker would have to read the schema again each time.
fn open_sqlite(path: &Path, busy_timeout: Duration) -> Result<Sqlite, WarehouseError> {
    let sqlite = Sqlite::open(path, busy_timeout)?;
    if !sqlite.is_new()? {
        return Ok(sqlite);
    }
    match sqlite.set_up(catalog::all().iter().map(|dataset| dataset.name.as_str()), None) {
        Ok(made) => {
            tracing::info!(
                tables = made.tables,
                views = made.views,
                "created a new warehouse in {}",
                path.display()
            );
        }
        Err(error @ WarehouseError::Later { .. }) => return Err(error),
        // A foreign table with irispool's name holds up only its own dataset, and the log says so when a message comes.
        Err(WarehouseError::Setup { why, hint }) => tracing::warn!(why, hint, "could not create all tables"),
    }
    Ok(sqlite)
}

/// Opens a dataset of BigQuery with the settings, and with the credentials from the process's environment.
pub(super) fn open_bigquery(config: &Config, bq_dataset: &BqDataset) -> Result<BigQuery, WarehouseError> {
    let options = bigquery::Options {
        method: match config.method {
            config::MethodSetting::Auto => bigquery::DeliveryMethod::Auto,
            config::MethodSetting::Stream => bigquery::DeliveryMethod::Stream,
            config::MethodSetting::Load => bigquery::DeliveryMethod::Load,
        },
        batch_rows: config.stream_rows,
        in_flight: config.requests_in_flight,
        requests_per_second: config.requests_per_second.map(f64::from),
        load_threshold_files: config.load_threshold_files as u64,
        environment: bigquery::Environment::of_process(),
        ..bigquery::Options::default()
    };
    BigQuery::open(bq_dataset.clone(), options)
}
