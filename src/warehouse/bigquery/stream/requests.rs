//! Deliveries by `insertAll`: cut into requests by table, several under way at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::insert::{Inserter, Report, Sending};
use crate::warehouse::bigquery::Shared;
use crate::warehouse::bigquery::api::retry::Trouble;
use crate::warehouse::bigquery::tables::table_resource::Table;
use crate::warehouse::{Delivery, LoadResult, Outcome, RefusedRow, WarehouseError};

/// What is known of the deliveries of one load.
struct Load<'a> {
    deliveries: &'a [Delivery],
    /// Of each: its rows that are not known to be in or refused.
    open: Vec<AtomicUsize>,
    /// Of each: its refused rows, with their messages' places.
    refused: Vec<Mutex<Vec<(usize, RefusedRow)>>>,
    tell: &'a (dyn Fn(usize, LoadResult) + Sync),
}

impl Load<'_> {
    /// A row is in, or refused. The last one settles its delivery.
    fn settle_row(&self, delivery: usize) {
        if self.open[delivery].fetch_sub(1, Ordering::AcqRel) == 1 {
            self.tell_outcomes(delivery);
        }
    }

    fn tell_outcomes(&self, delivery: usize) {
        let mut outcomes = vec![Outcome::Loaded; self.deliveries[delivery].messages.len()];
        for (message, row) in std::mem::take(&mut *lock(&self.refused[delivery])) {
            match &mut outcomes[message] {
                Outcome::LoadedBut(rows) => rows.push(row),
                other => *other = Outcome::LoadedBut(vec![row]),
            }
        }
        for outcome in &mut outcomes {
            if let Outcome::LoadedBut(rows) = outcome {
                rows.sort_by_key(|row| row.message_row);
            }
        }
        (self.tell)(delivery, Ok(outcomes));
    }
}

/// The deliveries of one table.
struct Group<'a> {
    dataset: &'a str,
    places: &'a [usize],
    table: Result<Arc<Table>, WarehouseError>,
    trouble: Trouble,
    /// Its first failure: nothing more is sent.
    failed: Mutex<Option<WarehouseError>>,
    load: &'a Load<'a>,
}

impl Report for Group<'_> {
    fn taken(&self, rows: &[Sending]) {
        for row in rows {
            self.load.settle_row(row.delivery);
        }
    }

    fn refused(&self, row: &Sending, reason: String) {
        let delivery = &self.load.deliveries[row.delivery];
        let Some(found) = delivery.rows.range(row.row..row.row + 1).next() else {
            unreachable!("a row on its way is one of its delivery");
        };
        let refused = RefusedRow { message_row: found.message_row(), reason };
        lock(&self.load.refused[row.delivery]).push((row.message, refused));
        self.load.settle_row(row.delivery);
    }

    fn has_failed(&self) -> bool {
        lock(&self.failed).is_some()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(in crate::warehouse::bigquery) fn load(
    warehouse: &Shared,
    deliveries: &[Delivery],
    tell: &(dyn Fn(usize, LoadResult) + Sync),
) {
    let open = deliveries.iter().map(|delivery| AtomicUsize::new(row_count(delivery))).collect();
    let refused = deliveries.iter().map(|_| Mutex::default()).collect();
    let load = Load { deliveries, open, refused, tell };
    let mut by_dataset: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, delivery) in deliveries.iter().enumerate() {
        match row_count(delivery) {
            // Messages without rows need no table.
            0 => load.tell_outcomes(place),
            _ => by_dataset.entry(&delivery.dataset).or_default().push(place),
        }
    }
    let mut groups = Vec::with_capacity(by_dataset.len());
    let mut requests = Vec::new();
    for (dataset, places) in &by_dataset {
        let table = warehouse.tables.get(&warehouse.client, dataset);
        if table.is_ok() {
            requests.extend(
                cut(deliveries, places, warehouse.options.batch_rows).map(|rows| (groups.len(), rows)),
            );
        }
        let failed = Mutex::new(table.as_ref().err().cloned());
        let trouble = warehouse.tables.trouble(dataset);
        groups.push(Group { dataset, places, table, trouble, failed, load: &load });
    }
    send_all(warehouse, deliveries, &groups, requests);
    for group in groups {
        for &place in group.places {
            if load.open[place].load(Ordering::Acquire) > 0 {
                let failure = lock(&group.failed).clone();
                tell(place, Err(failure.expect("rows are left open only when their table has failed")));
            }
        }
    }
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

/// The requests of one load that are not under way yet.
///
/// Of a table that is being tried again no more goes out, and several tables share the threads, so that one in trouble
/// holds up no other.
struct Queue {
    /// The group's place, and its rows: the first request of each group, then the second ones, and so on.
    requests: Vec<(usize, Vec<Sending>)>,
    /// Of each group: requests of this load under way.
    under_way: Vec<usize>,
    threads: usize,
}

impl Queue {
    /// The next one; none when all are under way, or wait for the thread that is trying one of their table.
    fn next(&mut self, groups: &[Group<'_>], retry: Duration) -> Option<(usize, Vec<Sending>)> {
        loop {
            let first = self.requests.first()?.0;
            let share = match self.requests.iter().any(|(place, _)| *place != first) {
                true => self.threads.div_ceil(2),
                false => self.threads,
            };
            let may_go =
                |&(place, _): &(usize, _)| self.under_way[place] < share && !groups[place].trouble.is_there();
            if let Some(found) = self.requests.iter().position(may_go) {
                let (place, rows) = self.requests.remove(found);
                self.under_way[place] += 1;
                return Some((place, rows));
            }
            // Another load is trying it: there is no use in waiting beside that one.
            let place =
                self.requests.iter().map(|(place, _)| *place).find(|place| self.under_way[*place] == 0)?;
            self.requests.retain(|(other, _)| *other != place);
            let why = format!("{} is being tried again", groups[place].dataset);
            lock(&groups[place].failed).get_or_insert(WarehouseError::Later { why, after: retry });
        }
    }
}

/// The first piece is sent by this thread, the others by as many more as may be under way at once.
fn send_all(
    warehouse: &Shared,
    deliveries: &[Delivery],
    groups: &[Group<'_>],
    requests: Vec<(usize, Vec<Sending>)>,
) {
    let mut counts = vec![0_usize; groups.len()];
    let mut by_turn = BTreeMap::new();
    for (number, (place, rows)) in requests.into_iter().enumerate() {
        by_turn.insert((counts[place], number), (place, rows));
        counts[place] += 1;
    }
    let requests: Vec<_> = by_turn.into_values().collect();
    let threads = requests.len().min(warehouse.options.in_flight);
    let queue = Mutex::new(Queue { requests, under_way: vec![0; groups.len()], threads });
    let retry = warehouse.options.backoff_first * 2;
    let work = || {
        loop {
            let next = lock(&queue).next(groups, retry);
            let Some((place, rows)) = next else { return };
            let group = &groups[place];
            if let Ok(table) = &group.table
                && let Err(error) =
                    Inserter::new(warehouse, deliveries, group.dataset, table, group).send(rows)
            {
                lock(&group.failed).get_or_insert(error);
            }
            lock(&queue).under_way[place] -= 1;
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
}
