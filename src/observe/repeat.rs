//! Logs a lasting problem when it begins, when it changes and when it is over, not at every try.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use crate::locks::Unpoisoned;

/// A problem that did not occur for this long counts as new when it occurs again.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// A problem that returns this soon after its end counts as the same one, so that an intermittent problem does not fill
/// the log.
const COMES_BACK: Duration = Duration::from_secs(60);

/// The most problems that are remembered, and the most texts of each. With more of them, some are logged too often.
const TROUBLES_MAX: usize = 1_000;
const FAULTS_MAX: usize = 100;

static TROUBLES: LazyLock<Mutex<HashMap<String, RepeatedFault>>> = LazyLock::new(Mutex::default);

#[derive(Debug)]
struct RepeatedFault {
    /// The texts that were logged.
    told: HashSet<String>,
    since: Instant,
    /// When it last occurred.
    last: Instant,
    times: u64,
    is_over: bool,
    end_is_told: bool,
}

/// A problem that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    /// How often it occurred.
    pub times: u64,
    pub lasted: Duration,
}

/// Whether to log this fault, which its text identifies: yes if it did not occur in the last ten minutes.
pub(crate) fn is_news(fault: &str) -> bool {
    is_news_of(fault, "")
}

/// As [`is_news`], for a problem with several fault texts, each of which is logged once until [`is_over`].
pub(crate) fn is_news_of(trouble: &str, fault: &str) -> bool {
    met(&mut TROUBLES.lock().unpoisoned(), trouble, fault, Instant::now())
}

/// Ends the problem. Returns what to log about that; nothing if there was no problem.
pub(crate) fn is_over(trouble: &str) -> Option<Over> {
    ended(&mut TROUBLES.lock().unpoisoned(), trouble, Instant::now())
}

fn met(troubles: &mut HashMap<String, RepeatedFault>, trouble: &str, fault: &str, now: Instant) -> bool {
    let forgets = |trouble: &RepeatedFault| {
        let age = now.saturating_duration_since(trouble.last);
        age >= FORGOTTEN || trouble.is_over && age >= COMES_BACK
    };
    if troubles.len() >= TROUBLES_MAX && !troubles.contains_key(trouble) {
        troubles.retain(|_, trouble| !forgets(trouble));
        if troubles.len() >= TROUBLES_MAX {
            troubles.clear();
        }
    }
    let new = || RepeatedFault {
        told: HashSet::new(),
        since: now,
        last: now,
        times: 0,
        is_over: false,
        end_is_told: false,
    };
    let known = troubles.entry(trouble.to_owned()).or_insert_with(new);
    if forgets(known) {
        *known = new();
    }
    known.last = now;
    known.times += 1;
    known.is_over = false;
    if known.told.len() >= FAULTS_MAX {
        known.told.clear();
    }
    known.told.insert(fault.to_owned())
}

fn ended(troubles: &mut HashMap<String, RepeatedFault>, trouble: &str, now: Instant) -> Option<Over> {
    let known = troubles.get_mut(trouble).filter(|known| !known.is_over)?;
    known.is_over = true;
    let is_news = !std::mem::replace(&mut known.end_is_told, true);
    is_news.then(|| Over { times: known.times, lasted: now.saturating_duration_since(known.since) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once_and_again_when_it_changes_and_when_it_ends() {
        let (mut troubles, begin) = (HashMap::new(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert!(met(&mut troubles, "FREQ", "the disk is full", at(0)));
        // For a day, each five seconds; two faults of one trouble take turns.
        let told = (1..17_280).filter(|n| met(&mut troubles, "FREQ", "the disk is full", at(n * 5))).count();
        assert_eq!(told, 0);
        assert!(met(&mut troubles, "FREQ", "the disk is broken", at(86_400)));
        assert!(!met(&mut troubles, "FREQ", "the disk is full", at(86_401)));
        assert!(met(&mut troubles, "MID", "the disk is full", at(86_401)), "it is another's");
        let over = ended(&mut troubles, "FREQ", at(86_402)).unwrap();
        assert_eq!((over.times, over.lasted), (17_282, Duration::from_secs(86_402)));
        assert!(ended(&mut troubles, "FREQ", at(86_403)).is_none(), "it is over already");
        assert!(ended(&mut troubles, "BOD", at(0)).is_none(), "there was none");
    }

    #[test]
    fn what_comes_and_goes_does_not_fill_the_log_and_what_comes_back_later_is_told() {
        let (mut troubles, begin) = (HashMap::new(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut told = 0;
        for n in 0..100 {
            told += u32::from(met(&mut troubles, "FREQ", "locked", at(n * 10)));
            told += u32::from(ended(&mut troubles, "FREQ", at(n * 10 + 5)).is_some());
        }
        assert_eq!(told, 2);
        assert!(met(&mut troubles, "FREQ", "locked", at(1_060)));
        assert!(met(&mut troubles, "FREQ", "locked", at(1_060 + 600)), "nobody said that it was over");
    }

    #[test]
    fn it_holds_no_more_than_it_may() {
        let (mut troubles, now) = (HashMap::new(), Instant::now());
        for number in 0..10 * TROUBLES_MAX {
            met(&mut troubles, &number.to_string(), "", now);
            met(&mut troubles, "one", &number.to_string(), now);
        }
        assert!(troubles.len() <= TROUBLES_MAX && troubles["one"].told.len() <= FAULTS_MAX);
    }
}
