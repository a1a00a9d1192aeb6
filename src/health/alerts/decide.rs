//! What is to be told: pure, with the time given.
//!
//! A finding counts when it has been there at every look for `alert_after`, a critical one for a quarter of that. One
//! that a channel was told of is over when it has been away for `alert_after`; until then it may come back untold. So
//! neither what flickers nor what goes up and down about a limit is told again and again. What a look could not find out
//! is neither there nor away: what was told of it stands.

use std::collections::BTreeMap;
use std::time::Duration;

use super::message::Note;
use super::state::{Seen, State, Told, ToldNote};
use crate::health::{Absence, Finding, Level};

/// How long is long enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) after: Duration,
    pub(super) remind: Duration,
}

impl Patience {
    /// How long something of this level lasts before it counts, in ms.
    fn with(self, level: Level) -> i64 {
        let after = if level == Level::Critical { self.after / 4 } else { self.after };
        after.as_millis() as i64
    }
}

/// What a channel is to be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) new: Vec<Note>,
    pub(super) worse: Vec<Note>,
    /// What lasts at a lower level than it was told at.
    pub(super) better: Vec<Note>,
    pub(super) cleared: Vec<Note>,
    /// What it was told of before and lasts.
    pub(super) still: Vec<Note>,
    /// When the reminder time of something has passed.
    pub(super) is_reminder: bool,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.is_unchanged() && !self.is_reminder
    }

    /// Whether nothing has changed, and it is told all the same.
    pub(super) fn only_reminds(&self) -> bool {
        self.is_unchanged() && self.is_reminder
    }

    fn is_unchanged(&self) -> bool {
        [&self.new, &self.worse, &self.better, &self.cleared].into_iter().all(Vec::is_empty)
    }
}

/// A channel that fails rests no longer than this.
pub(super) const REST_MS_MAX: i64 = 300_000;

const LEVELS: [Level; 3] = [Level::Warning, Level::Unknown, Level::Critical];

impl State {
    /// Takes in what a look found, and why it did not find what was found earlier: `absence` is asked that of a key and
    /// of when it was first found, in ms since 1970 UTC.
    pub(super) fn observe(
        &mut self,
        findings: &[Finding],
        absence: impl Fn(&str, i64) -> Absence,
        now_ms: i64,
        patience: Patience,
    ) {
        self.forget_the_future(now_ms);
        for Finding { level, key, what, hint } in findings {
            let seen = self.seen.entry(key.clone()).or_insert_with(|| Seen::new(*level));
            (seen.level, seen.gone_ms) = (*level, None);
            (seen.what, seen.hint) = (what.clone(), hint.clone());
            for one in LEVELS {
                if one <= *level {
                    seen.since_ms.entry(one).or_insert(now_ms);
                    seen.below_ms.remove(&one);
                } else if seen.since_ms.remove(&one).is_some() {
                    seen.below_ms.insert(one, now_ms);
                }
            }
        }
        let channels = &mut self.channels;
        self.seen.retain(|key, seen| {
            if findings.iter().any(|finding| finding.key == *key) {
                return true;
            }
            let absence = absence(key, seen.first_ms());
            let mut is_told = false;
            for note in channels.values_mut().filter_map(|channel| channel.told.get_mut(key)) {
                is_told = true;
                note.given_up = absence == Absence::GivenUp;
            }
            if absence == Absence::Unknown {
                seen.gone_ms = None;
                return is_told;
            }
            let gone_ms = *seen.gone_ms.get_or_insert(now_ms);
            is_told && now_ms - gone_ms < patience.with(Level::Warning)
        });
    }

    /// After the clock was set back nothing waits until it has gone as far again.
    fn forget_the_future(&mut self, now_ms: i64) {
        for seen in self.seen.values_mut() {
            let times = seen.since_ms.values_mut().chain(seen.below_ms.values_mut()).chain(&mut seen.gone_ms);
            times.for_each(|at| *at = now_ms.min(*at));
        }
        for channel in self.channels.values_mut() {
            channel.told.values_mut().for_each(|note| note.told_ms = now_ms.min(note.told_ms));
            channel.next_ms = channel.next_ms.min(now_ms + REST_MS_MAX);
        }
    }

    /// What counts, each with the level at which it does.
    pub(super) fn counting(&self, now_ms: i64, patience: Patience) -> BTreeMap<&str, (Level, &Seen)> {
        let there = self.seen.iter().filter(|(_, seen)| seen.gone_ms.is_none());
        there
            .filter_map(|(key, seen)| {
                let lasted = |(level, since): (&Level, &i64)| now_ms - since >= patience.with(*level);
                let level =
                    *seen.since_ms.iter().filter(|entry| lasted(*entry)).map(|(level, _)| level).max()?;
                Some((key.as_str(), (level, seen)))
            })
            .collect()
    }

    /// What this channel does not know yet.
    pub(super) fn changes(&self, channel: &str, now_ms: i64, patience: Patience) -> Changes {
        let nothing = BTreeMap::new();
        let told = self.channels.get(channel).map_or(&nothing, |channel| &channel.told);
        let counting = self.counting(now_ms, patience);
        let mut changes = Changes::default();
        for (key, (level, seen)) in &counting {
            let note = seen.note(key, *level);
            match told.get(*key) {
                None => changes.new.push(note),
                Some(earlier) if earlier.level < *level => {
                    changes.worse.push(Note { was: Some(earlier.level), ..note });
                }
                Some(earlier) if seen.has_eased(earlier.level, now_ms, patience) => {
                    changes.better.push(Note { was: Some(earlier.level), ..note });
                }
                Some(earlier) => {
                    changes.is_reminder |= now_ms - earlier.told_ms >= patience.remind.as_millis() as i64;
                    changes.still.push(note);
                }
            }
        }
        let over = told.iter().filter(|(key, _)| !self.seen.contains_key(*key));
        changes.cleared = over.map(|(key, earlier)| earlier.note(key)).collect();
        let Changes { new, worse, better, cleared, still, .. } = &mut changes;
        for notes in [new, worse, better, cleared, still] {
            notes.sort_by_key(|note| std::cmp::Reverse(note.level));
        }
        changes
    }

    /// Notes that the channel knows all of them now.
    pub(super) fn told(&mut self, channel: &str, changes: &Changes, now_ms: i64) {
        let Told { told, tries, next_ms } = self.channels.entry(channel.to_owned()).or_default();
        (*tries, *next_ms) = (0, 0);
        for note in &changes.cleared {
            told.remove(&note.key);
        }
        let Changes { new, worse, better, still, .. } = changes;
        for note in [new, worse, better, still].into_iter().flatten() {
            let Note { level, what, hint, since_ms, .. } = note.clone();
            let note_told = ToldNote { level, what, hint, since_ms, told_ms: now_ms, given_up: false };
            told.insert(note.key.clone(), note_told);
        }
    }

    /// How long until something counts, is better or is over, that does not and is not yet; in ms.
    pub(super) fn unsure_for_ms(&self, now_ms: i64, patience: Patience) -> Option<i64> {
        let lasting = self.seen.values().filter(|seen| seen.gone_ms.is_none());
        let counts = lasting.flat_map(|seen| {
            seen.since_ms.iter().map(move |(level, since)| since + patience.with(*level) - now_ms)
        });
        let gone = self.seen.values().flat_map(|seen| seen.below_ms.values().copied().chain(seen.gone_ms));
        let over = gone.map(|gone| gone + patience.with(Level::Warning) - now_ms);
        counts.chain(over).filter(|left| *left > 0).min()
    }
}

impl Seen {
    fn new(level: Level) -> Seen {
        Seen {
            level,
            what: String::new(),
            hint: String::new(),
            since_ms: BTreeMap::new(),
            below_ms: BTreeMap::new(),
            gone_ms: None,
        }
    }

    /// Whether it has been below this level for long enough.
    fn has_eased(&self, level: Level, now_ms: i64, patience: Patience) -> bool {
        self.below_ms.get(&level).is_some_and(|since| now_ms - since >= patience.with(Level::Warning))
    }

    /// When it was first found.
    fn first_ms(&self) -> i64 {
        self.since_ms.values().min().copied().unwrap_or_default()
    }

    fn note(&self, key: &str, level: Level) -> Note {
        let since_ms = self.first_ms();
        let (what, hint) = (self.what.clone(), self.hint.clone());
        Note { key: key.to_owned(), level, what, hint, since_ms, was: None, given_up: false }
    }
}

impl ToldNote {
    fn note(&self, key: &str) -> Note {
        let ToldNote { level, what, hint, since_ms, given_up, .. } = self.clone();
        Note { key: key.to_owned(), level, what, hint, since_ms, was: None, given_up }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { after: Duration::from_millis(120), remind: Duration::from_millis(1_000) };

    fn finding(key: &str, level: Level) -> Finding {
        Finding { level, key: key.into(), what: format!("{key} is wrong"), hint: "mend it".into() }
    }

    /// One channel, told at once of all there is to tell. Gives `new`, `worse`, `cleared`, `still` as keys, where it
    /// was told anything.
    fn look(state: &mut State, now_ms: i64, findings: &[(&str, Level)]) -> Option<String> {
        let findings: Vec<Finding> = findings.iter().map(|(key, level)| finding(key, *level)).collect();
        state.observe(&findings, |_, _| Absence::Over, now_ms, PATIENCE);
        let changes = state.changes("a", now_ms, PATIENCE);
        if changes.is_empty() {
            return None;
        }
        state.told("a", &changes, now_ms);
        let keys = |notes: &[Note]| notes.iter().map(|note| note.key.clone()).collect::<Vec<_>>().join(",");
        let Changes { new, worse, cleared, still, .. } = &changes;
        Some(format!("new {} worse {} over {} still {}", keys(new), keys(worse), keys(cleared), keys(still)))
    }

    use Level::{Critical, Warning};

    #[test]
    fn what_lasts_is_told_once_and_that_it_is_over_once() {
        let mut state = State::default();
        assert_eq!(look(&mut state, 0, &[("dead", Warning)]), None);
        assert_eq!(look(&mut state, 119, &[("dead", Warning)]), None);
        assert_eq!(look(&mut state, 120, &[("dead", Warning)]).unwrap(), "new dead worse  over  still ");
        assert_eq!(look(&mut state, 500, &[("dead", Warning)]), None);
        assert_eq!(look(&mut state, 600, &[]), None);
        assert_eq!(look(&mut state, 720, &[]).unwrap(), "new  worse  over dead still ");
        assert_eq!(look(&mut state, 9_000, &[]), None);
        assert!(state.seen.is_empty(), "nothing is kept for ever");
    }

    #[test]
    fn what_is_critical_is_told_sooner() {
        let mut state = State::default();
        assert_eq!(look(&mut state, 0, &[("a", Critical), ("b", Warning)]), None);
        assert_eq!(
            look(&mut state, 30, &[("a", Critical), ("b", Warning)]).unwrap(),
            "new a worse  over  still "
        );
        assert_eq!(
            look(&mut state, 120, &[("a", Critical), ("b", Warning)]).unwrap(),
            "new b worse  over  still a"
        );
    }

    #[test]
    fn what_flickers_is_no_alert() {
        let mut state = State::default();
        for turn in 0..50 {
            assert_eq!(look(&mut state, turn * 40, &[("a", Warning)]), None);
            assert_eq!(look(&mut state, turn * 40 + 20, &[]), None);
        }
        assert_eq!(look(&mut state, 5_000, &[("a", Warning)]), None);
        assert_eq!(look(&mut state, 5_119, &[("a", Critical)]), None);
        assert_eq!(look(&mut state, 5_120, &[("a", Warning)]).unwrap(), "new a worse  over  still ");
    }

    #[test]
    fn what_goes_up_and_down_about_a_limit_is_told_once() {
        let mut state = State::default();
        look(&mut state, 0, &[("a", Critical)]);
        assert!(look(&mut state, 100, &[("a", Critical)]).is_some());
        for turn in 3..9 {
            let level = if turn % 2 == 0 { Critical } else { Warning };
            assert_eq!(look(&mut state, turn * 100, &[("a", level)]), None);
            assert_eq!(look(&mut state, turn * 100 + 50, &[]), None, "it is back before that counts");
        }
    }

    #[test]
    fn a_level_that_fell_for_long_enough_is_told_and_so_is_its_rise() {
        let mut state = State::default();
        look(&mut state, 0, &[("a", Critical)]);
        assert!(look(&mut state, 30, &[("a", Critical)]).is_some());
        assert_eq!(look(&mut state, 200, &[("a", Warning)]), None);
        assert_eq!(state.unsure_for_ms(210, PATIENCE), Some(110));
        assert_eq!(look(&mut state, 319, &[("a", Warning)]), None);
        assert!(look(&mut state, 320, &[("a", Warning)]).is_some());
        assert_eq!(state.channels["a"].told["a"].level, Warning);
        assert_eq!(look(&mut state, 400, &[("a", Critical)]), None);
        assert_eq!(look(&mut state, 430, &[("a", Critical)]).unwrap(), "new  worse a over  still ");
    }

    #[test]
    fn worse_is_told_and_a_reminder_tells_all_that_lasts() {
        let mut state = State::default();
        look(&mut state, 0, &[("a", Warning), ("b", Warning)]);
        assert!(look(&mut state, 120, &[("a", Warning), ("b", Warning)]).is_some());
        assert_eq!(look(&mut state, 200, &[("a", Critical), ("b", Warning)]), None);
        let worse = look(&mut state, 230, &[("a", Critical), ("b", Warning)]);
        assert_eq!(worse.unwrap(), "new  worse a over  still b");
        assert_eq!(look(&mut state, 1_229, &[("a", Critical), ("b", Warning)]), None);
        let again = look(&mut state, 1_230, &[("a", Critical), ("b", Warning)]);
        assert_eq!(again.unwrap(), "new  worse  over  still a,b");
        assert_eq!(look(&mut state, 1_300, &[("a", Critical), ("b", Warning)]), None);
    }

    #[test]
    fn what_a_look_cannot_tell_is_not_over_and_its_time_away_begins_anew() {
        let mut state = State::default();
        look(&mut state, 0, &[("a", Warning)]);
        assert!(look(&mut state, 120, &[("a", Warning)]).is_some());
        assert_eq!(look(&mut state, 200, &[]), None);
        state.observe(&[], |_, _| Absence::Unknown, 300, PATIENCE);
        assert_eq!(look(&mut state, 400, &[]), None);
        assert!(look(&mut state, 520, &[]).is_some());
        look(&mut state, 600, &[("b", Warning)]);
        state.observe(&[], |_, _| Absence::Unknown, 700, PATIENCE);
        assert!(state.seen.is_empty(), "what nobody was told of counts from when it is seen again");
    }

    #[test]
    fn a_channel_that_is_new_is_told_what_lasts() {
        let mut state = State::default();
        look(&mut state, 0, &[("a", Warning)]);
        assert!(look(&mut state, 200, &[("a", Warning)]).is_some());
        assert_eq!(state.changes("b", 200, PATIENCE).new.len(), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let mut state = State::default();
        look(&mut state, 1_000_000, &[("a", Warning)]);
        assert_eq!(look(&mut state, 0, &[("a", Warning)]), None);
        assert!(look(&mut state, 120, &[("a", Warning)]).is_some());
        state.channels.get_mut("a").unwrap().next_ms = i64::MAX;
        look(&mut state, 121, &[]);
        assert_eq!(state.channels["a"].next_ms, 121 + REST_MS_MAX);
        assert!(look(&mut state, 241, &[]).is_some(), "it is over");
    }

    #[test]
    fn it_is_known_when_to_look_again() {
        let mut state = State::default();
        assert_eq!(state.unsure_for_ms(0, PATIENCE), None);
        look(&mut state, 0, &[("a", Critical)]);
        assert_eq!(state.unsure_for_ms(10, PATIENCE), Some(20));
        look(&mut state, 30, &[("a", Critical)]);
        look(&mut state, 200, &[]);
        assert_eq!(state.unsure_for_ms(210, PATIENCE), Some(110));
    }
}
