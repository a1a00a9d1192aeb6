//! The options of the BigQuery warehouse.

use std::time::Duration;

use super::environment::Environment;

/// How messages become rows in BigQuery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliveryMethod {
    /// Load jobs for backlogs, streaming for the rest.
    #[default]
    Auto,
    /// Only streaming (`insertAll`).
    Stream,
    /// Load jobs, and streaming once the table's budget of load jobs for the day is spent.
    Load,
}

/// How irispool deals with BigQuery.
#[derive(Clone, Debug)]
pub struct Options {
    /// Streaming, load jobs, or both.
    pub method: DeliveryMethod,
    /// Rows in a streaming request; Google recommends 500.
    pub batch_rows: usize,
    /// Bytes in a streaming request, at most; the limit is 10 MB.
    pub batch_bytes: usize,
    /// Streaming requests under way at once, over all tables.
    pub in_flight: usize,
    /// Requests per second of the whole project; `None`: no limit.
    pub requests_per_second: Option<f64>,
    /// A dataset with more files than this has a backlog.
    pub load_threshold_files: u64,
    /// Files in one load job, at most.
    pub load_files_max: u64,
    /// Load jobs for one table in a day, at most; BigQuery allows 1,500, failed ones included.
    pub load_jobs_a_day: u32,
    /// The pause before the first retry. It doubles with each retry.
    pub backoff_first: Duration,
    /// The longest pause before a retry.
    pub backoff_max: Duration,
    /// How long a request is retried before its rows go back to the queue.
    pub patience: Duration,
    /// The longest wait for the answer to one request. An upload has more time, by its size.
    pub call_timeout: Duration,
    /// The longest wait for one load job to end.
    pub load_job_patience: Duration,
    /// Whether requests and files are compressed; `None`: yes, except for an emulator, which may not recognise a
    /// compressed file.
    pub gzip: Option<bool>,
    /// The environment variables that name credentials and addresses.
    pub environment: Environment,
}

impl Default for Options {
    /// The environment is empty: call [`Environment::of_process`] for that of the process.
    fn default() -> Self {
        Options {
            method: DeliveryMethod::Auto,
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
