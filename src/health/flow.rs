//! When rows of a dataset came, how many, and how often they usually come.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// With fewer gaps than this nothing is known about a rhythm.
const GAPS_MIN: usize = 10;

/// A silence is too long when it is so many times the usual one.
const USUAL_TIMES: u32 = 3;

/// The rows of one dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// When the last one came, in ms since 1970 UTC.
    pub last_row_ms: Option<i64>,
    /// Rows that came in the last hour.
    pub rows_hour: u64,
    /// Rows that came in the last 24 hours.
    pub rows_day: u64,
    /// None without enough history.
    pub rhythm: Option<Rhythm>,
    /// The minutes since 1970 UTC in which rows came, in the day before the last one.
    #[serde(skip)]
    pub(super) minutes: Vec<i64>,
}

impl Flow {
    /// Learns the rhythm from the minutes, which are in order.
    pub(super) fn find_rhythm(&mut self) {
        self.rhythm = Rhythm::of(&self.minutes);
    }
}

/// How often rows came in the day before the last one. What came within a minute came together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rhythm {
    /// The median gap between two, in seconds.
    pub usual_gap_s: u64,
    /// In seconds.
    pub longest_gap_s: u64,
}

impl Rhythm {
    fn of(minutes: &[i64]) -> Option<Rhythm> {
        let mut gaps: Vec<u64> =
            minutes.windows(2).map(|pair| (pair[1] - pair[0]).unsigned_abs() * 60).collect();
        gaps.sort_unstable();
        (gaps.len() >= GAPS_MIN)
            .then(|| Rhythm { usual_gap_s: gaps[gaps.len() / 2], longest_gap_s: gaps[gaps.len() - 1] })
    }

    /// How long a silence is no wonder: some times the usual one, and, for a dataset that rests at night, as long as it
    /// did that day.
    pub fn patience(&self) -> Duration {
        self.patience_of_all().max(Duration::from_secs(self.longest_gap_s))
    }

    /// The same for all datasets together, which never rest.
    pub fn patience_of_all(&self) -> Duration {
        Duration::from_secs(self.usual_gap_s) * USUAL_TIMES
    }
}

/// The rhythm of all datasets together, in the day before the last row of any.
pub(super) fn rhythm_of_all(flows: &BTreeMap<String, Flow>) -> Option<Rhythm> {
    let mut minutes: Vec<i64> = flows.values().flat_map(|flow| flow.minutes.iter().copied()).collect();
    minutes.sort_unstable();
    minutes.dedup();
    let last = *minutes.last()?;
    minutes.retain(|minute| last - minute <= 24 * 60);
    Rhythm::of(&minutes)
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
        assert_eq!(rhythm.patience(), Duration::from_secs(5_400));
    }

    #[test]
    fn a_dataset_that_rests_at_night_may() {
        let minutes: Vec<i64> = (0..120).chain(720..900).collect();
        let rhythm = Rhythm::of(&minutes).unwrap();
        assert_eq!((rhythm.patience().as_secs(), rhythm.patience_of_all().as_secs()), (601 * 60, 180));
    }
}
