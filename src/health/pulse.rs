//! Whether the coordinator goes its rounds. When it went its last one is published as a time of day; but the clock of the
//! day may be set, and a clock that was set back would hide for as long that it hangs. So what counts is when that time
//! was seen to change.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::pipeline::Figures;

/// A worker that has gone no round for so long hangs.
const ROUND_AGE_MAX: Duration = Duration::from_secs(60);

/// Watches one worker's rounds. To be asked now and then: what happened between two questions is seen at the second.
#[derive(Debug)]
pub struct Pulse(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    /// As the coordinator published it.
    turned_ms: i64,
    at: Instant,
}

impl Default for Pulse {
    /// Before the first round it counts from now.
    fn default() -> Pulse {
        Pulse(Mutex::new(Seen { turned_ms: 0, at: Instant::now() }))
    }
}

impl Pulse {
    /// For how long it has gone no round, where that is too long. One that waits for its warehouse does not hang: to be
    /// started anew would not help it.
    pub fn hangs_for(&self, figures: &Figures) -> Option<Duration> {
        let lasted = self.lasted(figures.turned_at_ms(), Instant::now());
        if figures.waiting().is_some() {
            return None;
        }
        Some(lasted).filter(|lasted| *lasted > ROUND_AGE_MAX)
    }

    /// For how long it has been this round.
    fn lasted(&self, turned_ms: i64, now: Instant) -> Duration {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.turned_ms != turned_ms {
            *seen = Seen { turned_ms, at: now };
        }
        now.saturating_duration_since(seen.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_neither_hides_nor_makes_a_hang() {
        let pulse = Pulse::default();
        let began = Instant::now();
        let at = |s| began + Duration::from_secs(s);
        assert_eq!(pulse.lasted(1_000_000, at(10)), Duration::ZERO);
        assert_eq!(
            pulse.lasted(1_000_000, at(71)),
            Duration::from_secs(61),
            "whatever the clock says meanwhile"
        );
        assert_eq!(pulse.lasted(5_000, at(72)), Duration::ZERO, "a round after the clock was set back");
        assert_eq!(pulse.lasted(9_000_000, at(73)), Duration::ZERO, "a round after it was set forward");
        assert_eq!(pulse.lasted(9_000_000, at(74)), Duration::from_secs(1));
    }
}
