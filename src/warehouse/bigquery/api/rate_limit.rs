//! How fast requests may follow each other, how many may be under way, and waiting that can be cut short.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The rate never falls below this, so that it can be seen when the limit is over.
const RATE_MIN: f64 = 1.0;
/// Several workers are told of the same excess at once; it halves the rate once.
const HALVE_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// From the lowest rate back to the full one.
const RECOVERY: Duration = Duration::from_secs(60);
/// Requests not made in this time may be made at once.
const BURST: Duration = Duration::from_millis(250);

/// One adaptive limit of requests per second for the project, shared by the workers alive on the spool.
pub(in crate::warehouse::bigquery) struct Pace {
    /// `None`: no limit.
    limit: Option<f64>,
    workers: AtomicU32,
    state: Mutex<State>,
}

struct State {
    rate: f64,
    /// When the rate was last brought up to date.
    at: Instant,
    halved: Option<Instant>,
    next: Instant,
}

impl Pace {
    /// `limit`: requests per second of the whole project.
    pub(in crate::warehouse::bigquery) fn new(limit: Option<f64>) -> Pace {
        let now = Instant::now();
        let state = State { rate: limit.unwrap_or(0.0), at: now, halved: None, next: now };
        Pace { limit, workers: AtomicU32::new(1), state: Mutex::new(state) }
    }

    pub(in crate::warehouse::bigquery) fn workers(&self) -> u32 {
        self.workers.load(Ordering::Relaxed)
    }

    pub(in crate::warehouse::bigquery) fn set_workers(&self, workers: u32) {
        self.workers.store(workers.max(1), Ordering::Relaxed);
    }

    fn state(&self, limit: f64, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.at).as_secs_f64();
        state.rate = (state.rate + passed * limit / RECOVERY.as_secs_f64()).min(limit);
        state.at = now;
        state
    }

    /// Requests a second that this worker may make now.
    pub(in crate::warehouse::bigquery) fn rate(&self) -> Option<f64> {
        let rate = self.state(self.limit?, Instant::now()).rate;
        Some(rate / f64::from(self.workers()))
    }

    /// Takes the next place in the line, and says how long to wait for it from now on.
    pub(in crate::warehouse::bigquery) fn reserve(&self, now: Instant) -> Duration {
        let Some(limit) = self.limit else { return Duration::ZERO };
        let mut state = self.state(limit, now);
        let rate = state.rate / f64::from(self.workers());
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let place = state.next.max(earliest);
        state.next = place + Duration::from_secs_f64(1.0 / rate);
        place.saturating_duration_since(now)
    }

    /// The project was told that it sends too much. Gives the new rate, in requests per second.
    pub(in crate::warehouse::bigquery) fn slow_down(&self, now: Instant) -> Option<f64> {
        let limit = self.limit?;
        let mut state = self.state(limit, now);
        if state.halved.is_none_or(|at| now.saturating_duration_since(at) >= HALVE_AT_MOST_EVERY) {
            state.rate = (state.rate / 2.0).max(RATE_MIN);
            state.halved = Some(now);
        }
        Some(state.rate)
    }
}

/// Waits that end early when the program is to stop.
#[derive(Default)]
pub(in crate::warehouse::bigquery) struct Waits {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Waits {
    /// Ends all waits, now and from now on.
    pub(in crate::warehouse::bigquery) fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    pub(in crate::warehouse::bigquery) fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits. False: it was cut short.
    pub(in crate::warehouse::bigquery) fn wait(&self, delay: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) = self
            .changed
            .wait_timeout_while(stopped, delay, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        !*stopped
    }
}

/// At most so many requests under way at once.
pub(in crate::warehouse::bigquery) struct InFlight {
    free: Mutex<usize>,
    changed: Condvar,
}

impl InFlight {
    pub(in crate::warehouse::bigquery) fn new(max: usize) -> InFlight {
        InFlight { free: Mutex::new(max.max(1)), changed: Condvar::new() }
    }

    pub(in crate::warehouse::bigquery) fn enter(&self) -> Permit<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            self.changed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Permit(self)
    }
}

pub(in crate::warehouse::bigquery) struct Permit<'a>(&'a InFlight);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long the last of `count` waits whose places are taken at once, ten seconds after the start.
    fn last_wait(pace: &Pace, start: Instant, count: u32) -> f64 {
        let now = start + Duration::from_secs(10);
        (0..count).map(|_| pace.reserve(now)).last().unwrap().as_secs_f64()
    }

    #[test]
    fn the_rate_is_shared_by_the_workers_and_halved_once_for_one_excess() {
        let is_about = |seconds: f64, wanted: f64| assert!((seconds - wanted).abs() < 0.001, "{seconds}");
        let pace = || Pace::new(Some(90.0));
        let (alone, shared, slowed) = (pace(), pace(), pace());
        let start = Instant::now();
        let burst = BURST.as_secs_f64();
        is_about(last_wait(&alone, start, 100), 99.0 / 90.0 - burst);
        shared.set_workers(3);
        is_about(last_wait(&shared, start, 100), 99.0 / 30.0 - burst);
        for _ in 0..8 {
            is_about(slowed.slow_down(start).unwrap(), 45.0);
        }
        is_about(slowed.slow_down(start + HALVE_AT_MOST_EVERY).unwrap(), (45.0 + 90.0 / 60.0) / 2.0);
        assert_eq!(last_wait(&Pace::new(None), start, 1000), 0.0);
    }

    #[test]
    fn a_wait_is_cut_short_by_a_stop() {
        let waits = Waits::default();
        assert!(waits.wait(Duration::from_millis(1)));
        waits.stop();
        assert!(!waits.wait(Duration::from_secs(3600)));
    }
}
