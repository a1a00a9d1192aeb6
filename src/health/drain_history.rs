//! When drains (`run --once`) ran, in a file in the spool.
//!
//! If cron starts one drain after the other, no worker is alive most of the time, and all is well. Without the history,
//! that would look like a dead worker.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many drains the file remembers.
const REMEMBERED: usize = 8;

/// How long the second drain may take to come, before there is a rhythm.
const SECOND_WITHIN: Duration = Duration::from_secs(900);

/// Drains that are rarer than once a day have no rhythm to rely on.
const WAIT_MAX: Duration = Duration::from_secs(26 * 3600);

/// When the last drains of a spool ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DrainHistory {
    /// When they began, in ms since 1970 UTC, in ascending order.
    pub began_ms: Vec<i64>,
    /// When the last one ended, in ms since 1970 UTC.
    pub ended_ms: i64,
}

impl DrainHistory {
    /// The longest time from one drain to the next, or none if there was only one.
    pub(crate) fn every(&self) -> Option<Duration> {
        let gaps = self.began_ms.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().map(|gap| Duration::from_millis(u64::try_from(gap).unwrap_or(0)))
    }

    /// How long after the end of the last drain the next one is not yet overdue.
    pub(super) fn wait_max(&self) -> Duration {
        let wait = self.every().map(|every| every * 3 / 2 + Duration::from_secs(60));
        wait.unwrap_or(SECOND_WITHIN).min(WAIT_MAX)
    }

    /// The history in this file, or none if no drain has ended yet.
    pub(super) fn read(path: &Path) -> Option<DrainHistory> {
        let history: DrainHistory = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (!history.began_ms.is_empty()).then_some(history)
    }

    /// Adds a drain that has ended to the file. Both times are in ms since 1970 UTC. If the file cannot be written,
    /// `status` misses a worker: better a false alarm than none.
    pub(crate) fn record(path: &Path, began_ms: i64, ended_ms: i64) {
        let mut history = DrainHistory::read(path).unwrap_or_default();
        history.began_ms.push(began_ms);
        history.began_ms.sort_unstable();
        let surplus = history.began_ms.len().saturating_sub(REMEMBERED);
        history.began_ms.drain(..surplus);
        history.ended_ms = ended_ms;
        let text = serde_json::to_vec(&history).expect("numbers can be written as JSON");
        let unborn = path.with_extension(format!("{}.new", std::process::id()));
        if fs::write(&unborn, text).and_then(|()| fs::rename(&unborn, path)).is_err() {
            let _ = fs::remove_file(&unborn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rhythm_is_that_of_the_last_drains() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drains.json");
        assert_eq!(DrainHistory::read(&path), None);
        DrainHistory::record(&path, 1_000_000, 1_001_000);
        let first = DrainHistory::read(&path).unwrap();
        assert_eq!((first.every(), first.wait_max()), (None, SECOND_WITHIN));
        for number in 1..20 {
            let began_ms = 1_000_000 + number * 900_000;
            DrainHistory::record(&path, began_ms, began_ms + 5_000);
        }
        let drains = DrainHistory::read(&path).unwrap();
        assert_eq!(drains.every(), Some(Duration::from_secs(900)));
        assert_eq!(drains.wait_max(), Duration::from_secs(1_350 + 60));
        assert_eq!((drains.began_ms.len(), drains.ended_ms), (REMEMBERED, 1_000_000 + 19 * 900_000 + 5_000));
        // One by hand, a month later.
        DrainHistory::record(&path, 3_000_000_000, 3_000_000_000);
        assert_eq!(DrainHistory::read(&path).unwrap().wait_max(), WAIT_MAX);
    }

    #[test]
    fn what_is_no_note_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drains.json");
        for text in ["", "{", "[]", r#"{"began_ms":[],"ended_ms":5}"#] {
            fs::write(&path, text).unwrap();
            assert_eq!(DrainHistory::read(&path), None, "{text}");
        }
    }
}
