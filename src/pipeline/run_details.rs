//! What is known about a run in detail: by dataset, as distributions, and as it is now.
//!
//! Nothing here is updated for each message by itself: a settler adds up what it settles in one task.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::ending::Ending;
use crate::keeper::KeeperStatus;
use crate::locks::Unpoisoned;
use crate::metrics::Histogram;
use crate::spool::{now_ms, reason_group};
use crate::warehouse::WarehouseError;

/// How many different reasons are counted by themselves. Further ones are counted as `other`. Otherwise a sender with
/// ever new faults would fill the memory, here and where the metrics are stored.
const REASONS_MAX: usize = 64;

/// A longer reason is cut.
const REASON_CHARS_MAX: usize = 120;

/// Seconds from a file's writing to its rows in the warehouse.
const DELAY_ENDS: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0, 21_600.0, 86_400.0];

/// Seconds of one load.
const LOAD_ENDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// What is known about a run in detail. Everything may be read at any time from any thread.
#[derive(Debug)]
pub(crate) struct Figures {
    /// The worker's name, once it has one.
    worker: OnceLock<String>,
    datasets: Mutex<BTreeMap<Arc<str>, DatasetFigures>>,
    parked: Mutex<BTreeMap<Arc<str>, Parked>>,
    warehouse_wait: Mutex<Option<WarehouseWait>>,
    /// How full `dead` is, and what the keeper fails at.
    pub keeper: Arc<KeeperStatus>,
    /// From a file's last write until its rows were in the warehouse.
    pub delay: Histogram,
    /// How long each load by the warehouse took.
    pub load: Histogram,
    /// Message bytes in memory now.
    pub(super) held_bytes: AtomicU64,
    /// When the coordinator last began a round or waited, in ms since 1970 UTC; 0 before the first round.
    round_at_ms: AtomicI64,
    /// When the newest delivered message was last written, in ms since 1970 UTC; 0 before the first.
    newest_written_ms: AtomicI64,
}

impl Default for Figures {
    fn default() -> Figures {
        Figures {
            worker: OnceLock::new(),
            datasets: Mutex::default(),
            parked: Mutex::default(),
            warehouse_wait: Mutex::default(),
            keeper: Arc::default(),
            delay: Histogram::new(DELAY_ENDS),
            load: Histogram::new(LOAD_ENDS),
            held_bytes: AtomicU64::new(0),
            round_at_ms: AtomicI64::new(0),
            newest_written_ms: AtomicI64::new(0),
        }
    }
}

/// What became of one dataset's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DatasetFigures {
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
    /// Rows that went to dead although the rest of their message was delivered.
    pub dead_rows: u64,
    /// Bytes of delivered messages.
    pub bytes: u64,
    /// When a settler last found rows of the dataset delivered, in ms since 1970 UTC; 0 before the first.
    pub last_row_ms: i64,
    /// Messages that went to dead, whole or for some of their rows, by stage and reason. Numbers in a reason are `#`.
    pub dead: BTreeMap<(&'static str, String), u64>,
}

/// A table that takes no rows for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parked {
    /// Why it takes none.
    pub why: String,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// Whether a person must do something; otherwise it will pass.
    pub needs_person: bool,
    /// Since when it has taken none, in ms since 1970 UTC.
    pub since_ms: i64,
}

/// A wait for the warehouse to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WarehouseWait {
    /// Why it is not open. `None` before the first try has failed.
    pub why: Option<String>,
    /// Since when, in ms since 1970 UTC.
    pub since_ms: i64,
}

impl Figures {
    /// The worker has a name.
    pub(crate) fn registered(&self, name: &str) {
        let _ = self.worker.set(name.to_owned());
    }

    /// The worker waits for its warehouse. `why`: the reason why the last try failed.
    pub(crate) fn wait(&self, why: Option<String>) {
        let mut wait = self.warehouse_wait.lock().unpoisoned();
        let since_ms = wait.as_ref().map_or_else(now_ms, |earlier| earlier.since_ms);
        *wait = Some(WarehouseWait { why, since_ms });
    }

    /// The warehouse is open.
    pub(crate) fn waited(&self) {
        *self.warehouse_wait.lock().unpoisoned() = None;
    }

    /// The wait for the warehouse; `None` when it is open.
    pub(crate) fn waiting(&self) -> Option<WarehouseWait> {
        self.warehouse_wait.lock().unpoisoned().clone()
    }

    /// The worker's name; `None` before it is registered.
    pub(crate) fn worker(&self) -> Option<&str> {
        self.worker.get().map(String::as_str)
    }

    /// What became of the messages of each dataset.
    pub(crate) fn datasets(&self) -> BTreeMap<Arc<str>, DatasetFigures> {
        self.datasets.lock().unpoisoned().clone()
    }

    /// Looks at the figures of every dataset, and copies none of them.
    pub(super) fn for_each_dataset(&self, look: impl FnMut(&DatasetFigures)) {
        self.datasets.lock().unpoisoned().values().for_each(look);
    }

    /// The tables that take no rows for now, by dataset.
    pub(crate) fn parked(&self) -> BTreeMap<Arc<str>, Parked> {
        self.parked.lock().unpoisoned().clone()
    }

    /// Message bytes in memory now.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held_bytes.load(Ordering::Relaxed)
    }

    /// When the coordinator last began a round or waited, in ms since 1970 UTC; 0 before the first round.
    pub(crate) fn turned_at_ms(&self) -> i64 {
        self.round_at_ms.load(Ordering::Relaxed)
    }

    /// When the newest delivered message was last written, in ms since 1970 UTC. `None` before the first.
    pub(crate) fn newest_written_ms(&self) -> Option<i64> {
        Some(self.newest_written_ms.load(Ordering::Relaxed)).filter(|ms| *ms > 0)
    }

    /// Messages were delivered, and the newest one was last written then.
    pub(super) fn note_written(&self, newest_ms: i64) {
        self.newest_written_ms.fetch_max(newest_ms, Ordering::Relaxed);
    }

    /// The coordinator begins a round, or waits and does not hang.
    pub(super) fn note_round(&self) {
        self.round_at_ms.store(now_ms(), Ordering::Relaxed);
    }

    /// Adds what was settled in one task.
    pub(super) fn add(&self, dataset: &Arc<str>, settled: DatasetFigures) {
        let mut datasets = self.datasets.lock().unpoisoned();
        let reasons: usize = datasets.values().map(|figures| figures.dead.len()).sum();
        let figures = datasets.entry(Arc::clone(dataset)).or_default();
        figures.delivered += settled.delivered;
        figures.already_loaded += settled.already_loaded;
        figures.superseded += settled.superseded;
        figures.rows += settled.rows;
        figures.rescued_rows += settled.rescued_rows;
        figures.dead_rows += settled.dead_rows;
        figures.bytes += settled.bytes;
        if settled.rows > 0 {
            figures.last_row_ms = now_ms();
        }
        for ((stage, reason), count) in settled.dead {
            let is_counted = reasons < REASONS_MAX || figures.dead.contains_key(&(stage, reason.clone()));
            let reason = if is_counted { reason } else { "other".to_owned() };
            *figures.dead.entry((stage, reason)).or_default() += count;
        }
    }

    /// The table takes no rows for now.
    pub(super) fn park(&self, dataset: &str, error: &WarehouseError) {
        let mut parked = self.parked.lock().unpoisoned();
        let since_ms = parked.get(dataset).map_or_else(now_ms, |earlier| earlier.since_ms);
        let (needs_person, hint) = match error {
            WarehouseError::Setup { hint, .. } => (true, Some(hint).filter(|hint| !hint.is_empty()).cloned()),
            WarehouseError::Later { .. } => (false, None),
        };
        parked.insert(Arc::from(dataset), Parked { why: error.to_string(), hint, needs_person, since_ms });
    }

    /// The table takes rows again.
    pub(super) fn unpark(&self, dataset: &str) {
        self.parked.lock().unpoisoned().remove(dataset);
    }
}

impl DatasetFigures {
    /// Adds a message that is settled.
    pub(super) fn add(&mut self, ending: &Ending) {
        match *ending {
            Ending::Delivered { rows, rescued, bytes } => {
                self.delivered += 1;
                self.rows += rows;
                self.rescued_rows += rescued;
                self.bytes += bytes;
            }
            Ending::AlreadyLoaded { bytes } => {
                self.delivered += 1;
                self.already_loaded += 1;
                self.bytes += bytes;
            }
            Ending::Superseded { bytes } => {
                self.delivered += 1;
                self.superseded += 1;
                self.bytes += bytes;
            }
            Ending::Dead(ref letter) => self.add_dead(letter.stage.as_str(), &letter.reason),
            Ending::PartlyDead { ref letter, rows, rescued, dead_rows } => {
                self.add_dead(letter.stage.as_str(), &letter.reason);
                self.rows += rows;
                self.rescued_rows += rescued;
                self.dead_rows += dead_rows;
            }
        }
    }

    /// Messages that went to dead, whole or for some of their rows.
    pub(super) fn dead_messages(&self) -> u64 {
        self.dead.values().sum()
    }

    fn add_dead(&mut self, stage: &'static str, reason: &str) {
        let reason = reason_group(reason).chars().take(REASON_CHARS_MAX).collect();
        *self.dead.entry((stage, reason)).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ever_new_reasons_are_counted_together_in_the_end() {
        let figures = Figures::default();
        let dataset = Arc::from("FREQ");
        for letter in ('a'..='z').flat_map(|one| ('a'..='z').map(move |two| format!("{one}{two} at byte 17")))
        {
            let mut settled = DatasetFigures::default();
            settled.add_dead("parse", &letter);
            figures.add(&dataset, settled);
        }
        let dead = &figures.datasets()["FREQ"].dead;
        assert_eq!(dead.len(), REASONS_MAX + 1);
        assert_eq!(dead.values().sum::<u64>(), 26 * 26);
        assert_eq!(dead[&("parse", "aa at byte #".to_owned())], 1);
    }

    #[test]
    fn a_parked_table_says_since_when_until_it_takes_rows() {
        let figures = Figures::default();
        let error = WarehouseError::Setup { why: "no right".into(), hint: String::new() };
        figures.park("FREQ", &error);
        let since = figures.parked()["FREQ"].since_ms;
        figures.park("FREQ", &WarehouseError::Later { why: "busy".into(), after: Duration::ZERO });
        let parked = figures.parked()["FREQ"].clone();
        assert_eq!((parked.since_ms, parked.needs_person, &*parked.why), (since, false, "busy"));
        figures.unpark("FREQ");
        assert!(figures.parked().is_empty());
    }
}
