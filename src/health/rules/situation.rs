//! The facts and the settings that a rule looks at.

use std::time::Duration;

use crate::config::Config;
use crate::health::facts::{Facts, WorkerFacts};

/// The facts and the settings that a rule looks at.
pub(super) struct Situation<'a> {
    pub(super) facts: &'a Facts,
    pub(super) config: &'a Config,
}

impl<'a> Situation<'a> {
    /// How long ago this was when the facts were collected. `since_ms`: in ms since 1970 UTC.
    pub(super) fn age(&self, since_ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.facts.at_ms - since_ms).unwrap_or(0))
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = &'a WorkerFacts> {
        self.facts.workers.iter().filter(|worker| worker.alive)
    }

    /// How long a message may wait for the next drain (`run --once`), if drains deliver the messages and all is well:
    /// no worker is alive, the next drain is not overdue, and the last one delivered everything that was there when it
    /// began.
    pub(super) fn wait_for_drain(&self) -> Option<Duration> {
        let drains = self.facts.drains.as_ref()?;
        let began_ms = *drains.began_ms.last()?;
        let wait = drains.wait_max();
        let is_overdue = self.age(drains.ended_ms) > wait;
        let is_left = self.facts.claimed > 0 || self.facts.oldest_ms.is_some_and(|oldest| oldest < began_ms);
        (!is_overdue && !is_left && self.alive().next().is_none()).then_some(wait)
    }
}
