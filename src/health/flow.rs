//! What the ledger says: when rows came, how many, and how often they usually come.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::warehouse::sqlite::Reader;
use crate::warehouse::{Answer, Query, QueryError, Value};

const DATASETS_SQL: &str = include_str!("../../sql/sqlite/health/datasets.sql");
const RHYTHM_SQL: &str = include_str!("../../sql/sqlite/health/rhythm.sql");
const LEDGER_SQL: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'irispool_load_history'";

/// With fewer gaps than this nothing is known about a rhythm.
const GAPS_MIN: usize = 10;

/// A silence is too long when it is so many times the usual one.
const USUAL_TIMES: u32 = 3;

/// The rows of one dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// When the last one came, in ms since 1970 UTC.
    pub last_row_ms: Option<i64>,
    pub rows_hour: u64,
    pub rows_day: u64,
    /// None without enough history.
    pub rhythm: Option<Rhythm>,
    /// The minutes since 1970 UTC in which rows came, in the day before the last one.
    #[serde(skip)]
    minutes: Vec<i64>,
}

/// How often rows came in the day before the last one. What came within a minute came together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rhythm {
    /// The median.
    pub usual_gap_s: u64,
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

/// Asks a database that may be so new that it has no ledger.
pub(super) fn ask(reader: &Reader) -> Result<BTreeMap<String, Flow>, QueryError> {
    let mut ledgers = 0;
    each_row(reader, LEDGER_SQL, |row| ledgers = int(&row[0]))?;
    let mut flows: BTreeMap<String, Flow> = BTreeMap::new();
    if ledgers == 0 {
        return Ok(flows);
    }
    each_row(reader, DATASETS_SQL, |row| {
        let flow = Flow {
            last_row_ms: time(&row[1]),
            rows_hour: int(&row[2]) as u64,
            rows_day: int(&row[3]) as u64,
            ..Flow::default()
        };
        flows.insert(text(&row[0]).to_owned(), flow);
    })?;
    each_row(reader, RHYTHM_SQL, |row| {
        if let Some(flow) = flows.get_mut(text(&row[0])) {
            flow.minutes.push(int(&row[1]));
        }
    })?;
    for flow in flows.values_mut() {
        flow.rhythm = Rhythm::of(&flow.minutes);
    }
    Ok(flows)
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

fn each_row(reader: &Reader, sql: &str, take: impl FnMut(&[Value<'_>])) -> Result<(), QueryError> {
    reader.query(sql, &mut EachRow(take)).map(drop)
}

struct EachRow<F>(F);

impl<F: FnMut(&[Value<'_>])> Answer for EachRow<F> {
    fn columns(&mut self, _: &[String]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<()> {
        (self.0)(values);
        Ok(())
    }
}

fn int(value: &Value<'_>) -> i64 {
    if let Value::Int(value) = value { *value } else { 0 }
}

fn text<'a>(value: &Value<'a>) -> &'a str {
    if let Value::Text(value) = value { value } else { "" }
}

fn time(value: &Value<'_>) -> Option<i64> {
    text(value).parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
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
