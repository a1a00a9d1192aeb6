//! What can be set about BigQuery.

use std::time::Duration;

use super::credentials::Environment;

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
