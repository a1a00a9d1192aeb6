//! Deliveries by `insertAll`: cut into requests by table, several under way at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Shared;
use super::insert::{Inserter, Report, Sending};
use super::tables::Table;
use crate::warehouse::{Delivery, Outcome, RefusedRow, WarehouseError};

/// The deliveries of one table.
struct Group<'a> {
    dataset: &'a str,
    table: Result<Arc<Table>, WarehouseError>,
    /// Its first failure: nothing more is sent.
    failed: Mutex<Option<WarehouseError>>,
    /// Of each delivery of the load: its rows that are not known to be in or refused. Shared by all groups.
    open: &'a [AtomicUsize],
    refused: &'a Mutex<Vec<(usize, usize, RefusedRow)>>,
    deliveries: &'a [Delivery],
}

impl Report for Group<'_> {
    fn taken(&self, rows: &[Sending]) {
        for row in rows {
            self.open[row.delivery].fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn refused(&self, row: &Sending, reason: String) {
        let delivery = &self.deliveries[row.delivery];
        let Some(found) = delivery.rows.range(row.row..row.row + 1).next() else {
            unreachable!("a row on its way is one of its delivery");
        };
        let refused = RefusedRow { message_row: found.message_row(), reason };
        lock(self.refused).push((row.delivery, row.message, refused));
        self.open[row.delivery].fetch_sub(1, Ordering::Relaxed);
    }

    fn has_failed(&self) -> bool {
        lock(&self.failed).is_some()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn load(warehouse: &Shared, deliveries: &[Delivery]) -> Vec<Result<Vec<Outcome>, WarehouseError>> {
    let open: Vec<AtomicUsize> =
        deliveries.iter().map(|delivery| AtomicUsize::new(row_count(delivery))).collect();
    let refused = Mutex::default();
    let mut by_dataset: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, delivery) in deliveries.iter().enumerate() {
        by_dataset.entry(&delivery.dataset).or_default().push(place);
    }
    let mut groups = Vec::with_capacity(by_dataset.len());
    let mut requests = Vec::new();
    for (dataset, places) in &by_dataset {
        let has_rows = places.iter().any(|&place| row_count(&deliveries[place]) > 0);
        let table = match has_rows {
            true => warehouse.tables.get(&warehouse.client, dataset),
            // Messages without rows need no table.
            false => Err(WarehouseError::Later { why: "no rows".into(), after: Duration::ZERO }),
        };
        if has_rows && table.is_ok() {
            requests.extend(
                cut(deliveries, places, warehouse.options.batch_rows).map(|rows| (groups.len(), rows)),
            );
        }
        let failed = Mutex::new(table.as_ref().err().cloned());
        groups.push(Group { dataset, table, failed, open: &open, refused: &refused, deliveries });
    }
    send_all(warehouse, deliveries, &groups, requests);
    let failures: Vec<Option<WarehouseError>> =
        groups.into_iter().map(|group| lock(&group.failed).take()).collect();
    let refused = refused.into_inner().unwrap_or_else(PoisonError::into_inner);
    let group_of = |delivery: &Delivery| by_dataset.keys().position(|dataset| *dataset == &*delivery.dataset);
    let mut results: Vec<Result<Vec<Outcome>, WarehouseError>> = Vec::with_capacity(deliveries.len());
    for (delivery, open) in deliveries.iter().zip(&open) {
        if open.load(Ordering::Relaxed) == 0 {
            results.push(Ok(vec![Outcome::Loaded; delivery.messages.len()]));
            continue;
        }
        let failure = group_of(delivery).and_then(|group| failures[group].clone());
        results.push(Err(failure.expect("rows are left open only when their table has failed")));
    }
    for (delivery, message, row) in refused {
        let Ok(outcomes) = &mut results[delivery] else { continue };
        match &mut outcomes[message] {
            Outcome::LoadedBut(rows) => rows.push(row),
            other => *other = Outcome::LoadedBut(vec![row]),
        }
    }
    for outcome in results.iter_mut().flatten().flatten() {
        if let Outcome::LoadedBut(rows) = outcome {
            rows.sort_by_key(|row| row.message_row);
        }
    }
    results
}

fn row_count(delivery: &Delivery) -> usize {
    delivery.messages.iter().map(|message| message.rows.len()).sum()
}

/// The rows of some deliveries, in pieces of `rows_max`.
fn cut(deliveries: &[Delivery], places: &[usize], rows_max: usize) -> impl Iterator<Item = Vec<Sending>> {
    let mut rows = places
        .iter()
        .flat_map(|&delivery| {
            let messages = deliveries[delivery].messages.iter().enumerate();
            messages.flat_map(move |(message, of)| {
                of.rows.clone().map(move |row| Sending { delivery, message, row, refused: Vec::new() })
            })
        })
        .collect::<Vec<_>>()
        .into_iter();
    std::iter::from_fn(move || {
        let piece: Vec<Sending> = rows.by_ref().take(rows_max.max(1)).collect();
        (!piece.is_empty()).then_some(piece)
    })
}

/// The first piece is sent by this thread, the others by as many more as may be under way at once.
fn send_all(
    warehouse: &Shared,
    deliveries: &[Delivery],
    groups: &[Group<'_>],
    requests: Vec<(usize, Vec<Sending>)>,
) {
    let threads = requests.len().min(warehouse.options.in_flight);
    let queue = Mutex::new(requests.into_iter());
    let work = || {
        loop {
            let next = lock(&queue).next();
            let Some((place, rows)) = next else { return };
            let group = &groups[place];
            let Ok(table) = &group.table else { continue };
            let sent = Inserter::new(warehouse, deliveries, group.dataset, table, group).send(rows);
            if let Err(error) = sent {
                lock(&group.failed).get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
}
