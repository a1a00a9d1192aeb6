//! How full `dead` is. When it holds `dead_max_bytes`, the worker claims nothing more until a person has retried or
//! dropped some dead letters. So nothing is thrown away, and a sender of rubbish cannot fill the disk.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::locks::Unpoisoned;
use crate::signals::Stop;
use crate::spool::{self, Layout, SpoolError};

/// `dead` is nearly full from this many percent of its limit on.
const NEARLY_FULL_PERCENT: u64 = 90;

/// A count is repeated after this time, because other workers bury messages too.
const COUNT_AGE_MAX: Duration = Duration::from_secs(60);

/// Counting may take one part in this many of the keeper's time.
const COUNT_SHARE: u32 = 20;

/// How near `dead` is to its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeadFill {
    /// Under 90 % of the limit, or there is no limit.
    Low,
    /// At least 90 % of the limit.
    NearlyFull,
    /// At or over the limit: nothing more is claimed.
    Full,
}

impl DeadFill {
    /// How full `dead` is when it takes this many bytes and `dead_max_bytes` is `bytes_max`.
    pub(crate) fn of(bytes: u64, bytes_max: u64) -> DeadFill {
        if bytes >= bytes_max {
            DeadFill::Full
        } else if bytes >= bytes_max / 100 * NEARLY_FULL_PERCENT {
            DeadFill::NearlyFull
        } else {
            DeadFill::Low
        }
    }
}

/// What `dead` takes of the disk, as far as this worker knows: what it counted last, and what it has buried since.
#[derive(Debug, Default)]
pub(crate) struct DeadLimit {
    /// Bytes that this worker has buried since it started.
    buried: AtomicU64,
    last_count: Mutex<LastDeadCount>,
}

#[derive(Clone, Copy, Debug, Default)]
struct LastDeadCount {
    /// `None`: there is no limit.
    bytes_max: Option<u64>,
    bytes: u64,
    /// `buried` when the count began. What was buried during the count may be in both numbers.
    buried_then: u64,
    at: Option<Instant>,
    took: Duration,
}

impl DeadLimit {
    /// Sets the limit. Before this is called there is none.
    pub(crate) fn set(&self, bytes_max: Option<u64>) {
        self.last_count.lock().unpoisoned().bytes_max = bytes_max;
    }

    /// Adds what this worker has just buried.
    pub(crate) fn add_buried(&self, bytes: u64) {
        self.buried.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How near `dead` is to its limit, as far as this worker knows.
    pub(crate) fn fill(&self) -> DeadFill {
        let count = self.last_count();
        let Some(bytes_max) = count.bytes_max else { return DeadFill::Low };
        DeadFill::of(self.bytes_since(count), bytes_max)
    }

    /// Whether `dead` holds as much as it may.
    pub(crate) fn is_full(&self) -> bool {
        self.fill() == DeadFill::Full
    }

    /// What `dead` takes of the disk in bytes, as far as this worker knows.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes_since(self.last_count())
    }

    /// Counts what is in `dead`, if a count is due. It is due when this worker has buried something, when `dead` is
    /// nearly full, and otherwise every minute. A request to `stop` ends the count, and the previous one stays valid.
    ///
    /// # Errors
    /// When `dead` can't be listed.
    pub(crate) fn count_when_due(&self, layout: &Layout, stop: &Stop) -> Result<(), SpoolError> {
        let last = self.last_count();
        if last.bytes_max.is_none() {
            return Ok(());
        }
        let due = last.at.is_none_or(|at| {
            let changed = self.buried.load(Ordering::Relaxed) != last.buried_then;
            let wait = if changed || self.fill() != DeadFill::Low { Duration::ZERO } else { COUNT_AGE_MAX };
            at.elapsed() >= wait.max(last.took * COUNT_SHARE)
        });
        if due { self.count(layout, stop) } else { Ok(()) }
    }

    fn count(&self, layout: &Layout, stop: &Stop) -> Result<(), SpoolError> {
        let (began, buried_then) = (Instant::now(), self.buried.load(Ordering::Relaxed));
        let Some(bytes) = spool::dead_bytes(layout, &|| stop.requested())? else { return Ok(()) };
        let mut last = self.last_count.lock().unpoisoned();
        *last =
            LastDeadCount { bytes, buried_then, at: Some(Instant::now()), took: began.elapsed(), ..*last };
        Ok(())
    }

    fn last_count(&self) -> LastDeadCount {
        *self.last_count.lock().unpoisoned()
    }

    /// What was counted, and what this worker has buried since.
    fn bytes_since(&self, count: LastDeadCount) -> u64 {
        count.bytes + self.buried.load(Ordering::Relaxed) - count.buried_then
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_buried_counts_at_once_and_what_is_dropped_no_longer_counts_after_the_next_count() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::open(root.path()).unwrap();
        let folder = layout.dead().join("FREQ");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a"), [0; 800]).unwrap();
        std::fs::write(folder.join("a.error.json"), [0; 5_000]).unwrap();
        let limit = DeadLimit::default();
        assert_eq!(limit.fill(), DeadFill::Low);
        limit.set(Some(100_000));
        limit.count_when_due(&layout, &Stop::new()).unwrap();
        let counted = limit.bytes();
        assert!((5_800..40_000).contains(&counted), "blocks are counted: {counted}");
        assert_eq!(limit.fill(), DeadFill::Low);
        limit.add_buried(90_000 - counted);
        assert_eq!(limit.fill(), DeadFill::NearlyFull);
        limit.add_buried(10_000);
        assert_eq!((limit.fill(), limit.bytes()), (DeadFill::Full, 100_000));
        limit.count(&layout, &Stop::new()).unwrap();
        assert_eq!((limit.fill(), limit.bytes()), (DeadFill::Low, counted));
    }
}
