//! Whether there is room in `dead`. With more in it than is allowed, nothing more is claimed until a person has retried or
//! dropped some: nothing is thrown away, and a sender of rubbish does not fill the disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::signals::Stop;
use crate::spool::{self, Layout, SpoolError};

/// From so many percent on it is nearly full.
const NEAR_PERCENT: u64 = 90;

/// What other workers bury is found out after so long.
const COUNT_AGE_MAX: Duration = Duration::from_secs(60);

/// Counting may take one part in so many of the time.
const COUNT_SHARE: u32 = 20;

/// How much of the room is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Enough,
    Near,
    Full,
}

/// The room in `dead`, as far as this worker knows: what it counted last, and what it has buried since.
#[derive(Debug, Default)]
pub struct DeadRoom {
    /// Bytes that this worker has buried since it started.
    buried: AtomicU64,
    counted: Mutex<Counted>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    /// None: there is no limit.
    bytes_max: Option<u64>,
    bytes: u64,
    /// `buried` when the counting began: what was buried meanwhile may be in both.
    buried_then: u64,
    at: Option<Instant>,
    took: Duration,
}

impl DeadRoom {
    /// Before this is called there is no limit.
    pub fn limit(&self, bytes_max: Option<u64>) {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).bytes_max = bytes_max;
    }

    pub(crate) fn add_buried(&self, bytes: u64) {
        self.buried.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn room(&self) -> Room {
        let counted = self.counted();
        let Some(bytes_max) = counted.bytes_max else { return Room::Enough };
        let bytes = self.bytes_of(counted);
        if bytes >= bytes_max {
            Room::Full
        } else if bytes >= bytes_max / 100 * NEAR_PERCENT {
            Room::Near
        } else {
            Room::Enough
        }
    }

    /// What `dead` takes of the disk, as far as known.
    pub fn bytes(&self) -> u64 {
        self.bytes_of(self.counted())
    }

    /// Counts what is in `dead`, if it is time: something was buried, or there is little room; or anyhow now and then.
    /// Until `stop`: then what was known stands.
    pub fn count_when_due(&self, layout: &Layout, stop: &Stop) -> Result<(), SpoolError> {
        let counted = self.counted();
        if counted.bytes_max.is_none() {
            return Ok(());
        }
        let due = counted.at.is_none_or(|at| {
            let changed = self.buried.load(Ordering::Relaxed) != counted.buried_then;
            let wait = if changed || self.room() != Room::Enough { Duration::ZERO } else { COUNT_AGE_MAX };
            at.elapsed() >= wait.max(counted.took * COUNT_SHARE)
        });
        if due { self.count(layout, stop) } else { Ok(()) }
    }

    fn count(&self, layout: &Layout, stop: &Stop) -> Result<(), SpoolError> {
        let (began, buried_then) = (Instant::now(), self.buried.load(Ordering::Relaxed));
        let Some(bytes) = spool::dead_bytes(layout, &|| stop.requested())? else { return Ok(()) };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        *counted =
            Counted { bytes, buried_then, at: Some(Instant::now()), took: began.elapsed(), ..*counted };
        Ok(())
    }

    fn counted(&self) -> Counted {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes_of(&self, counted: Counted) -> u64 {
        counted.bytes + self.buried.load(Ordering::Relaxed) - counted.buried_then
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_buried_takes_room_at_once_and_what_is_dropped_gives_it_back_at_the_next_count() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::open(root.path()).unwrap();
        let folder = layout.dead().join("FREQ");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a"), [0; 800]).unwrap();
        std::fs::write(folder.join("a.error.json"), [0; 5_000]).unwrap();
        let room = DeadRoom::default();
        assert_eq!(room.room(), Room::Enough);
        room.limit(Some(100_000));
        room.count_when_due(&layout, &Stop::new()).unwrap();
        let counted = room.bytes();
        assert!((5_800..40_000).contains(&counted), "blocks are counted: {counted}");
        assert_eq!(room.room(), Room::Enough);
        room.add_buried(90_000 - counted);
        assert_eq!(room.room(), Room::Near);
        room.add_buried(10_000);
        assert_eq!((room.room(), room.bytes()), (Room::Full, 100_000));
        room.count(&layout, &Stop::new()).unwrap();
        assert_eq!((room.room(), room.bytes()), (Room::Enough, counted));
    }
}
