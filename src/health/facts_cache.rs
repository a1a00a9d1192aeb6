//! The facts that one thread of a worker collected, for the others.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::facts::Facts;
use crate::locks::Unpoisoned;

/// How old the facts may be when a thread asks for them.
const AGE_MAX: Duration = Duration::from_secs(5);

/// How many times as long as collecting the facts took a process pauses before it collects them again.
pub(super) const PAUSE_FACTOR: u32 = 20;

/// How old the facts may be while another thread collects new ones.
const STALE_AGE_MAX: Duration = Duration::from_secs(60);

/// How long a thread waits for the facts that another one is collecting.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The facts that were collected last. One thread collects at a time, and the others do not wait for it for long.
#[derive(Debug, Default)]
pub(crate) struct FactsCache {
    state: Mutex<CacheState>,
    collected: Condvar,
}

#[derive(Debug, Default)]
struct CacheState {
    last: Option<CachedFacts>,
    is_collecting: bool,
}

#[derive(Debug)]
struct CachedFacts {
    at: Instant,
    took: Duration,
    facts: Arc<Facts>,
}

impl FactsCache {
    /// The last facts, or new ones if they are too old. None if collecting takes too long, because a disk hangs.
    pub(super) fn get(&self, collect: impl FnOnce() -> Facts) -> Option<Arc<Facts>> {
        let until = Instant::now() + WAIT_MAX;
        let mut state = self.locked();
        loop {
            let age_max = if state.is_collecting { STALE_AGE_MAX } else { Duration::ZERO };
            if let Some(last) = &state.last
                && last.at.elapsed() < age_max.max(AGE_MAX).max(last.took * PAUSE_FACTOR)
            {
                return Some(Arc::clone(&last.facts));
            }
            if !state.is_collecting {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.collected.wait_timeout(state, left).unpoisoned().0;
        }
        state.is_collecting = true;
        drop(state);
        let began = Instant::now();
        let facts = Arc::new(collect());
        self.locked().is_collecting = false;
        self.put(Arc::clone(&facts), began.elapsed());
        Some(facts)
    }

    /// Stores facts that a thread collected for itself. `took`: how long that took.
    pub(super) fn put(&self, facts: Arc<Facts>, took: Duration) {
        self.locked().last = Some(CachedFacts { at: Instant::now(), took, facts });
        self.collected.notify_all();
    }

    fn locked(&self) -> MutexGuard<'_, CacheState> {
        self.state.lock().unpoisoned()
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
    fn one_thread_collects_and_the_others_get_its_facts_or_the_last_ones() {
        let cache = FactsCache::default();
        cache.put(Arc::new(facts(1)), Duration::ZERO);
        assert_eq!(cache.get(|| unreachable!("the facts are new")).unwrap().at_ms, 1);
        cache.locked().last.as_mut().unwrap().at -= AGE_MAX;
        let (finish, finished) = channel::<()>();
        thread::scope(|scope| {
            let (began, has_begun) = channel();
            let cache = &cache;
            let collector = scope.spawn(move || {
                cache.get(|| {
                    began.send(()).unwrap();
                    finished.recv().unwrap();
                    facts(2)
                })
            });
            has_begun.recv().unwrap();
            assert_eq!(cache.get(|| unreachable!("another thread collects")).unwrap().at_ms, 1);
            cache.locked().last = None;
            let waiter = scope.spawn(|| cache.get(|| unreachable!("another thread collects")));
            finish.send(()).unwrap();
            assert_eq!(collector.join().unwrap().unwrap().at_ms, 2);
            assert_eq!(waiter.join().unwrap().unwrap().at_ms, 2);
        });
    }

    #[test]
    fn facts_that_take_long_are_collected_less_often() {
        let cache = FactsCache::default();
        cache.put(Arc::new(facts(1)), AGE_MAX);
        cache.locked().last.as_mut().unwrap().at -= AGE_MAX * 19;
        assert_eq!(cache.get(|| unreachable!("it would collect all the time")).unwrap().at_ms, 1);
        cache.locked().last.as_mut().unwrap().at -= AGE_MAX;
        assert_eq!(cache.get(|| facts(2)).unwrap().at_ms, 2);
    }
}
