//! What this process knows of its load jobs, beyond a single batch.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::budget::{JobBudget, files_per_job};
use crate::locks::Unpoisoned;
use crate::warehouse::WarehouseError;
use crate::warehouse::bigquery::api::{Client, DeliveryMethod, dataset_requests};
use crate::warehouse::bigquery::tables::KnownTables;

/// A load job of fewer files is not worth its share of the day's budget, if there are more files.
const JOB_FILES_MIN: u64 = 5_000;

/// What all load jobs of this process share.
pub(crate) struct LoadState {
    tables: Arc<KnownTables>,
    budget: JobBudget,
    /// The location of the dataset in BigQuery, once it was asked for.
    location: Mutex<Option<Option<String>>>,
}

impl LoadState {
    /// Nothing is known yet.
    pub(crate) fn new(tables: Arc<KnownTables>) -> LoadState {
        LoadState { tables, budget: JobBudget::default(), location: Mutex::default() }
    }

    pub(super) fn client(&self) -> &Client {
        self.tables.client()
    }

    pub(super) fn tables(&self) -> &KnownTables {
        &self.tables
    }

    pub(super) fn budget(&self) -> &JobBudget {
        &self.budget
    }

    /// The location of the dataset in BigQuery, in which jobs must run. It never changes, so only the first call asks.
    pub(super) fn location(&self) -> Result<Option<String>, WarehouseError> {
        let mut known = self.location.lock().unpoisoned();
        if let Some(location) = &*known {
            return Ok(location.clone());
        }
        Ok(known.insert(dataset_requests::location(self.client())?).clone())
    }

    /// Whether the dataset's table may have another load job now, as far as this worker knows.
    fn has_budget(&self, dataset: &str) -> bool {
        let jobs_a_day = self.client().options().load_jobs_a_day;
        self.budget.has_job_left(dataset, jobs_a_day, self.client().rate_limit().workers())
    }

    /// Decides whether a backlog of `files` messages goes by load jobs, and notes the claim if it does. Returns the
    /// most files that one load job should have; `None`: the backlog is to be streamed.
    pub(crate) fn book_claim(&self, dataset: &str, files: u64) -> Option<u64> {
        let options = self.client().options();
        // A rest of fewer files than this would be streamed, or need a job of its own.
        let files_min = match options.method {
            DeliveryMethod::Stream => return None,
            DeliveryMethod::Load => JOB_FILES_MIN,
            DeliveryMethod::Auto if files <= options.load_threshold_files => return None,
            DeliveryMethod::Auto => JOB_FILES_MIN.max(options.load_threshold_files + 1),
        };
        if !self.has_budget(dataset) {
            return None;
        }
        let files_max = files_per_job(files, files_min, options.load_files_max);
        self.budget.note_claim(dataset, files <= files_max);
        Some(files_max)
    }

    /// How long the dataset's messages should wait before they are claimed for the next load job; `None`: not at all.
    pub(crate) fn claim_wait(&self, dataset: &str) -> Option<Duration> {
        let options = self.client().options();
        if options.method != DeliveryMethod::Load || !self.has_budget(dataset) {
            return None;
        }
        self.budget.claim_wait(dataset, options.load_jobs_a_day, self.client().rate_limit().workers())
    }
}
