//! What a channel was sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::changes::Changes;
use super::note::AlertNote;
use crate::health::finding::Level;
use crate::health::finding_key::FindingKey;

/// What a channel was sent last, and how often it has failed since.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ChannelState {
    #[serde(rename = "told")]
    pub(super) sent: BTreeMap<FindingKey, SentNote>,
    /// How often sending has failed since it last succeeded.
    pub(super) tries: u32,
    /// When sending may be tried again, in ms since 1970 UTC.
    pub(super) next_ms: i64,
}

impl ChannelState {
    /// Takes in that the channel was sent all of this.
    pub(super) fn set_sent(&mut self, changes: &Changes, now_ms: i64) {
        (self.tries, self.next_ms) = (0, 0);
        for note in &changes.cleared {
            self.sent.remove(&note.key);
        }
        let Changes { new, worse, better, still, .. } = changes;
        for note in [new, worse, better, still].into_iter().flatten() {
            self.sent.insert(note.key.clone(), SentNote::new(note, now_ms));
        }
    }
}

/// What a channel was sent about one finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SentNote {
    pub(super) level: Level,
    what: String,
    hint: String,
    since_ms: i64,
    /// When it was sent, in ms since 1970 UTC.
    #[serde(rename = "told_ms")]
    pub(super) sent_ms: i64,
    /// Whether the finding lasts, but irispool waits for it no more.
    #[serde(default)]
    pub(super) given_up: bool,
}

impl SentNote {
    fn new(note: &AlertNote, sent_ms: i64) -> SentNote {
        let AlertNote { level, what, hint, since_ms, .. } = note.clone();
        SentNote { level, what, hint, since_ms, sent_ms, given_up: false }
    }

    /// What an alert says about it when it has ended.
    pub(super) fn note(&self, key: &FindingKey) -> AlertNote {
        let SentNote { level, what, hint, since_ms, given_up, .. } = self.clone();
        AlertNote { key: key.clone(), level, what, hint, since_ms, was: None, given_up }
    }
}
