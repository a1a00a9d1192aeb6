//! A finding that was seen in some round.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::delays::AlertDelays;
use super::note::AlertNote;
use crate::health::finding::{Finding, Level};
use crate::health::finding_key::FindingKey;

/// The levels of findings, in ascending order.
const LEVELS: [Level; 3] = [Level::Warning, Level::Unknown, Level::Critical];

/// A finding that is there, or that was sent to a channel and has just gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SeenFinding {
    /// The level when it was last seen.
    pub(super) level: Level,
    pub(super) what: String,
    pub(super) hint: String,
    /// Since when it has been at least at each level, in ms since 1970 UTC.
    pub(super) since_ms: BTreeMap<Level, i64>,
    /// Since when it has been below a level that it had, in ms since 1970 UTC.
    #[serde(default)]
    pub(super) below_ms: BTreeMap<Level, i64>,
    /// Since when it has not been seen, in ms since 1970 UTC. None while it is there.
    #[serde(default)]
    pub(super) gone_ms: Option<i64>,
}

impl SeenFinding {
    /// A finding before it is first seen.
    pub(super) fn new(level: Level) -> SeenFinding {
        SeenFinding {
            level,
            what: String::new(),
            hint: String::new(),
            since_ms: BTreeMap::new(),
            below_ms: BTreeMap::new(),
            gone_ms: None,
        }
    }

    /// Takes in that the finding was seen now.
    pub(super) fn see(&mut self, finding: &Finding, now_ms: i64) {
        (self.level, self.gone_ms) = (finding.level, None);
        (self.what, self.hint) = (finding.what.clone(), finding.hint.clone());
        for level in LEVELS {
            if level <= finding.level {
                self.since_ms.entry(level).or_insert(now_ms);
                self.below_ms.remove(&level);
            } else if self.since_ms.remove(&level).is_some() {
                self.below_ms.insert(level, now_ms);
            }
        }
    }

    /// Moves times that are in the future to now, as the clock was set back.
    pub(super) fn forget_future(&mut self, now_ms: i64) {
        let times = self.since_ms.values_mut().chain(self.below_ms.values_mut()).chain(&mut self.gone_ms);
        times.for_each(|at| *at = now_ms.min(*at));
    }

    /// The highest level at which it has lasted long enough to count, if it is there and there is one.
    pub(super) fn counting_level(&self, now_ms: i64, delays: AlertDelays) -> Option<Level> {
        if self.gone_ms.is_some() {
            return None;
        }
        let lasted = |(level, since): &(&Level, &i64)| now_ms - **since >= delays.begin_ms(**level);
        self.since_ms.iter().filter(lasted).map(|(level, _)| *level).max()
    }

    /// Whether it has been below this level for long enough.
    pub(super) fn has_eased(&self, level: Level, now_ms: i64, delays: AlertDelays) -> bool {
        self.below_ms.get(&level).is_some_and(|since| now_ms - since >= delays.end_ms())
    }

    /// When something of it will have lasted long enough: each moment in ms since 1970 UTC, past ones included.
    pub(super) fn due_times(&self, delays: AlertDelays) -> impl Iterator<Item = i64> {
        let is_there = self.gone_ms.is_none();
        let begins = self.since_ms.iter().filter(move |_| is_there);
        let begins = begins.map(move |(level, since)| since + delays.begin_ms(*level));
        let ends = self.below_ms.values().chain(&self.gone_ms).map(move |since| since + delays.end_ms());
        begins.chain(ends)
    }

    /// When it was first seen, in ms since 1970 UTC.
    pub(super) fn first_ms(&self) -> i64 {
        self.since_ms.values().min().copied().unwrap_or_default()
    }

    /// What an alert says about it.
    pub(super) fn note(&self, key: &FindingKey, level: Level) -> AlertNote {
        let (what, hint) = (self.what.clone(), self.hint.clone());
        AlertNote {
            key: key.clone(),
            level,
            what,
            hint,
            since_ms: self.first_ms(),
            was: None,
            given_up: false,
        }
    }
}
