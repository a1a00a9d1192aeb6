//! An alert: as JSON, as text, and as text for Slack.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::changes::Changes;
use super::note::{AlertNote, utc};
use crate::config::Config;
use crate::health::finding::Level;
use crate::observe::plain;
use crate::spool::now_ms;

/// How many notes of each list an alert has. The others are counted.
const LISTED_MAX: usize = 30;

/// How many characters a message for Slack has. Slack allows 40,000, and Discord, which takes messages for Slack,
/// 2,000.
const SLACK_CHARS_MAX: usize = 2_000;

/// Why an alert is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AlertReason {
    /// A finding has begun, changed or ended.
    Change,
    /// `alert_remind` has passed.
    Reminder,
    /// Somebody asked for a test.
    Test,
}

impl AlertReason {
    /// The word in JSON and in the log.
    pub(super) fn word(self) -> &'static str {
        match self {
            AlertReason::Change => "change",
            AlertReason::Reminder => "reminder",
            AlertReason::Test => "test",
        }
    }
}

/// What one channel is sent at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alert {
    pub(super) reason: AlertReason,
    /// The level of the worst finding that counts now.
    pub(super) level: Level,
    pub(super) host: String,
    /// The absolute path of the spool.
    pub(super) spool: String,
    /// When the facts were collected, in ms since 1970 UTC.
    pub(super) at_ms: i64,
    pub(super) changes: Changes,
}

impl Alert {
    pub(super) fn new(config: &Config, level: Level, at_ms: i64, changes: Changes) -> Alert {
        let reason = if changes.only_reminds() { AlertReason::Reminder } else { AlertReason::Change };
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let spool = std::path::absolute(&config.spool).unwrap_or_else(|_| config.spool.clone());
        let spool = spool.display().to_string();
        Alert { reason, level, host, spool, at_ms, changes }
    }

    /// A test, by which somebody sees whether alerts arrive.
    pub(super) fn test(config: &Config) -> Alert {
        let alert = Alert::new(config, Level::Ok, now_ms(), Changes::default());
        Alert { reason: AlertReason::Test, ..alert }
    }

    /// The alert for programs. Later versions may add fields, but they remove none.
    pub(super) fn json(&self) -> Value {
        let mut json = json!({
            "irispool": env!("CARGO_PKG_VERSION"),
            "reason": self.reason,
            "level": self.level,
            "host": self.host,
            "spool": self.spool,
            "at": utc(self.at_ms),
            "text": self.text(),
        });
        for (list, notes) in self.changes.lists() {
            json[list] = notes.iter().take(LISTED_MAX).map(AlertNote::json).collect();
        }
        json["unlisted"] =
            self.changes.lists().iter().map(|(_, notes)| unlisted(notes)).sum::<usize>().into();
        json
    }

    /// The alert for Slack and for services that take messages for Slack: as many whole notes as fit.
    pub(super) fn slack(&self) -> Value {
        // After the first note that does not fit, no other one is added, however short.
        const ROOM: usize = SLACK_CHARS_MAX - "\n… and 1000000 more".len();
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let mut text: String = escaped(&self.headline()).chars().take(ROOM).collect();
        let mut chars = text.chars().count();
        let mut left_out = 0;
        for (lines, notes) in self.lines() {
            let lines = escaped(&lines);
            chars += 1 + lines.chars().count();
            if left_out == 0 && chars <= ROOM {
                let _ = write!(text, "\n{lines}");
            } else {
                left_out += notes;
            }
        }
        if left_out > 0 {
            let _ = write!(text, "\n… and {left_out} more");
        }
        json!({ "text": text })
    }

    /// The alert in words: the level, the host and the spool in the first line, then each note.
    pub(super) fn text(&self) -> String {
        let mut text = self.headline();
        for (lines, _) in self.lines() {
            let _ = write!(text, "\n{lines}");
        }
        text
    }

    fn headline(&self) -> String {
        let what = match self.reason {
            AlertReason::Test => "this is a test of its alerts".to_owned(),
            AlertReason::Reminder => format!("{}, still", self.level.word()),
            AlertReason::Change => self.level.word().to_owned(),
        };
        format!("irispool on {} ({}): {what}", plain(&self.host), plain(&self.spool))
    }

    /// What follows the headline: for each note its lines, and for the notes that are not listed a line with their
    /// number. Each comes with the number of its notes.
    fn lines(&self) -> Vec<(String, usize)> {
        let mut lines = Vec::new();
        for (list, notes) in self.changes.lists() {
            let listed = notes.iter().take(LISTED_MAX);
            lines.extend(listed.map(|note| (note.text(list, self.at_ms), 1)));
            let more = unlisted(notes);
            if more > 0 {
                lines.push((format!("{list}: {more} more"), more));
            }
        }
        lines
    }
}

fn unlisted(notes: &[AlertNote]) -> usize {
    notes.len().saturating_sub(LISTED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(key: &str, level: Level, was: Option<Level>) -> AlertNote {
        let (what, hint) = (format!("{key} & <b>\n"), "mend it".to_owned());
        AlertNote {
            key: key.parse().unwrap(),
            level,
            what,
            hint,
            since_ms: 1_761_624_000_000,
            was,
            given_up: false,
        }
    }

    fn alert() -> Alert {
        let changes = Changes {
            new: vec![note("no-worker", Level::Critical, None)],
            worse: vec![note("backlog", Level::Critical, Some(Level::Warning))],
            cleared: vec![note("stale", Level::Warning, None)],
            still: vec![note("dead", Level::Warning, None)],
            ..Changes::default()
        };
        let (host, spool) = ("box".to_owned(), "/srv/spool".to_owned());
        let at_ms = 1_761_624_065_000;
        Alert { reason: AlertReason::Change, level: Level::Critical, host, spool, at_ms, changes }
    }

    #[test]
    fn in_words_it_is_a_line_a_note_with_its_hint() {
        insta::assert_snapshot!(alert().text(), @r"
        irispool on box (/srv/spool): CRITICAL
        CRITICAL: no-worker & <b>\n
            hint: mend it
        CRITICAL, was WARNING: backlog & <b>\n
            hint: mend it
        over after 1m 5s: stale & <b>\n
        still WARNING, for 1m 5s: dead & <b>\n
        ");
    }

    #[test]
    fn slack_s_own_letters_are_escaped() {
        let slack = alert().slack();
        let text = slack["text"].as_str().unwrap();
        assert_eq!(slack.as_object().unwrap().len(), 1);
        assert!(text.contains("no-worker &amp; &lt;b&gt;\\n"), "{text}");
    }

    #[test]
    fn however_much_is_wrong_it_stays_short() {
        let mut alert = alert();
        let Changes { new, worse, better, cleared, still, .. } = &mut alert.changes;
        for (notes, was) in [
            (new, None),
            (worse, Some(Level::Ok)),
            (better, Some(Level::Critical)),
            (cleared, None),
            (still, None),
        ] {
            *notes = (0..5_000).map(|_| note(&"k<".repeat(3_000), Level::Warning, was)).collect();
            notes.iter_mut().for_each(|note| note.hint = "é".repeat(3_000));
        }
        // Of each of 5 * 30 a line of 500 and a hint of 500, and some words.
        assert!(alert.text().chars().count() < 5 * 30 * 1_100);
        for list in ["new", "worse", "better", "cleared", "still"] {
            assert!(alert.text().contains(&format!("\n{list}: 4970 more")));
            assert_eq!(alert.json()[list].as_array().unwrap().len(), LISTED_MAX);
        }
        assert_eq!(alert.json()["unlisted"], 5 * 4_970);
        let slack = alert.slack();
        let text = slack["text"].as_str().unwrap();
        assert!(text.chars().count() <= SLACK_CHARS_MAX, "{}", text.chars().count());
        assert!(text.ends_with("\n… and 24999 more"), "{text}");
    }

    #[test]
    fn slack_gets_whole_notes_and_the_number_of_the_others() {
        let mut alert = alert();
        alert.changes.still = (0..50).map(|_| note(&"k".repeat(180), Level::Warning, None)).collect();
        let slack = alert.slack();
        let text = slack["text"].as_str().unwrap();
        let listed = text.matches("\nstill WARNING").count();
        assert!(listed > 5 && text.chars().count() <= SLACK_CHARS_MAX, "{text}");
        assert!(text.ends_with(&format!("\\n\n… and {} more", 50 - listed)), "{text}");
        alert.spool = "&".repeat(4_000);
        assert!(alert.slack()["text"].as_str().unwrap().chars().count() <= SLACK_CHARS_MAX);
    }
}
