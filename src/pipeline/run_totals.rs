//! What a run has done so far. Everything is counted after it is done, never before.

use std::sync::atomic::{AtomicU64, Ordering};

use super::run_details::Figures;

/// Counts what one worker has done since its start.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(super) claimed: AtomicU64,
    pub(super) letters_gone: AtomicU64,
    pub(super) given_back: AtomicU64,
    pub(super) taken_over: AtomicU64,
    pub(super) failed_loads: AtomicU64,
    /// What is known in more detail, among it what became of each dataset's messages.
    pub figures: Figures,
}

/// The values of a [`Tally`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Messages claimed, as counted when claiming.
    pub claimed: u64,
    /// Messages whose rows are in the warehouse and whose files are settled.
    pub delivered: u64,
    /// The part of `delivered` that the warehouse had before.
    pub already_loaded: u64,
    /// The part of `delivered` that gave way to content under their name that was written later.
    pub superseded: u64,
    /// Rows put into the warehouse.
    pub rows: u64,
    /// Rows with a value in `rescued`.
    pub rescued_rows: u64,
    /// Messages that went to dead, whole or for some of their rows.
    pub dead: u64,
    /// Rows that went to dead although the rest of their message was delivered.
    pub dead_rows: u64,
    /// Dead letters that were deleted because their messages arrived whole.
    pub letters_gone: u64,
    /// Messages put back because somebody was writing them, or because they can't be read.
    pub given_back: u64,
    /// Batches taken over from dead workers.
    pub taken_over: u64,
    /// Failed deliveries. Each is tried again.
    pub failed_loads: u64,
}

impl Tally {
    /// What the worker has done until now.
    pub(crate) fn totals(&self) -> Totals {
        let counted = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut totals = Totals {
            claimed: counted(&self.claimed),
            letters_gone: counted(&self.letters_gone),
            given_back: counted(&self.given_back),
            taken_over: counted(&self.taken_over),
            failed_loads: counted(&self.failed_loads),
            ..Totals::default()
        };
        self.figures.for_each_dataset(|figures| {
            totals.delivered += figures.delivered;
            totals.already_loaded += figures.already_loaded;
            totals.superseded += figures.superseded;
            totals.rows += figures.rows;
            totals.rescued_rows += figures.rescued_rows;
            totals.dead += figures.dead_messages();
            totals.dead_rows += figures.dead_rows;
        });
        totals
    }

    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
