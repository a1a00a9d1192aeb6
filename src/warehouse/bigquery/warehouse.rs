//! The BigQuery warehouse: what the rest of the program does with it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::api::{BqDataset, Client, Counters, Options, dataset_requests};
use super::check::{self, Permission, UnusableTable};
use super::load::{BatchLoad, LoadState};
use super::stream::{self, StreamState};
use super::tables::{self, KnownTables, SetupPlan, ViewMakers, setup};
use crate::catalog::{Field, Schema};
use crate::metrics::MetricFamily;
use crate::warehouse::{
    Bulk, Delivery, LeftAlone, LoadResult, Replace, SetupChanges, Warehouse, WarehouseError,
};

/// Loads under way for each request that may be under way. The other loads wait with tables that are being retried.
const LOADS_PER_REQUEST: usize = 4;

/// How many tables are read or created at once.
const TABLES_AT_ONCE: usize = 16;

/// A dataset in BigQuery as a warehouse.
pub struct BigQuery {
    client: Arc<Client>,
    tables: Arc<KnownTables>,
    views: ViewMakers,
    stream: StreamState,
    load: Arc<LoadState>,
}

impl BigQuery {
    /// Opens a dataset of BigQuery. Reads the credentials, and makes no request.
    ///
    /// # Errors
    /// [`WarehouseError::Setup`] if the credentials can't be read or used.
    pub fn open(bq_dataset: BqDataset, options: Options) -> Result<BigQuery, WarehouseError> {
        let client = Arc::new(Client::open(bq_dataset, options)?);
        let tables = Arc::new(KnownTables::new(Arc::clone(&client)));
        Ok(BigQuery {
            views: ViewMakers::new(Arc::clone(&tables)),
            stream: StreamState::new(Arc::clone(&tables)),
            load: Arc::new(LoadState::new(Arc::clone(&tables))),
            client,
            tables,
        })
    }

    /// The dataset in BigQuery.
    pub fn bq_dataset(&self) -> &BqDataset {
        self.client.bq_dataset()
    }

    /// The client, for other requests with the same limits and retries.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What irispool has counted since the warehouse was opened.
    pub fn metrics(&self) -> &Counters {
        self.client.counters()
    }

    /// The address of the API.
    pub fn address(&self) -> &str {
        self.client.address()
    }

    /// Which credentials were found and which file has them, without any secret.
    pub fn credentials(&self) -> String {
        check::credentials(&self.client)
    }

    /// Whether no credentials were found, so that they are this machine's own, if it has any.
    pub fn credentials_are_assumed(&self) -> bool {
        self.client.credentials_are_assumed()
    }

    /// Fetches an access token if there is none yet. False: the requests need no token.
    ///
    /// # Errors
    /// If there is no token to be had.
    pub fn sign_in(&self) -> Result<bool, WarehouseError> {
        self.client.sign_in()
    }

    /// The server's clock in ms since 1970 UTC, asked without credentials; `None` if the answer does not say it.
    ///
    /// # Errors
    /// If there is no answer at all.
    pub fn server_time(&self) -> Result<Option<i64>, WarehouseError> {
        self.client.server_time()
    }

    /// The location of the dataset, such as `EU`; `None` if BigQuery does not say it. Each call makes a request. It is
    /// the cheapest one that needs the credentials, the network and the dataset, and it is free.
    ///
    /// # Errors
    /// If the dataset does not exist or can't be reached.
    pub fn ask_location(&self) -> Result<Option<String>, WarehouseError> {
        dataset_requests::location(&self.client)
    }

    /// Creates the dataset if it does not exist, in this location, such as `EU` or `europe-west2`. True: it did not
    /// exist.
    ///
    /// # Errors
    /// If BigQuery refuses to create it or can't be reached.
    pub fn create_bq_dataset(&self, location: Option<&str>) -> Result<bool, WarehouseError> {
        dataset_requests::create(&self.client, location)
    }

    /// Creates the tables of the datasets that are missing, adds the columns that irispool needs to the others, and
    /// creates or changes their views, as far as these are irispool's or `replace` allows it. The dataset in BigQuery
    /// must exist.
    ///
    /// # Errors
    /// The error of a dataset that failed. What was done until then stays.
    pub fn set_up(
        &self,
        datasets: &[String],
        replace: Option<&Replace>,
    ) -> Result<SetupChanges, WarehouseError> {
        setup::set_up(&self.tables, datasets, replace)
    }

    /// What [`Self::set_up`] would do. `location` is that of a new dataset in BigQuery. Changes nothing.
    ///
    /// # Errors
    /// If BigQuery can't be asked about a table or view.
    pub fn plan(
        &self,
        datasets: &[String],
        location: &str,
        replace: Option<&Replace>,
    ) -> Result<SetupPlan, WarehouseError> {
        tables::plan(&self.tables, datasets, location, replace)
    }

    /// The user's tables and views that irispool's views leave alone: those under the names of its views, and those
    /// that the views do not read as history. Changes nothing, and makes a request for each table and view that exists.
    ///
    /// # Errors
    /// If BigQuery can't be asked about a table or view.
    pub fn left_alone(&self) -> Result<Vec<LeftAlone>, WarehouseError> {
        setup::left_alone(&self.tables)
    }

    /// The names of all tables and views, in lower case; `None` if the dataset does not exist.
    ///
    /// # Errors
    /// If BigQuery does not list them.
    pub fn names(&self) -> Result<Option<BTreeSet<String>>, WarehouseError> {
        check::names(&self.tables)
    }

    /// Every permission that a run needs, and whether irispool has it. `names`: the names of all tables, if they are
    /// known.
    pub fn permissions(&self, names: Option<&BTreeSet<String>>) -> Vec<Permission> {
        check::permissions(&self.client, names)
    }

    /// The tables for IRIS rows that irispool can't write to as they are. `names`: the names of all tables.
    ///
    /// # Errors
    /// If BigQuery can't be asked about a table.
    pub fn unusable_tables(&self, names: &BTreeSet<String>) -> Result<Vec<UnusableTable>, WarehouseError> {
        check::unusable_tables(&self.client, names)
    }
}

impl Warehouse for BigQuery {
    fn name(&self) -> String {
        format!("bigquery:{}", self.bq_dataset())
    }

    fn parallelism(&self) -> usize {
        self.client.options().in_flight * LOADS_PER_REQUEST
    }

    fn tables_at_once(&self) -> usize {
        TABLES_AT_ONCE
    }

    fn schema(&self, dataset: &str) -> Result<Arc<Schema>, WarehouseError> {
        self.add_fields(dataset, &[])
    }

    fn add_fields(&self, dataset: &str, fields: &[Field]) -> Result<Arc<Schema>, WarehouseError> {
        let table = self.tables.create_or_extend_listed(dataset, fields)?;
        self.views.see_to(dataset, &table);
        Ok(Arc::clone(&table.schema))
    }

    fn load(&self, deliveries: &[Delivery]) -> Vec<LoadResult> {
        let results: Vec<OnceLock<LoadResult>> = deliveries.iter().map(|_| OnceLock::new()).collect();
        self.load_each(deliveries, &|index, result| {
            assert!(results[index].set(result).is_ok(), "a delivery has one result");
        });
        results.into_iter().map(|result| result.into_inner().expect("each delivery has a result")).collect()
    }

    fn load_each(&self, deliveries: &[Delivery], tell: &(dyn Fn(usize, LoadResult) + Sync)) {
        stream::load(&self.stream, deliveries, tell);
    }

    fn set_workers(&self, workers: u32) {
        self.client.rate_limit().set_workers(workers);
    }

    fn stop_waiting(&self) {
        self.client.stop().stop();
    }

    fn metric_families(&self) -> Vec<MetricFamily> {
        self.client.counters().families(self.client.rate_limit().rate())
    }

    fn book_bulk_claim(&self, dataset: &str, files: u64) -> Option<u64> {
        self.load.book_claim(dataset, files)
    }

    fn claim_wait(&self, dataset: &str) -> Option<Duration> {
        self.load.claim_wait(dataset)
    }

    fn begin_bulk(&self, dataset: &str, batch: &str, is_new: bool) -> Option<Box<dyn Bulk>> {
        Some(Box::new(BatchLoad::begin(Arc::clone(&self.load), dataset, batch, is_new)))
    }
}
