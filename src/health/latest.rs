//! The last look of a worker's process: what one thread looked up others need not look up again.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Facts;

/// Facts are looked up again after so long, however often somebody asks.
const AGE_MAX: Duration = Duration::from_secs(5);

/// Of its time a process looks at most one part in so many, however long a look takes.
pub(super) const PAUSE: u32 = 20;

/// While a look lasts, the last facts will do for so long.
const STALE_AGE: Duration = Duration::from_secs(60);

/// Who can't have the last facts waits so long for new ones.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was looked up last. One thread looks at a time, and no other waits for it for long.
#[derive(Debug, Default)]
pub struct Latest {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Look>,
    /// Somebody looks.
    is_under_way: bool,
}

#[derive(Debug)]
struct Look {
    at: Instant,
    took: Duration,
    facts: Arc<Facts>,
}

impl Latest {
    /// The last facts; where they are too old, new ones. None where a look takes too long: a disk hangs.
    pub(super) fn get(&self, look: impl FnOnce() -> Facts) -> Option<Arc<Facts>> {
        let until = Instant::now() + PATIENCE;
        let mut state = self.locked();
        loop {
            let age_max = if state.is_under_way { STALE_AGE } else { Duration::ZERO };
            if let Some(last) = &state.last
                && last.at.elapsed() < age_max.max(AGE_MAX).max(last.took * PAUSE)
            {
                return Some(Arc::clone(&last.facts));
            }
            if !state.is_under_way {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_under_way = true;
        drop(state);
        let began = Instant::now();
        let facts = Arc::new(look());
        self.locked().is_under_way = false;
        self.put(Arc::clone(&facts), began.elapsed());
        Some(facts)
    }

    /// What somebody looked up for himself, and how long that took.
    pub(super) fn put(&self, facts: Arc<Facts>, took: Duration) {
        self.locked().last = Some(Look { at: Instant::now(), took, facts });
        self.ended.notify_all();
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    fn facts(at_ms: i64) -> Facts {
        Facts { at_ms, ..Facts::default() }
    }

    #[test]
    fn one_looks_and_the_others_have_what_it_saw_or_what_was_seen_last() {
        let latest = Latest::default();
        latest.put(Arc::new(facts(1)), Duration::ZERO);
        assert_eq!(latest.get(|| unreachable!("they are new")).unwrap().at_ms, 1);
        latest.locked().last.as_mut().unwrap().at -= AGE_MAX;
        let (finish, finished) = channel::<()>();
        thread::scope(|scope| {
            let (began, has_begun) = channel();
            let latest = &latest;
            let looker = scope.spawn(move || {
                latest.get(|| {
                    began.send(()).unwrap();
                    finished.recv().unwrap();
                    facts(2)
                })
            });
            has_begun.recv().unwrap();
            assert_eq!(latest.get(|| unreachable!("somebody looks")).unwrap().at_ms, 1);
            latest.locked().last = None;
            let waiter = scope.spawn(|| latest.get(|| unreachable!("somebody looks")));
            finish.send(()).unwrap();
            assert_eq!(looker.join().unwrap().unwrap().at_ms, 2);
            assert_eq!(waiter.join().unwrap().unwrap().at_ms, 2);
        });
    }

    #[test]
    fn what_takes_long_is_looked_up_less_often() {
        let latest = Latest::default();
        latest.put(Arc::new(facts(1)), AGE_MAX);
        latest.locked().last.as_mut().unwrap().at -= AGE_MAX * 19;
        assert_eq!(latest.get(|| unreachable!("it would look all the time")).unwrap().at_ms, 1);
        latest.locked().last.as_mut().unwrap().at -= AGE_MAX;
        assert_eq!(latest.get(|| facts(2)).unwrap().at_ms, 2);
    }
}
