//! What the SQLite warehouse counts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::error::SqliteError;
use crate::locks::Unpoisoned;
use crate::metrics::{Histogram, MetricFamily};

/// Seconds of one transaction.
const TRANSACTION_ENDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counts since the database was opened.
#[derive(Debug)]
pub(super) struct Metrics {
    /// By what came of them.
    transactions: Mutex<BTreeMap<String, u64>>,
    /// From the wish to write to the commit.
    duration: Histogram,
    lock_wait_us: AtomicU64,
    rows: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            transactions: Mutex::default(),
            duration: Histogram::new(TRANSACTION_ENDS),
            lock_wait_us: AtomicU64::new(0),
            rows: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Rows were in hand for so long until it was known whether they are in.
    pub(super) fn transaction(&self, rows: Result<u64, &SqliteError>, took: Duration) {
        let outcome = match rows {
            Ok(_) => "ok".to_owned(),
            Err(fault) => fault.name(),
        };
        *self.transactions.lock().unpoisoned().entry(outcome).or_default() += 1;
        self.rows.fetch_add(rows.unwrap_or(0), Ordering::Relaxed);
        self.duration.add(took);
    }

    /// Another process was writing meanwhile.
    pub(super) fn waited(&self, wait: Duration) {
        self.lock_wait_us.fetch_add(wait.as_micros() as u64, Ordering::Relaxed);
    }

    pub(super) fn families(&self, path: &Path) -> Vec<MetricFamily> {
        let operation = ("operation", "transaction");
        let mut requests = MetricFamily::counter(
            "irispool_warehouse_requests",
            "Requests to the warehouse, each try, by what came of them.",
        );
        for (outcome, count) in &*self.transactions.lock().unpoisoned() {
            requests = requests.with(&[operation, ("outcome", outcome)], *count);
        }
        let mut sizes = MetricFamily::gauge("irispool_warehouse_size_bytes", "Of the database's files.");
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        for (part, file) in [("database", path), ("log", Path::new(&log))] {
            if let Ok(found) = file.metadata() {
                sizes = sizes.with(&[("part", part)], found.len());
            }
        }
        vec![
            requests,
            MetricFamily::histogram(
                "irispool_warehouse_request_duration_seconds",
                "From a request to its answer.",
            )
            .with(&[operation], &self.duration),
            MetricFamily::counter(
                "irispool_warehouse_wait_seconds",
                "Time that threads waited before a request, by why.",
            )
            .with(&[("reason", "lock")], self.lock_wait_us.load(Ordering::Relaxed) as f64 / 1e6),
            MetricFamily::counter(
                "irispool_warehouse_rows_taken",
                "Rows that the warehouse took, by the way they went.",
            )
            .with(&[("method", "transaction")], self.rows.load(Ordering::Relaxed)),
            sizes,
        ]
    }
}
