//! Google BigQuery, by its REST API.
//!
//! Streaming (`insertAll`) is at least once, with insertIds that are the same on every try; the unified views drop what
//! comes twice nevertheless. Load jobs are exactly once: the job's id comes from the batch's.
//!
//! Every wait has a bound: a call that does not get through within [`Options::patience`] gives its rows back, and their
//! files wait in the queue.

mod answer;
mod ask;
mod auth;
mod client;
mod columns;
mod credentials;
mod examine;
mod fault;
mod insert;
mod judge;
mod load_job;
mod metrics;
mod pace;
mod query;
mod rows;
mod setup;
mod sql;
mod stream;
mod tables;
pub mod views;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

pub use self::answer::{Answer, ErrorProto, Meaning, RowMeaning, classify, classify_row};
pub use self::client::Client;
pub use self::credentials::Environment;
pub use self::examine::{Allowed, Permission, UnusableTable};
pub use self::fault::{CallError, Op};
use self::load_job::LoadJobs;
pub use self::metrics::Metrics;
pub use self::query::{QueryColumn, QueryPage};
use self::tables::Tables;
use super::{Bulk, Delivery, Measure, Outcome, Warehouse, WarehouseError};
use crate::catalog::{Field, Schema};

/// A table whose quota is spent waits for so long.
const QUOTA_PARK: Duration = Duration::from_secs(5 * 60);

/// How messages become rows in BigQuery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Load jobs for backlogs, streaming for the rest.
    #[default]
    Auto,
    /// `insertAll` only.
    Stream,
    /// Load jobs as long as the table's budget of them lasts.
    Load,
}

/// How to deal with BigQuery.
#[derive(Clone, Debug)]
pub struct Options {
    pub method: Method,
    /// Rows in a streaming request; Google recommends 500.
    pub batch_rows: usize,
    /// Bytes in a streaming request, at most; the limit is 10 MB.
    pub batch_bytes: usize,
    /// Requests under way at once, over all tables.
    pub in_flight: usize,
    /// Requests per second of the whole project; `None`: as fast as they go.
    pub requests_per_second: Option<f64>,
    /// More files of one dataset than this are a backlog.
    pub load_threshold_files: u64,
    /// Files in one load job, at most.
    pub load_files_max: u64,
    /// Load jobs for one table in a day, at most; BigQuery allows 1,500, failed ones included.
    pub load_jobs_a_day: u32,
    /// The first pause before a request is made again; it doubles.
    pub backoff_first: Duration,
    pub backoff_max: Duration,
    /// How long one request, or one load job's state, is asked for again before its rows are given back.
    pub patience: Duration,
    /// The longest wait for the answer to one request; an upload has longer.
    pub call_timeout: Duration,
    /// The longest wait for one load job to end.
    pub load_job_patience: Duration,
    /// Whether requests and files are compressed; `None`: except for an emulator, which may not see that a file is.
    pub gzip: Option<bool>,
    pub environment: Environment,
}

impl Default for Options {
    /// The environment is empty; [`Environment::of_process`] reads it.
    fn default() -> Self {
        Options {
            method: Method::Auto,
            batch_rows: 500,
            batch_bytes: 9_000_000,
            in_flight: 8,
            requests_per_second: Some(90.0),
            load_threshold_files: 5_000,
            load_files_max: 20_000,
            load_jobs_a_day: 1_000,
            backoff_first: Duration::from_secs(1),
            backoff_max: Duration::from_secs(32),
            patience: Duration::from_secs(60),
            call_timeout: Duration::from_secs(120),
            load_job_patience: Duration::from_secs(10 * 60),
            gzip: None,
            environment: Environment::default(),
        }
    }
}

/// A project and a dataset in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub project: String,
    pub dataset: String,
}

impl Place {
    /// Of `PROJECT.DATASET`, with or without `bigquery:` before it.
    pub fn parse(spec: &str) -> Result<Place, WarehouseError> {
        let place = spec.strip_prefix("bigquery:").unwrap_or(spec);
        let is_project = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte))
        };
        let is_dataset = |text: &str| {
            (1..=1024).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match place.rsplit_once('.') {
            Some((project, dataset)) if is_project(project) && is_dataset(dataset) => {
                Ok(Place { project: project.to_owned(), dataset: dataset.to_owned() })
            }
            _ => Err(WarehouseError::Setup {
                why: format!("`{place}` is not a BigQuery project and dataset"),
                hint: "write --warehouse bigquery:PROJECT.DATASET, for instance bigquery:my-project.elexon"
                    .into(),
            }),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.project, self.dataset)
    }
}

/// A dataset of BigQuery as a warehouse.
pub struct BigQuery {
    shared: Arc<Shared>,
}

/// What streaming and load jobs have in common.
struct Shared {
    client: Client,
    tables: Tables,
    jobs: LoadJobs,
    /// The names of all tables and views that there were at the start; `None` before anybody asked.
    listed: Mutex<Option<HashSet<String>>>,
    location: Mutex<Option<Option<String>>>,
    metrics: Arc<Metrics>,
    options: Options,
}

impl BigQuery {
    /// Opens `PROJECT.DATASET`, with or without `bigquery:` before it: reads the credentials, and asks nobody yet.
    pub fn open(spec: &str, options: Options) -> Result<BigQuery, WarehouseError> {
        let place = Place::parse(spec)?;
        let metrics = Arc::new(Metrics::default());
        let client = Client::open(place, &options, Arc::clone(&metrics))?;
        let tables = Tables::new(options.backoff_first);
        Ok(BigQuery {
            shared: Arc::new(Shared {
                client,
                tables,
                jobs: LoadJobs::default(),
                listed: Mutex::default(),
                location: Mutex::default(),
                metrics,
                options,
            }),
        })
    }

    pub fn place(&self) -> &Place {
        &self.shared.client.place
    }

    /// For requests of other kinds, with the same limits and retries.
    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// Where the dataset is, asked each time: the cheapest question that takes credentials, network and dataset. It
    /// costs nothing.
    pub fn ask_location(&self) -> Result<Option<String>, WarehouseError> {
        self.shared.ask_location()
    }

    /// Makes the dataset where it is not there, in this location, such as `EU` or `europe-west2`. True: it was made.
    pub fn make_dataset(&self, location: Option<&str>) -> Result<bool, WarehouseError> {
        let client = &self.shared.client;
        let Place { project, dataset } = &client.place;
        let mut resource = json!({"datasetReference": {"projectId": project, "datasetId": dataset}});
        if let Some(location) = location {
            resource["location"] = location.into();
        }
        match client.post(Op::DatasetsInsert, "datasets", &resource) {
            Ok(_) => Ok(true),
            Err(CallError::Answer(Answer { meaning: Meaning::Exists, .. })) => Ok(false),
            Err(error) => Err(client.explain(Op::DatasetsInsert, error)),
        }
    }
}

impl Shared {
    /// Where the dataset is, which never changes; jobs have to run there. Asked once.
    fn location(&self) -> Result<Option<String>, WarehouseError> {
        let mut known = self.location.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(location) = &*known {
            return Ok(location.clone());
        }
        Ok(known.insert(self.ask_location()?).clone())
    }

    fn ask_location(&self) -> Result<Option<String>, WarehouseError> {
        let path = format!("datasets/{}", self.client.place.dataset);
        let dataset: Value = self
            .client
            .get(Op::DatasetsGet, &path)
            .map_err(|error| self.client.explain(Op::DatasetsGet, error))?;
        Ok(dataset["location"].as_str().map(str::to_owned))
    }
}

impl Warehouse for BigQuery {
    fn name(&self) -> String {
        self.shared.name()
    }

    fn parallelism(&self) -> usize {
        self.shared.options.in_flight
    }

    fn schema(&self, dataset: &str) -> Result<Arc<Schema>, WarehouseError> {
        self.add_fields(dataset, &[])
    }

    fn add_fields(&self, dataset: &str, fields: &[Field]) -> Result<Arc<Schema>, WarehouseError> {
        let table = self.shared.tables.bring_about(&self.shared.client, dataset, fields)?;
        self.shared.see_to_views(dataset, &table);
        Ok(Arc::clone(&table.schema))
    }

    fn load(&self, deliveries: &[Delivery]) -> Vec<Result<Vec<Outcome>, WarehouseError>> {
        stream::load(&self.shared, deliveries)
    }

    fn set_workers(&self, workers: u32) {
        self.shared.client.pace.set_workers(workers);
    }

    fn stop_waiting(&self) {
        self.shared.client.waits.stop();
    }

    fn measures(&self) -> Vec<Measure> {
        self.shared.metrics.measures(self.shared.client.pace.rate())
    }

    fn bulk_files_max(&self, dataset: &str, files: u64) -> Option<u64> {
        let options = &self.shared.options;
        let wanted = match options.method {
            Method::Stream => false,
            Method::Load => true,
            Method::Auto => files > options.load_threshold_files,
        };
        (wanted && self.shared.jobs.has_budget(dataset, options.load_jobs_a_day))
            .then_some(options.load_files_max)
    }

    fn begin_bulk(&self, dataset: &str, batch: &str) -> Option<Box<dyn Bulk>> {
        Some(Box::new(load_job::LoadJob::begin(Arc::clone(&self.shared), dataset, batch)))
    }
}
