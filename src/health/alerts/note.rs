//! What an alert says about one finding.

use std::time::Duration;

use serde_json::{Value, json};

use crate::health::finding::Level;
use crate::health::finding_key::FindingKey;
use crate::observe::{plain, short_duration};

/// Longer texts are cut.
const CHARS_MAX: usize = 500;

/// What an alert says about one finding that is there or has ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AlertNote {
    pub(super) key: FindingKey,
    pub(super) level: Level,
    pub(super) what: String,
    pub(super) hint: String,
    /// When the finding began, in ms since 1970 UTC.
    pub(super) since_ms: i64,
    /// The level that was sent last, if the finding has become worse or better since.
    pub(super) was: Option<Level>,
    /// Whether the finding lasts, but irispool waits for it no more.
    pub(super) given_up: bool,
}

impl AlertNote {
    pub(super) fn json(&self) -> Value {
        let mut json = json!({
            "key": self.key,
            "level": self.level,
            "what": cut(&self.what),
            "hint": cut(&self.hint),
            "since": utc(self.since_ms),
        });
        if let Some(was) = self.was {
            json["was"] = json!(was);
        }
        if self.given_up {
            json["given_up"] = json!(true);
        }
        json
    }

    /// The note in words, with its hint on a second line if it is new or has changed. `list`: the name of the list that
    /// the note is in.
    pub(super) fn text(&self, list: &str, at_ms: i64) -> String {
        let (what, level) = (cut(&self.what), self.level.word());
        let lasted = Duration::from_millis(u64::try_from(at_ms - self.since_ms).unwrap_or(0));
        let lasted = short_duration(lasted);
        match (list, self.was) {
            ("cleared", _) if self.given_up => format!("given up after {lasted}: {what}"),
            ("cleared", _) => format!("over after {lasted}: {what}"),
            (_, Some(was)) => format!("{level}, was {}: {what}\n    hint: {}", was.word(), cut(&self.hint)),
            ("still", _) => format!("still {level}, for {lasted}: {what}"),
            _ => format!("{level}: {what}\n    hint: {}", cut(&self.hint)),
        }
    }
}

/// The text as one line that is safe for a terminal, and not too long.
fn cut(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// `2025-10-28T04:00:00Z`. `ms`: in ms since 1970 UTC.
pub(super) fn utc(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
