//! The rows of one dataset.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rhythm::Rhythm;

/// The rows of one dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DatasetFlow {
    /// When the last row arrived, in ms since 1970 UTC.
    pub last_row_ms: Option<i64>,
    /// Rows that arrived in the last hour.
    pub rows_hour: u64,
    /// Rows that arrived in the last 24 hours.
    pub rows_day: u64,
    /// How often rows usually arrive, or none without enough history.
    pub rhythm: Option<Rhythm>,
    /// The minutes since 1970 UTC in which rows arrived, in the 24 hours before the last row, in ascending order.
    #[serde(skip)]
    pub(in crate::health) minutes: Vec<i64>,
}

impl DatasetFlow {
    /// Sets the rhythm from the minutes, which must be in ascending order.
    pub(super) fn set_rhythm(&mut self) {
        self.rhythm = Rhythm::of(&self.minutes);
    }
}

/// The rhythm of all datasets together, in the 24 hours before the last row of any.
pub(in crate::health) fn rhythm_of_all(flows: &BTreeMap<String, DatasetFlow>) -> Option<Rhythm> {
    let mut minutes: Vec<i64> = flows.values().flat_map(|flow| flow.minutes.iter().copied()).collect();
    minutes.sort_unstable();
    minutes.dedup();
    let last = *minutes.last()?;
    minutes.retain(|minute| last - minute <= 24 * 60);
    Rhythm::of(&minutes)
}
