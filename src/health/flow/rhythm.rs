//! How often rows usually arrive.

use std::time::Duration;

use serde::Serialize;

/// Fewer gaps than this are no rhythm.
const GAPS_MIN: usize = 10;

/// A silence is too long when it is this many times the usual gap.
const USUAL_TIMES: u32 = 3;

/// How often rows arrived in the 24 hours before the last row. Rows within one minute count as one arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rhythm {
    /// The median gap between two arrivals, in seconds.
    pub usual_gap_s: u64,
    /// The longest gap between two arrivals, in seconds.
    pub longest_gap_s: u64,
}

impl Rhythm {
    /// The rhythm of arrivals in these minutes, which are in ascending order. None if there are too few.
    pub(super) fn of(minutes: &[i64]) -> Option<Rhythm> {
        let mut gaps: Vec<u64> =
            minutes.windows(2).map(|pair| (pair[1] - pair[0]).unsigned_abs() * 60).collect();
        gaps.sort_unstable();
        (gaps.len() >= GAPS_MIN)
            .then(|| Rhythm { usual_gap_s: gaps[gaps.len() / 2], longest_gap_s: gaps[gaps.len() - 1] })
    }

    /// The longest silence that is normal: three usual gaps, or the longest gap of the day, for a dataset that rests at
    /// night.
    pub(crate) fn silence(&self) -> Duration {
        self.silence_of_all().max(Duration::from_secs(self.longest_gap_s))
    }

    /// The longest silence that is normal for all datasets together, which never rest: three usual gaps.
    pub(crate) fn silence_of_all(&self) -> Duration {
        Duration::from_secs(self.usual_gap_s) * USUAL_TIMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_history_is_no_rhythm() {
        let minutes: Vec<i64> = (0..10).collect();
        assert_eq!(Rhythm::of(&minutes), None);
        assert_eq!(Rhythm::of(&[]), None);
    }

    #[test]
    fn bursts_half_an_hour_apart_may_be_silent_for_an_hour_and_a_half() {
        let minutes: Vec<i64> = (0..48).map(|half_hour| half_hour * 30).collect();
        let rhythm = Rhythm::of(&minutes).unwrap();
        assert_eq!(rhythm, Rhythm { usual_gap_s: 1_800, longest_gap_s: 1_800 });
        assert_eq!(rhythm.silence(), Duration::from_secs(5_400));
    }

    #[test]
    fn a_dataset_that_rests_at_night_may() {
        let minutes: Vec<i64> = (0..120).chain(720..900).collect();
        let rhythm = Rhythm::of(&minutes).unwrap();
        assert_eq!((rhythm.silence().as_secs(), rhythm.silence_of_all().as_secs()), (601 * 60, 180));
    }
}
