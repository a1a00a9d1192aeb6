//! What is known of a run in more detail than [`super::Tally`]: by dataset, as distributions, and as it is now.
//!
//! Nothing here is touched for each message by itself: the settlers add up what they settle together, and a delivery is
//! counted once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::keeper::KeeperStatus;
use crate::spool::{now_ms, reason_group};
use crate::warehouse::{Histogram, WarehouseError};

/// Different reasons that are counted by themselves; what comes after them is counted as `other`, so that a sender
/// with ever new faults does not fill the memory, here or where the figures are kept.
const REASONS_MAX: usize = 64;

/// A longer reason is cut.
const REASON_CHARS_MAX: usize = 120;

/// Seconds from a file's writing to its rows in the warehouse.
const DELAY_ENDS: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0, 21_600.0, 86_400.0];

/// Seconds of one load.
const LOAD_ENDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

#[derive(Debug)]
pub struct Figures {
    /// The worker's name, once it has one.
    worker: OnceLock<String>,
    datasets: Mutex<BTreeMap<Arc<str>, DatasetFigures>>,
    parked: Mutex<BTreeMap<Arc<str>, Parked>>,
    waiting: Mutex<Option<Waiting>>,
    /// How full `dead` is, and what the keeper fails at.
    pub keeper: Arc<KeeperStatus>,
    /// From a file's last write to its rows in the warehouse.
    pub delay: Histogram,
    /// Of one load by the warehouse.
    pub load: Histogram,
    /// Message bytes in memory now.
    pub(super) held_bytes: AtomicU64,
    /// When the coordinator last went its round, in ms since 1970 UTC; 0 before the first.
    pub(super) turned_at_ms: AtomicI64,
}

impl Default for Figures {
    fn default() -> Figures {
        Figures {
            worker: OnceLock::new(),
            datasets: Mutex::default(),
            parked: Mutex::default(),
            waiting: Mutex::default(),
            keeper: Arc::default(),
            delay: Histogram::new(DELAY_ENDS),
            load: Histogram::new(LOAD_ENDS),
            held_bytes: AtomicU64::new(0),
            turned_at_ms: AtomicI64::new(0),
        }
    }
}

/// What became of one dataset's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetFigures {
    pub delivered: u64,
    pub rows: u64,
    pub rescued_rows: u64,
    pub bytes: u64,
    /// When the last of its rows was seen to be in, in ms since 1970 UTC; 0 before the first.
    pub last_row_ms: i64,
    /// By stage and reason, numbers in it as `#`.
    pub dead: BTreeMap<(&'static str, String), u64>,
}

/// A table that takes no rows for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    pub why: String,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// Waiting does not help.
    pub needs_person: bool,
    /// Since when it has taken none, in ms since 1970 UTC.
    pub since_ms: i64,
}

/// The warehouse is not open yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Why not; none before the first try has failed.
    pub why: Option<String>,
    /// In ms since 1970 UTC.
    pub since_ms: i64,
}

impl Figures {
    /// The worker is there.
    pub fn registered(&self, name: &str) {
        let _ = self.worker.set(name.to_owned());
    }

    /// It waits for its warehouse.
    pub fn wait(&self, why: Option<String>) {
        let mut waiting = locked(&self.waiting);
        let since_ms = waiting.as_ref().map_or_else(now_ms, |earlier| earlier.since_ms);
        *waiting = Some(Waiting { why, since_ms });
    }

    /// The warehouse is open.
    pub fn waited(&self) {
        *locked(&self.waiting) = None;
    }

    pub fn waiting(&self) -> Option<Waiting> {
        locked(&self.waiting).clone()
    }

    /// The worker's name; none before it is registered.
    pub fn worker(&self) -> Option<&str> {
        self.worker.get().map(String::as_str)
    }

    pub fn datasets(&self) -> BTreeMap<Arc<str>, DatasetFigures> {
        locked(&self.datasets).clone()
    }

    pub fn parked(&self) -> BTreeMap<Arc<str>, Parked> {
        locked(&self.parked).clone()
    }

    pub fn held_bytes(&self) -> u64 {
        self.held_bytes.load(Ordering::Relaxed)
    }

    /// When the coordinator last went its round, in ms since 1970 UTC; 0 before the first.
    pub fn turned_at_ms(&self) -> i64 {
        self.turned_at_ms.load(Ordering::Relaxed)
    }

    pub(super) fn turned(&self) {
        self.turned_at_ms.store(now_ms(), Ordering::Relaxed);
    }

    /// Adds what was settled together.
    pub(super) fn add(&self, dataset: &Arc<str>, settled: DatasetFigures) {
        let mut datasets = locked(&self.datasets);
        let reasons: usize = datasets.values().map(|figures| figures.dead.len()).sum();
        let figures = datasets.entry(Arc::clone(dataset)).or_default();
        figures.delivered += settled.delivered;
        figures.rows += settled.rows;
        figures.rescued_rows += settled.rescued_rows;
        figures.bytes += settled.bytes;
        if settled.rows > 0 {
            figures.last_row_ms = now_ms();
        }
        for ((stage, reason), count) in settled.dead {
            let room = reasons < REASONS_MAX || figures.dead.contains_key(&(stage, reason.clone()));
            let reason = if room { reason } else { "other".to_owned() };
            *figures.dead.entry((stage, reason)).or_default() += count;
        }
    }

    pub(super) fn park(&self, dataset: &str, error: &WarehouseError) {
        let mut parked = locked(&self.parked);
        let since_ms = parked.get(dataset).map_or_else(now_ms, |earlier| earlier.since_ms);
        let (needs_person, hint) = match error {
            WarehouseError::Setup { hint, .. } => (true, Some(hint).filter(|hint| !hint.is_empty()).cloned()),
            WarehouseError::Later { .. } => (false, None),
        };
        parked.insert(Arc::from(dataset), Parked { why: error.to_string(), hint, needs_person, since_ms });
    }

    /// The table takes rows.
    pub(super) fn unpark(&self, dataset: &str) {
        locked(&self.parked).remove(dataset);
    }
}

impl DatasetFigures {
    pub(super) fn add_dead(&mut self, stage: &'static str, reason: &str) {
        let reason = reason_group(reason).chars().take(REASON_CHARS_MAX).collect();
        *self.dead.entry((stage, reason)).or_default() += 1;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
