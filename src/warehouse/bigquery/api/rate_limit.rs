//! The limit of requests per second.

use crate::locks::Unpoisoned;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The lowest rate, in requests per second. Some requests must go on, to show when BigQuery takes more again.
const RATE_MIN: f64 = 1.0;
/// BigQuery refuses several requests for one excess. They halve the rate once.
const HALVE_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// How long the rate takes to grow from nothing to the full rate.
const RECOVERY: Duration = Duration::from_secs(60);
/// After a quiet time, the requests of this much time may go out at once.
const BURST: Duration = Duration::from_millis(250);

/// A limit of requests per second for the whole project. The workers on the spool share it equally. It falls when
/// BigQuery asks for fewer requests, and recovers by itself.
pub(crate) struct RateLimit {
    /// In requests per second; `None`: no limit.
    limit: Option<f64>,
    workers: AtomicU32,
    current: Mutex<CurrentRate>,
}

struct CurrentRate {
    /// In requests per second, for all workers together.
    rate: f64,
    /// When `rate` was last brought up to date.
    at: Instant,
    /// When the rate was last halved.
    halved: Option<Instant>,
    /// When the next request may go out.
    next: Instant,
}

impl RateLimit {
    /// `limit`: requests per second of the whole project.
    pub(crate) fn new(limit: Option<f64>) -> RateLimit {
        let now = Instant::now();
        let current = CurrentRate { rate: limit.unwrap_or(0.0), at: now, halved: None, next: now };
        RateLimit { limit, workers: AtomicU32::new(1), current: Mutex::new(current) }
    }

    /// How many workers share the limit.
    pub(crate) fn workers(&self) -> u32 {
        self.workers.load(Ordering::Relaxed)
    }

    /// Says how many workers share the limit.
    pub(crate) fn set_workers(&self, workers: u32) {
        self.workers.store(workers.max(1), Ordering::Relaxed);
    }

    /// The rate as it is now, grown since it was last looked at.
    fn current(&self, limit: f64, now: Instant) -> MutexGuard<'_, CurrentRate> {
        let mut current = self.current.lock().unpoisoned();
        let passed = now.saturating_duration_since(current.at).as_secs_f64();
        current.rate = (current.rate + passed * limit / RECOVERY.as_secs_f64()).min(limit);
        current.at = now;
        current
    }

    /// The requests per second that this worker may make now.
    pub(crate) fn rate(&self) -> Option<f64> {
        let rate = self.current(self.limit?, Instant::now()).rate;
        Some(rate / f64::from(self.workers()))
    }

    /// Reserves the next slot for a request, and says how long to wait for it.
    pub(super) fn reserve(&self, now: Instant) -> Duration {
        let Some(limit) = self.limit else { return Duration::ZERO };
        let mut current = self.current(limit, now);
        let rate = current.rate / f64::from(self.workers());
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let slot = current.next.max(earliest);
        current.next = slot + Duration::from_secs_f64(1.0 / rate);
        slot.saturating_duration_since(now)
    }

    /// Halves the rate, because BigQuery says that the project sends too much. Returns the new rate of the whole
    /// project, in requests per second.
    pub(crate) fn slow_down(&self, now: Instant) -> Option<f64> {
        let mut current = self.current(self.limit?, now);
        if current.halved.is_none_or(|at| now.saturating_duration_since(at) >= HALVE_AT_MOST_EVERY) {
            current.rate = (current.rate / 2.0).max(RATE_MIN);
            current.halved = Some(now);
        }
        Some(current.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last of `count` waits that are reserved at once, ten seconds after the start.
    fn last_wait(limit: &RateLimit, start: Instant, count: u32) -> f64 {
        let now = start + Duration::from_secs(10);
        (0..count).map(|_| limit.reserve(now)).last().unwrap().as_secs_f64()
    }

    #[test]
    fn the_rate_is_shared_by_the_workers_and_halved_once_for_one_excess() {
        let is_about = |seconds: f64, wanted: f64| assert!((seconds - wanted).abs() < 0.001, "{seconds}");
        let limit = || RateLimit::new(Some(90.0));
        let (alone, shared, slowed) = (limit(), limit(), limit());
        let start = Instant::now();
        let burst = BURST.as_secs_f64();
        is_about(last_wait(&alone, start, 100), 99.0 / 90.0 - burst);
        shared.set_workers(3);
        is_about(last_wait(&shared, start, 100), 99.0 / 30.0 - burst);
        for _ in 0..8 {
            is_about(slowed.slow_down(start).unwrap(), 45.0);
        }
        is_about(slowed.slow_down(start + HALVE_AT_MOST_EVERY).unwrap(), (45.0 + 90.0 / 60.0) / 2.0);
        assert_eq!(last_wait(&RateLimit::new(None), start, 1000), 0.0);
    }
}
