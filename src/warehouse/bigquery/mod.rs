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
mod job;
mod judge;
mod listing;
mod load_budget;
mod load_file;
mod load_job;
mod metrics;
mod old_views;
mod options;
mod own_views;
mod pace;
mod patience;
mod query;
mod rows;
mod setup;
mod sql;
mod stream;
mod table;
mod tables;
mod token_source;
mod try_once;
mod view_makers;
pub mod views;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

pub use self::answer::{Answer, ErrorProto, Meaning, RowMeaning, classify, classify_row};
pub use self::client::Client;
pub use self::credentials::Environment;
pub use self::examine::{Allowed, Permission, UnusableTable};
pub use self::fault::{CallError, NO_PROJECT, Op};
use self::listing::Listed;
use self::load_budget::LoadJobs;
pub use self::metrics::Metrics;
pub use self::options::{Method, Options};
pub use self::query::{QueryColumn, QueryPage};
pub use self::setup::Plan;
use self::tables::Tables;
use self::view_makers::ViewMakers;
use super::{Bulk, Delivery, LoadResult, Measure, Warehouse, WarehouseError};
pub use crate::bq_dataset::BqDataset;
use crate::catalog::{self, Field, Schema};

/// Loads under way, for each request that may be.
const LOADS_PER_REQUEST: usize = 4;

/// Tables asked about or made at once.
const TABLES_AT_ONCE: usize = 16;

/// A load job of fewer files is not worth its place in the day's budget where there are more.
const LOAD_FILES_LEAST: u64 = 5_000;

/// A table whose quota is spent waits for so long.
const QUOTA_PARK: Duration = Duration::from_secs(5 * 60);

/// A dataset of BigQuery as a warehouse.
pub struct BigQuery {
    shared: Arc<Shared>,
    views: ViewMakers,
}

/// What streaming and load jobs have in common.
struct Shared {
    client: Client,
    tables: Tables,
    jobs: LoadJobs,
    /// What there was when somebody asked last.
    listed: Mutex<Option<Listed>>,
    location: Mutex<Option<Option<String>>>,
    /// The user's own things of which something was said: it is said once.
    told: Mutex<HashSet<String>>,
    metrics: Arc<Metrics>,
    options: Options,
}

impl BigQuery {
    /// Opens a dataset: reads the credentials, and sends no request yet.
    pub fn open(place: BqDataset, options: Options) -> Result<BigQuery, WarehouseError> {
        let metrics = Arc::new(Metrics::default());
        let client = Client::open(place, &options, Arc::clone(&metrics))?;
        let tables = Tables::new(options.backoff_first);
        let shared = Arc::new(Shared {
            client,
            tables,
            jobs: LoadJobs::default(),
            listed: Mutex::default(),
            location: Mutex::default(),
            told: Mutex::default(),
            metrics,
            options,
        });
        Ok(BigQuery { views: ViewMakers::new(Arc::clone(&shared)), shared })
    }

    pub fn place(&self) -> &BqDataset {
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
        let BqDataset { project, name: dataset } = &client.place;
        // Asked first: who may do everything in this dataset may not make one, and would be refused though it is there.
        match client.get(Op::DatasetsGet, &format!("datasets/{dataset}")) {
            Ok(_) => return Ok(false),
            Err(CallError::Answer(Answer { meaning: Meaning::NotFound, message, .. }))
                if !message.contains("Not found: Project") => {}
            Err(error) => return Err(client.explain(Op::DatasetsGet, error)),
        }
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
    /// Whether a table may have another load job, as far as this worker knows.
    fn has_load_budget(&self, dataset: &str) -> bool {
        self.jobs.has_budget(dataset, self.options.load_jobs_a_day, self.client.pace.workers())
    }

    /// Where the dataset is, which never changes; jobs have to run there. Asked once.
    fn location(&self) -> Result<Option<String>, WarehouseError> {
        let mut known = self.location.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(location) = &*known {
            return Ok(location.clone());
        }
        Ok(known.insert(self.ask_location()?).clone())
    }

    fn ask_location(&self) -> Result<Option<String>, WarehouseError> {
        let path = format!("datasets/{}", self.client.place.name);
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
        // More than requests under way: the rest wait with tables that are in trouble.
        self.shared.options.in_flight * LOADS_PER_REQUEST
    }

    fn tables_at_once(&self) -> usize {
        TABLES_AT_ONCE
    }

    fn schema(&self, dataset: &str) -> Result<Arc<Schema>, WarehouseError> {
        self.add_fields(dataset, &[])
    }

    fn add_fields(&self, dataset: &str, fields: &[Field]) -> Result<Arc<Schema>, WarehouseError> {
        let Shared { client, tables, .. } = &*self.shared;
        let is_absent =
            !tables.is_known(dataset) && self.shared.is_listed(&catalog::table_name(dataset))? == Some(false);
        let table = tables.bring_about(client, dataset, fields, is_absent)?;
        self.views.see_to(dataset, &table);
        Ok(Arc::clone(&table.schema))
    }

    fn load(&self, deliveries: &[Delivery]) -> Vec<LoadResult> {
        let results: Vec<OnceLock<LoadResult>> = deliveries.iter().map(|_| OnceLock::new()).collect();
        self.load_each(deliveries, &|place, result| {
            assert!(results[place].set(result).is_ok(), "a delivery has one result");
        });
        results.into_iter().map(|result| result.into_inner().expect("each delivery has a result")).collect()
    }

    fn load_each(&self, deliveries: &[Delivery], tell: &(dyn Fn(usize, LoadResult) + Sync)) {
        stream::load(&self.shared, deliveries, tell);
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
        // A rest of fewer files than `least` would be streamed, or be a job for its own sake.
        let (wanted, least) = match options.method {
            Method::Stream => (false, 0),
            Method::Load => (true, LOAD_FILES_LEAST),
            Method::Auto => {
                let threshold = options.load_threshold_files;
                (files > threshold, LOAD_FILES_LEAST.max(threshold + 1))
            }
        };
        if !wanted || !self.shared.has_load_budget(dataset) {
            return None;
        }
        let most = load_budget::files_of_one(files, least, options.load_files_max);
        self.shared.jobs.claimed(dataset, files <= most);
        Some(most)
    }

    fn claim_wait(&self, dataset: &str) -> Option<Duration> {
        let Shared { client, jobs, options, .. } = &*self.shared;
        if options.method != Method::Load || !self.shared.has_load_budget(dataset) {
            return None;
        }
        jobs.claim_wait(dataset, options.load_jobs_a_day, client.pace.workers())
    }

    fn begin_bulk(&self, dataset: &str, batch: &str, is_new: bool) -> Option<Box<dyn Bulk>> {
        Some(Box::new(load_job::LoadJob::begin(Arc::clone(&self.shared), dataset, batch, is_new)))
    }
}
