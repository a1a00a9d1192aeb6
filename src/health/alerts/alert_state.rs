//! What was found and what was sent, and so what is due. This file reads no clock: callers pass the time.
//!
//! A finding counts when every round has found it for `alert_after`, or for a quarter of that if it is critical. A
//! finding that a channel was sent has ended when no round has found it for `alert_after`; if it comes back before,
//! nothing is sent. So a finding that comes and goes, or that moves around a limit, is not sent again and again. If a
//! round could not tell whether a finding is there, nothing changes for that finding.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::channel_state::ChannelState;
use super::delays::AlertDelays;
use super::note::AlertNote;
use super::seen_finding::SeenFinding;
use crate::health::finding::{Finding, Level};
use crate::health::finding_key::FindingKey;
use crate::health::rules::Resolution;

/// The longest pause before a channel that failed is tried again, in ms.
pub(super) const RETRY_PAUSE_MS_MAX: i64 = 300_000;

/// What was found and what was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct AlertState {
    /// The findings that are there, and those that were sent and have just gone.
    pub(super) seen: BTreeMap<FindingKey, SeenFinding>,
    /// What each channel was sent, by the channel's name.
    pub(super) channels: BTreeMap<String, ChannelState>,
    /// When the heartbeat was last sent, in ms since 1970 UTC.
    pub(super) pinged_ms: i64,
}

impl AlertState {
    /// Takes in the findings of a round. `resolution` says why an earlier finding of a key, first found at a time in ms
    /// since 1970 UTC, is not among them.
    pub(super) fn observe(
        &mut self,
        findings: &[Finding],
        resolution: impl Fn(&FindingKey, i64) -> Resolution,
        now_ms: i64,
        delays: AlertDelays,
    ) {
        self.forget_future(now_ms);
        for finding in findings {
            let new = || SeenFinding::new(finding.level);
            self.seen.entry(finding.key.clone()).or_insert_with(new).see(finding, now_ms);
        }
        let channels = &mut self.channels;
        self.seen.retain(|key, seen| {
            if findings.iter().any(|finding| finding.key == *key) {
                return true;
            }
            let resolution = resolution(key, seen.first_ms());
            let mut is_sent = false;
            for note in channels.values_mut().filter_map(|channel| channel.sent.get_mut(key)) {
                is_sent = true;
                note.given_up = resolution == Resolution::GivenUp;
            }
            if resolution == Resolution::Unknown {
                seen.gone_ms = None;
                return is_sent;
            }
            let gone_ms = *seen.gone_ms.get_or_insert(now_ms);
            is_sent && now_ms - gone_ms < delays.end_ms()
        });
    }

    /// After the clock was set back, nothing waits until it has gone as far again.
    fn forget_future(&mut self, now_ms: i64) {
        self.seen.values_mut().for_each(|seen| seen.forget_future(now_ms));
        for channel in self.channels.values_mut() {
            channel.sent.values_mut().for_each(|note| note.sent_ms = now_ms.min(note.sent_ms));
            channel.next_ms = channel.next_ms.min(now_ms + RETRY_PAUSE_MS_MAX);
        }
    }

    /// The findings that count, each with the level at which it does.
    fn counting(
        &self,
        now_ms: i64,
        delays: AlertDelays,
    ) -> impl Iterator<Item = (&FindingKey, Level, &SeenFinding)> {
        let level = move |seen: &SeenFinding| seen.counting_level(now_ms, delays);
        self.seen.iter().filter_map(move |(key, seen)| Some((key, level(seen)?, seen)))
    }

    /// The level of the worst finding that counts.
    pub(super) fn level(&self, now_ms: i64, delays: AlertDelays) -> Level {
        self.counting(now_ms, delays).map(|(_, level, _)| level).max().unwrap_or(Level::Ok)
    }

    /// What is due for this channel.
    pub(super) fn changes(&self, channel: &str, now_ms: i64, delays: AlertDelays) -> Changes {
        let nothing = BTreeMap::new();
        let sent = self.channels.get(channel).map_or(&nothing, |channel| &channel.sent);
        let mut changes = Changes::default();
        for (key, level, seen) in self.counting(now_ms, delays) {
            let note = seen.note(key, level);
            match sent.get(key) {
                None => changes.new.push(note),
                Some(earlier) if earlier.level < level => {
                    changes.worse.push(AlertNote { was: Some(earlier.level), ..note });
                }
                Some(earlier) if seen.has_eased(earlier.level, now_ms, delays) => {
                    changes.better.push(AlertNote { was: Some(earlier.level), ..note });
                }
                Some(earlier) => {
                    changes.is_reminder |= now_ms - earlier.sent_ms >= delays.remind_ms();
                    changes.still.push(note);
                }
            }
        }
        let ended = sent.iter().filter(|(key, _)| !self.seen.contains_key(*key));
        changes.cleared = ended.map(|(key, earlier)| earlier.note(key)).collect();
        let Changes { new, worse, better, cleared, still, .. } = &mut changes;
        for notes in [new, worse, better, cleared, still] {
            notes.sort_by_key(|note| std::cmp::Reverse(note.level));
        }
        changes
    }

    /// How long until a finding counts, has eased or has ended that does not do so yet, in ms.
    pub(super) fn unsure_for_ms(&self, now_ms: i64, delays: AlertDelays) -> Option<i64> {
        let times = self.seen.values().flat_map(|seen| seen.due_times(delays));
        times.map(|at| at - now_ms).filter(|left| *left > 0).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DELAYS: AlertDelays =
        AlertDelays { after: Duration::from_millis(120), remind: Duration::from_millis(1_000) };

    fn finding(key: &str, level: Level) -> Finding {
        Finding::new(level, key.parse().unwrap(), format!("{key} is wrong"), "mend it")
    }

    /// One channel, which is sent everything that is due at once. Returns the keys in `new`, `worse`, `cleared` and
    /// `still`, if anything was due.
    fn round(state: &mut AlertState, now_ms: i64, findings: &[(&str, Level)]) -> Option<String> {
        let findings: Vec<Finding> = findings.iter().map(|(key, level)| finding(key, *level)).collect();
        state.observe(&findings, |_, _| Resolution::Resolved, now_ms, DELAYS);
        let changes = state.changes("a", now_ms, DELAYS);
        if changes.is_empty() {
            return None;
        }
        state.channels.entry("a".to_owned()).or_default().set_sent(&changes, now_ms);
        let keys =
            |notes: &[AlertNote]| notes.iter().map(|note| note.key.to_string()).collect::<Vec<_>>().join(",");
        let Changes { new, worse, cleared, still, .. } = &changes;
        Some(format!("new {} worse {} over {} still {}", keys(new), keys(worse), keys(cleared), keys(still)))
    }

    use Level::{Critical, Warning};

    #[test]
    fn what_lasts_is_sent_once_and_its_end_once() {
        let mut state = AlertState::default();
        assert_eq!(round(&mut state, 0, &[("dead", Warning)]), None);
        assert_eq!(round(&mut state, 119, &[("dead", Warning)]), None);
        assert_eq!(round(&mut state, 120, &[("dead", Warning)]).unwrap(), "new dead worse  over  still ");
        assert_eq!(round(&mut state, 500, &[("dead", Warning)]), None);
        assert_eq!(round(&mut state, 600, &[]), None);
        assert_eq!(round(&mut state, 720, &[]).unwrap(), "new  worse  over dead still ");
        assert_eq!(round(&mut state, 9_000, &[]), None);
        assert!(state.seen.is_empty(), "nothing is kept for ever");
    }

    #[test]
    fn what_is_critical_is_sent_sooner() {
        let mut state = AlertState::default();
        assert_eq!(round(&mut state, 0, &[("a", Critical), ("b", Warning)]), None);
        assert_eq!(
            round(&mut state, 30, &[("a", Critical), ("b", Warning)]).unwrap(),
            "new a worse  over  still "
        );
        assert_eq!(
            round(&mut state, 120, &[("a", Critical), ("b", Warning)]).unwrap(),
            "new b worse  over  still a"
        );
    }

    #[test]
    fn what_flickers_is_no_alert() {
        let mut state = AlertState::default();
        for turn in 0..50 {
            assert_eq!(round(&mut state, turn * 40, &[("a", Warning)]), None);
            assert_eq!(round(&mut state, turn * 40 + 20, &[]), None);
        }
        assert_eq!(round(&mut state, 5_000, &[("a", Warning)]), None);
        assert_eq!(round(&mut state, 5_119, &[("a", Critical)]), None);
        assert_eq!(round(&mut state, 5_120, &[("a", Warning)]).unwrap(), "new a worse  over  still ");
    }

    #[test]
    fn what_goes_up_and_down_around_a_limit_is_sent_once() {
        let mut state = AlertState::default();
        round(&mut state, 0, &[("a", Critical)]);
        assert!(round(&mut state, 100, &[("a", Critical)]).is_some());
        for turn in 3..9 {
            let level = if turn % 2 == 0 { Critical } else { Warning };
            assert_eq!(round(&mut state, turn * 100, &[("a", level)]), None);
            assert_eq!(round(&mut state, turn * 100 + 50, &[]), None, "it is back before that counts");
        }
    }

    #[test]
    fn a_level_that_fell_for_long_enough_is_sent_and_so_is_its_rise() {
        let mut state = AlertState::default();
        round(&mut state, 0, &[("a", Critical)]);
        assert!(round(&mut state, 30, &[("a", Critical)]).is_some());
        assert_eq!(round(&mut state, 200, &[("a", Warning)]), None);
        assert_eq!(state.unsure_for_ms(210, DELAYS), Some(110));
        assert_eq!(round(&mut state, 319, &[("a", Warning)]), None);
        assert!(round(&mut state, 320, &[("a", Warning)]).is_some());
        assert_eq!(state.channels["a"].sent[&"a".parse().unwrap()].level, Warning);
        assert_eq!(round(&mut state, 400, &[("a", Critical)]), None);
        assert_eq!(round(&mut state, 430, &[("a", Critical)]).unwrap(), "new  worse a over  still ");
    }

    #[test]
    fn worse_is_sent_and_a_reminder_has_all_that_lasts() {
        let mut state = AlertState::default();
        round(&mut state, 0, &[("a", Warning), ("b", Warning)]);
        assert!(round(&mut state, 120, &[("a", Warning), ("b", Warning)]).is_some());
        assert_eq!(round(&mut state, 200, &[("a", Critical), ("b", Warning)]), None);
        let worse = round(&mut state, 230, &[("a", Critical), ("b", Warning)]);
        assert_eq!(worse.unwrap(), "new  worse a over  still b");
        assert_eq!(round(&mut state, 1_229, &[("a", Critical), ("b", Warning)]), None);
        let again = round(&mut state, 1_230, &[("a", Critical), ("b", Warning)]);
        assert_eq!(again.unwrap(), "new  worse  over  still a,b");
        assert_eq!(round(&mut state, 1_300, &[("a", Critical), ("b", Warning)]), None);
    }

    #[test]
    fn what_a_round_cannot_tell_has_not_ended_and_its_time_away_begins_anew() {
        let mut state = AlertState::default();
        round(&mut state, 0, &[("a", Warning)]);
        assert!(round(&mut state, 120, &[("a", Warning)]).is_some());
        assert_eq!(round(&mut state, 200, &[]), None);
        state.observe(&[], |_, _| Resolution::Unknown, 300, DELAYS);
        assert_eq!(round(&mut state, 400, &[]), None);
        assert!(round(&mut state, 520, &[]).is_some());
        round(&mut state, 600, &[("b", Warning)]);
        state.observe(&[], |_, _| Resolution::Unknown, 700, DELAYS);
        assert!(state.seen.is_empty(), "what nobody was sent counts from when it is seen again");
    }

    #[test]
    fn a_new_channel_is_sent_what_lasts() {
        let mut state = AlertState::default();
        round(&mut state, 0, &[("a", Warning)]);
        assert!(round(&mut state, 200, &[("a", Warning)]).is_some());
        assert_eq!(state.changes("b", 200, DELAYS).new.len(), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let mut state = AlertState::default();
        round(&mut state, 1_000_000, &[("a", Warning)]);
        assert_eq!(round(&mut state, 0, &[("a", Warning)]), None);
        assert!(round(&mut state, 120, &[("a", Warning)]).is_some());
        state.channels.get_mut("a").unwrap().next_ms = i64::MAX;
        round(&mut state, 121, &[]);
        assert_eq!(state.channels["a"].next_ms, 121 + RETRY_PAUSE_MS_MAX);
        assert!(round(&mut state, 241, &[]).is_some(), "it is over");
    }

    #[test]
    fn it_is_known_when_to_look_again() {
        let mut state = AlertState::default();
        assert_eq!(state.unsure_for_ms(0, DELAYS), None);
        round(&mut state, 0, &[("a", Critical)]);
        assert_eq!(state.unsure_for_ms(10, DELAYS), Some(20));
        round(&mut state, 30, &[("a", Critical)]);
        round(&mut state, 200, &[]);
        assert_eq!(state.unsure_for_ms(210, DELAYS), Some(110));
    }
}
