//! Notices a coordinator that makes no rounds.
//!
//! The coordinator publishes the time of day of its last round. Somebody may set the clock back, and then that time
//! looks recent although the coordinator hangs. So what counts is when this process saw the time change.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::locks::Unpoisoned;
use crate::pipeline::Figures;

/// A worker that has made no round for this long hangs.
const ROUND_AGE_MAX: Duration = Duration::from_secs(60);

/// Watches the rounds of one worker. Ask it every few seconds, as it notices a new round only when it is asked.
#[derive(Debug)]
pub(crate) struct HangDetector(Mutex<LastRound>);

#[derive(Debug)]
struct LastRound {
    /// When the round was, as the coordinator published it, in ms since 1970 UTC.
    turned_ms: i64,
    seen_at: Instant,
}

impl Default for HangDetector {
    /// A detector that counts from now until the first round.
    fn default() -> HangDetector {
        HangDetector(Mutex::new(LastRound { turned_ms: 0, seen_at: Instant::now() }))
    }
}

impl HangDetector {
    /// For how long the worker has made no round, if that is so long that it hangs. A worker that waits for its
    /// warehouse does not hang, as a restart would not help it.
    pub(crate) fn hangs_for(&self, figures: &Figures) -> Option<Duration> {
        let lasted = self.lasted(figures.turned_at_ms(), Instant::now());
        if figures.waiting().is_some() {
            return None;
        }
        Some(lasted).filter(|lasted| *lasted > ROUND_AGE_MAX)
    }

    fn lasted(&self, turned_ms: i64, now: Instant) -> Duration {
        let mut last = self.0.lock().unpoisoned();
        if last.turned_ms != turned_ms {
            *last = LastRound { turned_ms, seen_at: now };
        }
        now.saturating_duration_since(last.seen_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_neither_hides_nor_makes_a_hang() {
        let detector = HangDetector::default();
        let began = Instant::now();
        let at = |s| began + Duration::from_secs(s);
        assert_eq!(detector.lasted(1_000_000, at(10)), Duration::ZERO);
        assert_eq!(
            detector.lasted(1_000_000, at(71)),
            Duration::from_secs(61),
            "whatever the clock says meanwhile"
        );
        assert_eq!(detector.lasted(5_000, at(72)), Duration::ZERO, "a round after the clock was set back");
        assert_eq!(detector.lasted(9_000_000, at(73)), Duration::ZERO, "a round after it was set forward");
        assert_eq!(detector.lasted(9_000_000, at(74)), Duration::from_secs(1));
    }
}
