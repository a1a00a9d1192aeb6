//! What this process knows of its streaming requests, beyond a single load.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::lag::StreamingLags;
use crate::locks::Unpoisoned;
use crate::warehouse::bigquery::api::{Client, RetryCount};
use crate::warehouse::bigquery::tables::KnownTables;

/// What all loads of this process share.
pub(crate) struct StreamState {
    tables: Arc<KnownTables>,
    lags: StreamingLags,
    /// By dataset: the requests that are being retried.
    retries: Mutex<HashMap<String, RetryCount>>,
}

impl StreamState {
    /// Nothing is known yet.
    pub(crate) fn new(tables: Arc<KnownTables>) -> StreamState {
        let lags = StreamingLags::new(tables.client().options().backoff_first);
        StreamState { tables, lags, retries: Mutex::default() }
    }

    pub(super) fn client(&self) -> &Client {
        self.tables.client()
    }

    pub(super) fn tables(&self) -> &KnownTables {
        &self.tables
    }

    /// How long streaming has not noticed new tables and columns.
    pub(super) fn lags(&self) -> &StreamingLags {
        &self.lags
    }

    /// The number of requests with rows of the dataset that are being retried, by all loads.
    pub(super) fn retries(&self, dataset: &str) -> RetryCount {
        self.retries.lock().unpoisoned().entry(dataset.to_owned()).or_default().clone()
    }
}
