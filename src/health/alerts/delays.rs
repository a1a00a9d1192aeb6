//! How long a finding must last before it is due.

use std::time::Duration;

use crate::health::finding::Level;

/// How long a finding must last before it is due, and when it is due again.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlertDelays {
    /// `alert_after`.
    pub(super) after: Duration,
    /// `alert_remind`.
    pub(super) remind: Duration,
}

impl AlertDelays {
    /// How long a finding of this level must last before it counts, in ms. A critical one counts four times sooner.
    pub(super) fn begin_ms(self, level: Level) -> i64 {
        let after = if level == Level::Critical { self.after / 4 } else { self.after };
        after.as_millis() as i64
    }

    /// How long a finding must be away, or below a level, before that counts, in ms.
    pub(super) fn end_ms(self) -> i64 {
        self.after.as_millis() as i64
    }

    /// How long after it was sent a finding that lasts is sent again, in ms.
    pub(super) fn remind_ms(self) -> i64 {
        self.remind.as_millis() as i64
    }
}
