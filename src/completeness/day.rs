//! Counts the messages of one dataset's day by where they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::catalog::minute_of_message_id;

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameState {
    /// All of its rows are in the warehouse.
    Here,
    /// It is in `incoming`, or a worker has claimed it.
    Waiting,
    /// It is in `dead`, or some of its rows are.
    Dead,
}

/// How many messages of a dataset's day are where. The day is one of UTC, by the minute in the message's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayVerdict {
    /// The catalog's name of the dataset.
    pub dataset: String,
    /// The day.
    pub day: Date,
    /// How many messages the archive has, as far as they are judged.
    pub sent: u64,
    /// How many of them are in the warehouse.
    pub here: u64,
    /// How many of them wait in the spool.
    pub waiting: u64,
    /// How many of them are dead, whole or in part.
    pub dead: u64,
    /// How many of them are nowhere.
    pub missing: u64,
    /// The names of the missing ones, sorted.
    pub missing_ids: Vec<String>,
    /// How many messages are in the warehouse or dead, but not in the archive. The archive is some minutes late.
    pub unsent: u64,
}

impl DayVerdict {
    /// A day of which all messages are here.
    pub fn complete(dataset: &str, day: Date, sent: u64, unsent: u64) -> DayVerdict {
        DayVerdict {
            dataset: dataset.to_owned(),
            day,
            sent,
            here: sent,
            waiting: 0,
            dead: 0,
            missing: 0,
            missing_ids: Vec::new(),
            unsent,
        }
    }

    /// Compares the names that were sent with those that are known here, and returns how many more it did not judge
    /// because the ledger may have forgotten them.
    ///
    /// A message that was sent after `until` is not judged. Neither is one that was sent before `since` and is not
    /// known here.
    pub fn of<'n>(
        dataset: &str,
        day: Date,
        sent: impl IntoIterator<Item = &'n str>,
        known: &BTreeMap<String, NameState>,
        since: Option<Timestamp>,
        until: Timestamp,
    ) -> (DayVerdict, u64) {
        let mut verdict = DayVerdict::complete(dataset, day, 0, 0);
        let (mut settled_and_sent, mut forgotten) = (0, 0);
        for name in sent {
            let state = known.get(name);
            settled_and_sent += u64::from(state.is_some_and(|state| *state != NameState::Waiting));
            let minute = minute_of_message_id(name);
            if minute.is_some_and(|minute| minute > until) {
                continue;
            }
            match state {
                Some(NameState::Here) => verdict.here += 1,
                Some(NameState::Waiting) => verdict.waiting += 1,
                Some(NameState::Dead) => verdict.dead += 1,
                None if minute.zip(since).is_some_and(|(minute, since)| minute < since) => {
                    forgotten += 1;
                    continue;
                }
                None => {
                    verdict.missing += 1;
                    verdict.missing_ids.push(name.to_owned());
                }
            }
            verdict.sent += 1;
        }
        let settled = known.values().filter(|state| **state != NameState::Waiting).count() as u64;
        verdict.unsent = settled - settled_and_sent;
        (verdict, forgotten)
    }

    /// Whether nothing is missing or dead.
    pub fn is_complete(&self) -> bool {
        self.missing == 0 && self.dead == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_counted_where_it_is() {
        let day = jiff::civil::date(2025, 10, 28);
        let name = |minute: u32| format!("FREQ_2025102812{minute:02}_00001.json");
        let sent: Vec<String> = (0..7).map(name).collect();
        let known = BTreeMap::from([
            (name(1), NameState::Here),
            (name(2), NameState::Waiting),
            (name(3), NameState::Dead),
            (name(6), NameState::Here),
            (name(9), NameState::Here),
        ]);
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let (since, until) = (time("2025-10-28T12:00:30Z"), time("2025-10-28T12:04:30Z"));
        let sent = sent.iter().map(String::as_str);
        let (verdict, forgotten) = DayVerdict::of("FREQ", day, sent, &known, Some(since), until);
        assert_eq!((verdict.sent, verdict.here, verdict.waiting, verdict.dead), (4, 1, 1, 1));
        assert_eq!((verdict.missing, verdict.missing_ids.as_slice()), (1, &[name(4)][..]));
        assert_eq!((verdict.unsent, forgotten), (1, 1));
        assert!(!verdict.is_complete());
    }
}
