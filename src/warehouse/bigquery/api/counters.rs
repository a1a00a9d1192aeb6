//! What the BigQuery warehouse counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::op::Op;
use crate::locks::Unpoisoned;
use crate::metrics::{Histogram, MetricFamily};

/// How many different outcomes are counted by name. Further ones are counted as `other`.
const OUTCOMES_MAX: usize = 100;

/// The upper bounds of the classes of request durations, in seconds.
const REQUEST_ENDS: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// Counts since the warehouse was opened.
#[derive(Debug, Default)]
pub struct Counters {
    /// HTTP requests to the API, each try counted.
    pub requests: AtomicU64,
    /// Requests that were retried.
    pub retries: AtomicU64,
    /// Milliseconds waited between tries.
    pub wait_ms: AtomicU64,
    /// Milliseconds waited because of the limit of requests per second.
    pub pace_wait_ms: AtomicU64,
    /// Rows in `insertAll` requests. A request that is retried counts once; a row that goes again in another request
    /// counts again.
    pub rows_sent: AtomicU64,
    /// Rows that streaming took.
    pub rows_streamed: AtomicU64,
    /// Rows that load jobs took.
    pub rows_loaded: AtomicU64,
    /// Rows with a value in `rescued` because BigQuery refused it for its column.
    pub rows_rescued: AtomicU64,
    /// Rows refused for good.
    pub rows_refused: AtomicU64,
    /// Load jobs created.
    pub load_jobs: AtomicU64,
    /// Load jobs that succeeded, whether this worker or an earlier one created them.
    pub load_jobs_done: AtomicU64,
    /// Load jobs that BigQuery refused because of their rows.
    pub load_jobs_refused: AtomicU64,
    /// Load jobs that failed for another reason.
    pub load_jobs_failed: AtomicU64,
    /// Tokens fetched.
    pub tokens: AtomicU64,
    reasons: Mutex<BTreeMap<String, u64>>,
    calls: Mutex<Calls>,
}

/// Requests by API method: outcomes, and how long they took.
#[derive(Debug, Default)]
struct Calls {
    outcomes: BTreeMap<(&'static str, String), u64>,
    durations: BTreeMap<&'static str, Histogram>,
}

impl Counters {
    /// Adds to one of the counters.
    pub(crate) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// Counts a request. `outcome`: `ok`, Google's reason, the status if Google gives none, or `connection`.
    pub(super) fn called(&self, op: Op, outcome: &str, took: Duration) {
        let mut calls = self.calls();
        let room = calls.outcomes.len() < OUTCOMES_MAX;
        let key = (op.name(), outcome.to_owned());
        let key =
            if room || calls.outcomes.contains_key(&key) { key } else { (op.name(), "other".to_owned()) };
        *calls.outcomes.entry(key).or_default() += 1;
        calls.durations.entry(op.name()).or_insert_with(|| Histogram::new(REQUEST_ENDS)).add(took);
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unpoisoned()
    }

    /// All counters as metrics. `rate`: the requests per second that this worker may make now.
    pub(crate) fn families(&self, rate: Option<f64>) -> Vec<MetricFamily> {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let seconds = |counter: &AtomicU64| of(counter) as f64 / 1e3;
        let mut requests = MetricFamily::counter(
            "irispool_warehouse_requests",
            "Requests to the warehouse, each try, by what came of them.",
        );
        let mut durations = MetricFamily::histogram(
            "irispool_warehouse_request_duration_seconds",
            "From a request to its answer.",
        );
        {
            let calls = self.calls();
            for ((op, outcome), count) in &calls.outcomes {
                requests = requests.with(&[("operation", op), ("outcome", outcome)], *count);
            }
            for (op, histogram) in &calls.durations {
                durations = durations.with(&[("operation", op)], histogram);
            }
        }
        let mut reasons = MetricFamily::counter(
            "irispool_warehouse_refusals",
            "Reasons that the warehouse gave for a request, a row or a job that did not succeed.",
        );
        for (reason, count) in self.reasons() {
            reasons = reasons.with(&[("reason", &reason)], count);
        }
        let mut families = vec![
            requests,
            durations,
            reasons,
            MetricFamily::counter("irispool_warehouse_retries", "Requests that were made again.")
                .with(&[], of(&self.retries)),
            MetricFamily::counter(
                "irispool_warehouse_wait_seconds",
                "Time that threads waited before a request, by why.",
            )
            .with(&[("reason", "retry")], seconds(&self.wait_ms))
            .with(&[("reason", "rate_limit")], seconds(&self.pace_wait_ms)),
            MetricFamily::counter(
                "irispool_warehouse_rows_sent",
                "Rows in streaming requests; a row that goes again in another request counts again.",
            )
            .with(&[], of(&self.rows_sent)),
            MetricFamily::counter(
                "irispool_warehouse_rows_taken",
                "Rows that the warehouse took, by the way they went.",
            )
            .with(&[("method", "stream")], of(&self.rows_streamed))
            .with(&[("method", "load")], of(&self.rows_loaded)),
            MetricFamily::counter(
                "irispool_warehouse_rows_rescued",
                "Rows that went without a value which the warehouse refused; it is in rescued.",
            )
            .with(&[], of(&self.rows_rescued)),
            MetricFamily::counter(
                "irispool_warehouse_rows_refused",
                "Rows that the warehouse refused for good.",
            )
            .with(&[], of(&self.rows_refused)),
            MetricFamily::counter("irispool_warehouse_load_jobs_made", "Load jobs made.")
                .with(&[], of(&self.load_jobs)),
            MetricFamily::counter("irispool_warehouse_load_jobs_ended", "Load jobs that ended, by how.")
                .with(&[("outcome", "done")], of(&self.load_jobs_done))
                .with(&[("outcome", "refused")], of(&self.load_jobs_refused))
                .with(&[("outcome", "failed")], of(&self.load_jobs_failed)),
            MetricFamily::counter("irispool_warehouse_tokens_fetched", "Access tokens fetched.")
                .with(&[], of(&self.tokens)),
        ];
        if let Some(rate) = rate {
            let limit = MetricFamily::gauge(
                "irispool_warehouse_request_rate_limit",
                "Requests a second that this worker may make now; it falls when the warehouse asks for fewer.",
            );
            families.push(limit.with(&[], rate));
        }
        families
    }

    /// Counts a reason that BigQuery gave.
    pub(crate) fn reason(&self, reason: &str) {
        let mut reasons = self.reasons.lock().unpoisoned();
        match reasons.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(reasons.insert(reason.to_owned(), 1)),
        }
    }

    /// How often BigQuery gave each reason for a request, a row or a job that did not succeed.
    pub fn reasons(&self) -> Vec<(String, u64)> {
        let reasons = self.reasons.lock().unpoisoned();
        reasons.iter().map(|(reason, count)| (reason.clone(), *count)).collect()
    }
}
