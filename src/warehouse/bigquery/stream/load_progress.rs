//! What is known of the deliveries of one load, row by row.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::locks::Unpoisoned;
use crate::warehouse::{Delivery, LoadResult, MessageOutcome, RefusedRow};

/// What is known of the deliveries of one load.
pub(super) struct LoadProgress<'a> {
    pub(super) deliveries: &'a [Delivery],
    /// For each delivery: how many of its rows are neither taken nor refused yet.
    open: Vec<AtomicUsize>,
    /// For each delivery: its refused rows, each with the index of its message.
    refused: Vec<Mutex<Vec<(usize, RefusedRow)>>>,
    tell: &'a (dyn Fn(usize, LoadResult) + Sync),
}

impl<'a> LoadProgress<'a> {
    /// `tell` learns what became of each delivery, by its index.
    pub(super) fn new(
        deliveries: &'a [Delivery],
        tell: &'a (dyn Fn(usize, LoadResult) + Sync),
    ) -> LoadProgress<'a> {
        let open = deliveries.iter().map(|delivery| AtomicUsize::new(row_count(delivery))).collect();
        let refused = deliveries.iter().map(|_| Mutex::default()).collect();
        LoadProgress { deliveries, open, refused, tell }
    }

    /// Notes that a row was taken. The last row of a delivery tells its outcomes.
    pub(super) fn row_taken(&self, delivery: usize) {
        if self.open[delivery].fetch_sub(1, Ordering::AcqRel) == 1 {
            self.tell_outcomes(delivery);
        }
    }

    /// Notes that a row of a message was refused.
    pub(super) fn row_refused(&self, delivery: usize, message: usize, row: RefusedRow) {
        self.refused[delivery].lock().unpoisoned().push((message, row));
        self.row_taken(delivery);
    }

    /// Whether the delivery has rows that are neither taken nor refused.
    pub(super) fn is_open(&self, delivery: usize) -> bool {
        self.open[delivery].load(Ordering::Acquire) > 0
    }

    /// Tells what became of each message of a delivery without open rows.
    pub(super) fn tell_outcomes(&self, delivery: usize) {
        let mut outcomes = vec![MessageOutcome::Loaded; self.deliveries[delivery].messages.len()];
        for (message, row) in std::mem::take(&mut *self.refused[delivery].lock().unpoisoned()) {
            match &mut outcomes[message] {
                MessageOutcome::LoadedBut(rows) => rows.push(row),
                other => *other = MessageOutcome::LoadedBut(vec![row]),
            }
        }
        for outcome in &mut outcomes {
            if let MessageOutcome::LoadedBut(rows) = outcome {
                rows.sort_by_key(|row| row.message_row);
            }
        }
        (self.tell)(delivery, Ok(outcomes));
    }

    /// Tells the result of a delivery.
    pub(super) fn tell(&self, delivery: usize, result: LoadResult) {
        (self.tell)(delivery, result);
    }
}

/// How many rows a delivery has.
pub(super) fn row_count(delivery: &Delivery) -> usize {
    delivery.messages.iter().map(|message| message.rows.len()).sum()
}
