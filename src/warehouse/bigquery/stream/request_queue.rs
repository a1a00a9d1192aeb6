//! The requests of one load, and the order in which they go out.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::pending_row::PendingRow;
use super::table_rows::TableRows;
use crate::locks::Unpoisoned;
use crate::warehouse::WarehouseError;

/// The rows of one request, and the index of their table among the tables of the load.
pub(super) type Request = (usize, Vec<PendingRow>);

/// The requests of one load that are not under way yet.
///
/// While a request of a table is being retried, no other request of that table goes out. Several tables share the
/// threads, so that a table in trouble holds up no other.
pub(super) struct RequestQueue {
    /// The first request of each table, then the second ones, and so on.
    requests: Vec<Request>,
    /// For each table: the requests of this load that are under way.
    under_way: Vec<usize>,
    threads: usize,
}

impl RequestQueue {
    /// Takes the requests of `tables` tables, which come table by table, for so many threads.
    pub(super) fn new(requests: Vec<Request>, tables: usize, threads: usize) -> Mutex<RequestQueue> {
        let mut counts = vec![0_usize; tables];
        let mut by_turn = BTreeMap::new();
        for (number, (table, rows)) in requests.into_iter().enumerate() {
            by_turn.insert((counts[table], number), (table, rows));
            counts[table] += 1;
        }
        let requests = by_turn.into_values().collect();
        Mutex::new(RequestQueue { requests, under_way: vec![0; tables], threads })
    }

    /// The next request. `None`: all are under way, or wait for the thread that retries one of their table.
    ///
    /// Tables that another load is retrying fail: there is no use in waiting for that load. They may go again `retry`
    /// later.
    pub(super) fn next(&mut self, tables: &[TableRows<'_>], retry: Duration) -> Option<Request> {
        loop {
            let first = self.requests.first()?.0;
            let share = match self.requests.iter().any(|(table, _)| *table != first) {
                true => self.threads.div_ceil(2),
                false => self.threads,
            };
            let may_go =
                |&(table, _): &Request| self.under_way[table] < share && !tables[table].retries.is_any();
            if let Some(found) = self.requests.iter().position(may_go) {
                let (table, rows) = self.requests.remove(found);
                self.under_way[table] += 1;
                return Some((table, rows));
            }
            let retried_elsewhere =
                self.requests.iter().map(|(table, _)| *table).find(|table| self.under_way[*table] == 0)?;
            self.requests.retain(|(table, _)| *table != retried_elsewhere);
            let why = format!("{} is being tried again", tables[retried_elsewhere].dataset);
            tables[retried_elsewhere]
                .failed
                .lock()
                .unpoisoned()
                .get_or_insert(WarehouseError::Later { why, after: retry });
        }
    }

    /// Notes that a request of the table has ended.
    pub(super) fn end(&mut self, table: usize) {
        self.under_way[table] -= 1;
    }
}
