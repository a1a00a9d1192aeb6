//! Cuts deliveries into streaming requests, table by table, and sends several requests at once.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use super::insert::Inserter;
use super::load_progress::{LoadProgress, row_count};
use super::pending_row::PendingRow;
use super::request_queue::{Request, RequestQueue};
use super::stream_state::StreamState;
use super::table_rows::TableRows;
use super::target::StreamTarget;
use crate::locks::Unpoisoned;
use crate::warehouse::{Delivery, LoadResult};

/// Streams the deliveries. `tell` learns the result of each, by its index, as soon as it is known.
pub(crate) fn load(state: &StreamState, deliveries: &[Delivery], tell: &(dyn Fn(usize, LoadResult) + Sync)) {
    let progress = LoadProgress::new(deliveries, tell);
    let mut by_dataset: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, delivery) in deliveries.iter().enumerate() {
        match row_count(delivery) {
            // Messages without rows need no table.
            0 => progress.tell_outcomes(index),
            _ => by_dataset.entry(&delivery.dataset).or_default().push(index),
        }
    }
    let mut tables = Vec::with_capacity(by_dataset.len());
    let mut requests = Vec::new();
    for (dataset, of_table) in &by_dataset {
        let table = state.tables().get(dataset);
        if table.is_ok() {
            let pieces = cut(deliveries, of_table, state.client().options().batch_rows);
            requests.extend(pieces.map(|rows| (tables.len(), rows)));
        }
        let failed = Mutex::new(table.as_ref().err().cloned());
        let retries = state.retries(dataset);
        tables.push(TableRows { dataset, deliveries: of_table, table, retries, failed, progress: &progress });
    }
    send_all(state, deliveries, &tables, requests);
    for table in tables {
        for &index in table.deliveries {
            if progress.is_open(index) {
                let failure = table.failed.lock().unpoisoned().clone();
                let failure = failure.expect("rows stay open only if their table has failed");
                progress.tell(index, Err(failure));
            }
        }
    }
}

/// The rows of some deliveries, in pieces of at most `rows_max`.
fn cut(deliveries: &[Delivery], indexes: &[usize], rows_max: usize) -> impl Iterator<Item = Vec<PendingRow>> {
    let mut rows = indexes
        .iter()
        .flat_map(|&delivery| {
            let messages = deliveries[delivery].messages.iter().enumerate();
            messages.flat_map(move |(message, of)| {
                of.rows.clone().map(move |row| PendingRow { delivery, message, row, refused: Vec::new() })
            })
        })
        .collect::<Vec<_>>()
        .into_iter();
    std::iter::from_fn(move || {
        let piece: Vec<PendingRow> = rows.by_ref().take(rows_max.max(1)).collect();
        (!piece.is_empty()).then_some(piece)
    })
}

/// Sends all requests. This thread sends too, beside as many threads as may have requests under way at once.
fn send_all(state: &StreamState, deliveries: &[Delivery], tables: &[TableRows<'_>], requests: Vec<Request>) {
    let options = state.client().options();
    let threads = requests.len().min(options.in_flight);
    let queue = RequestQueue::new(requests, tables.len(), threads);
    let retry = options.backoff_first * 2;
    let work = || {
        loop {
            let next = queue.lock().unpoisoned().next(tables, retry);
            let Some((index, rows)) = next else { return };
            let TableRows { dataset, table, failed, .. } = &tables[index];
            if let Ok(table) = table {
                let report = &tables[index];
                let inserter = Inserter::new(StreamTarget { state, deliveries, dataset, table, report });
                if let Err(error) = inserter.send(rows) {
                    failed.lock().unpoisoned().get_or_insert(error);
                }
            }
            queue.lock().unpoisoned().end(index);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
}
