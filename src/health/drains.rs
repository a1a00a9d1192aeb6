//! When drains (`run --once`) ended, in a file in the spool: where cron makes them one after the other, no worker is alive
//! most of the time, and all is well.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// So many are remembered.
const REMEMBERED: usize = 8;

/// After the first one, the next may take so long.
const SECOND_WITHIN: Duration = Duration::from_secs(900);

/// What comes less often than once a day is no rhythm that anybody can rely on.
const PATIENCE_MAX: Duration = Duration::from_secs(26 * 3600);

/// The last drains of a spool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drains {
    /// When they began, in ms since 1970 UTC, the last one last.
    pub began_ms: Vec<i64>,
    /// When the last one ended.
    pub ended_ms: i64,
}

impl Drains {
    /// The longest time from one to the next; none where there was only one.
    pub fn every(&self) -> Option<Duration> {
        let gaps = self.began_ms.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().map(|gap| Duration::from_millis(u64::try_from(gap).unwrap_or(0)))
    }

    /// For how long after the end of one it is no wonder that there was no other.
    pub(super) fn patience(&self) -> Duration {
        let patience = self.every().map(|every| every * 3 / 2 + Duration::from_secs(60));
        patience.unwrap_or(SECOND_WITHIN).min(PATIENCE_MAX)
    }
}

/// None where none has ended yet.
pub(super) fn read(path: &Path) -> Option<Drains> {
    let drains: Drains = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (!drains.began_ms.is_empty()).then_some(drains)
}

/// One has ended. Where that can't be written, `status` asks for a worker: too loud rather than too quiet.
pub fn note(path: &Path, began_ms: i64, ended_ms: i64) {
    let mut drains = read(path).unwrap_or_default();
    drains.began_ms.push(began_ms);
    drains.began_ms.sort_unstable();
    let surplus = drains.began_ms.len().saturating_sub(REMEMBERED);
    drains.began_ms.drain(..surplus);
    drains.ended_ms = ended_ms;
    let text = serde_json::to_vec(&drains).expect("numbers can be written as JSON");
    let unborn = path.with_extension(format!("{}.new", std::process::id()));
    if fs::write(&unborn, text).and_then(|()| fs::rename(&unborn, path)).is_err() {
        let _ = fs::remove_file(&unborn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rhythm_is_that_of_the_last_drains() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drains.json");
        assert_eq!(read(&path), None);
        note(&path, 1_000_000, 1_001_000);
        let first = read(&path).unwrap();
        assert_eq!((first.every(), first.patience()), (None, SECOND_WITHIN));
        for number in 1..20 {
            let began_ms = 1_000_000 + number * 900_000;
            note(&path, began_ms, began_ms + 5_000);
        }
        let drains = read(&path).unwrap();
        assert_eq!(drains.every(), Some(Duration::from_secs(900)));
        assert_eq!(drains.patience(), Duration::from_secs(1_350 + 60));
        assert_eq!((drains.began_ms.len(), drains.ended_ms), (REMEMBERED, 1_000_000 + 19 * 900_000 + 5_000));
        // One by hand, a month later.
        note(&path, 3_000_000_000, 3_000_000_000);
        assert_eq!(read(&path).unwrap().patience(), PATIENCE_MAX);
    }

    #[test]
    fn what_is_no_note_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drains.json");
        for text in ["", "{", "[]", r#"{"began_ms":[],"ended_ms":5}"#] {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path), None, "{text}");
        }
    }
}
