//! An alert as text: JSON, words, and words as Slack takes them.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::decide::Changes;
use crate::config::Config;
use crate::health::{Level, words};
use crate::observe::plain;

/// Of each kind so many are listed; the others are counted.
const LISTED_MAX: usize = 30;

/// Longer texts are cut.
const CHARS_MAX: usize = 500;

/// Slack takes 40,000, Discord at its address for Slack's messages 2,000.
const SLACK_CHARS_MAX: usize = 2_000;

/// Something that is wrong, or was.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Note {
    pub(super) key: String,
    pub(super) level: Level,
    pub(super) what: String,
    pub(super) hint: String,
    pub(super) since_ms: i64,
    /// The level it had when it was told last, where it has become worse or better.
    pub(super) was: Option<Level>,
    /// It is not over, but no longer waited for.
    pub(super) given_up: bool,
}

/// Why something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reason {
    Change,
    Reminder,
    Test,
}

impl Reason {
    pub(super) fn word(self) -> &'static str {
        match self {
            Reason::Change => "change",
            Reason::Reminder => "reminder",
            Reason::Test => "test",
        }
    }
}

/// What is told at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) reason: Reason,
    /// The worst of what counts now.
    pub(super) level: Level,
    pub(super) host: String,
    /// The spool's whole path.
    pub(super) spool: String,
    pub(super) at_ms: i64,
    pub(super) changes: Changes,
}

impl Message {
    pub(super) fn new(config: &Config, level: Level, at_ms: i64, changes: Changes) -> Message {
        let reason = if changes.only_reminds() { Reason::Reminder } else { Reason::Change };
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let spool = std::path::absolute(&config.spool).unwrap_or_else(|_| config.spool.clone());
        let spool = spool.display().to_string();
        Message { reason, level, host, spool, at_ms, changes }
    }

    /// By which somebody sees that alerts arrive.
    pub(super) fn test(config: &Config) -> Message {
        let at_ms = crate::spool::now_ms();
        let message = Message::new(config, Level::Ok, at_ms, Changes::default());
        Message { reason: Reason::Test, ..message }
    }

    /// Every kind of note, by its name.
    pub(super) fn kinds(&self) -> [(&'static str, &[Note]); 5] {
        let Changes { new, worse, better, cleared, still, .. } = &self.changes;
        [("new", new), ("worse", worse), ("better", better), ("cleared", cleared), ("still", still)]
    }

    /// For programs. There may be more fields some day; none of these goes.
    pub(super) fn json(&self) -> Value {
        let mut json = json!({
            "irispool": env!("CARGO_PKG_VERSION"),
            "reason": self.reason,
            "level": self.level,
            "host": self.host,
            "spool": self.spool,
            "at": time(self.at_ms),
            "text": self.text(),
        });
        for (kind, notes) in self.kinds() {
            json[kind] = notes.iter().take(LISTED_MAX).map(Note::json).collect();
        }
        json["unlisted"] = self.kinds().iter().map(|(_, notes)| unlisted(notes)).sum::<usize>().into();
        json
    }

    /// As Slack takes it, and others that are made like it: as much of the text as they take, whole notes of it.
    pub(super) fn slack(&self) -> Value {
        // What is behind the first note without room is not told, however short.
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

    /// In words: the level, the host and the spool in the first line, then a line a note.
    pub(super) fn text(&self) -> String {
        let mut text = self.headline();
        for (lines, _) in self.lines() {
            let _ = write!(text, "\n{lines}");
        }
        text
    }

    fn headline(&self) -> String {
        let what = match self.reason {
            Reason::Test => "this is a test of its alerts".to_owned(),
            Reason::Reminder => format!("{}, still", self.level.word()),
            Reason::Change => self.level.word().to_owned(),
        };
        format!("irispool on {} ({}): {what}", plain(&self.host), plain(&self.spool))
    }

    /// What is below the headline: the lines of a note, or those of which only the number is told, each with how many
    /// notes that are.
    fn lines(&self) -> Vec<(String, usize)> {
        let mut lines = Vec::new();
        for (kind, notes) in self.kinds() {
            let listed = notes.iter().take(LISTED_MAX);
            lines.extend(listed.map(|note| (note.line(kind, self.at_ms), 1)));
            let more = unlisted(notes);
            if more > 0 {
                lines.push((format!("{kind}: {more} more"), more));
            }
        }
        lines
    }
}

impl Note {
    fn json(&self) -> Value {
        let mut json = json!({
            "key": self.key,
            "level": self.level,
            "what": cut(&self.what),
            "hint": cut(&self.hint),
            "since": time(self.since_ms),
        });
        if let Some(was) = self.was {
            json["was"] = json!(was);
        }
        if self.given_up {
            json["given_up"] = json!(true);
        }
        json
    }

    fn line(&self, kind: &str, at_ms: i64) -> String {
        let (what, level) = (cut(&self.what), self.level.word());
        let lasted = words(Duration::from_millis(u64::try_from(at_ms - self.since_ms).unwrap_or(0)));
        match (kind, self.was) {
            ("cleared", _) if self.given_up => format!("given up after {lasted}: {what}"),
            ("cleared", _) => format!("over after {lasted}: {what}"),
            (_, Some(was)) => format!("{level}, was {}: {what}\n    hint: {}", was.word(), cut(&self.hint)),
            ("still", _) => format!("still {level}, for {lasted}: {what}"),
            _ => format!("{level}: {what}\n    hint: {}", cut(&self.hint)),
        }
    }
}

fn unlisted(notes: &[Note]) -> usize {
    notes.len().saturating_sub(LISTED_MAX)
}

/// One line that no terminal minds, and not too long.
fn cut(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(key: &str, level: Level, was: Option<Level>) -> Note {
        let (what, hint) = (format!("{key} & <b>\n"), "mend it".to_owned());
        Note { key: key.to_owned(), level, what, hint, since_ms: 1_761_624_000_000, was, given_up: false }
    }

    fn message() -> Message {
        let changes = Changes {
            new: vec![note("no-worker", Level::Critical, None)],
            worse: vec![note("backlog", Level::Critical, Some(Level::Warning))],
            cleared: vec![note("stale", Level::Warning, None)],
            still: vec![note("dead", Level::Warning, None)],
            ..Changes::default()
        };
        let (host, spool) = ("box".to_owned(), "/srv/spool".to_owned());
        let at_ms = 1_761_624_065_000;
        Message { reason: Reason::Change, level: Level::Critical, host, spool, at_ms, changes }
    }

    #[test]
    fn in_words_it_is_a_line_a_note_with_its_hint() {
        insta::assert_snapshot!(message().text(), @r"
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
        let slack = message().slack();
        let text = slack["text"].as_str().unwrap();
        assert_eq!(slack.as_object().unwrap().len(), 1);
        assert!(text.contains("no-worker &amp; &lt;b&gt;\\n"), "{text}");
    }

    #[test]
    fn however_much_is_wrong_it_stays_short() {
        let mut message = message();
        let Changes { new, worse, better, cleared, still, .. } = &mut message.changes;
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
        assert!(message.text().chars().count() < 5 * 30 * 1_100);
        for kind in ["new", "worse", "better", "cleared", "still"] {
            assert!(message.text().contains(&format!("\n{kind}: 4970 more")));
            assert_eq!(message.json()[kind].as_array().unwrap().len(), LISTED_MAX);
        }
        assert_eq!(message.json()["unlisted"], 5 * 4_970);
        let slack = message.slack();
        let text = slack["text"].as_str().unwrap();
        assert!(text.chars().count() <= SLACK_CHARS_MAX, "{}", text.chars().count());
        assert!(text.ends_with("\n… and 24999 more"), "{text}");
    }

    #[test]
    fn slack_is_told_whole_notes_and_how_many_it_is_not_told() {
        let mut message = message();
        message.changes.still = (0..50).map(|_| note(&"k".repeat(180), Level::Warning, None)).collect();
        let slack = message.slack();
        let text = slack["text"].as_str().unwrap();
        let told = text.matches("\nstill WARNING").count();
        assert!(told > 5 && text.chars().count() <= SLACK_CHARS_MAX, "{text}");
        assert!(text.ends_with(&format!("\\n\n… and {} more", 50 - told)), "{text}");
        message.spool = "&".repeat(4_000);
        assert!(message.slack()["text"].as_str().unwrap().chars().count() <= SLACK_CHARS_MAX);
    }
}
