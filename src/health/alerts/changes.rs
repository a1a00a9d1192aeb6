//! What is due for one channel.

use super::note::AlertNote;

/// What is due for one channel. In each list the worst note comes first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// Findings that the channel was not sent yet.
    pub(super) new: Vec<AlertNote>,
    /// Findings that have a higher level than the channel was sent.
    pub(super) worse: Vec<AlertNote>,
    /// Findings that last at a lower level than the channel was sent.
    pub(super) better: Vec<AlertNote>,
    /// Findings that the channel was sent and that have ended.
    pub(super) cleared: Vec<AlertNote>,
    /// Findings that the channel was sent and that last.
    pub(super) still: Vec<AlertNote>,
    /// Whether a finding that lasts is due again.
    pub(super) is_reminder: bool,
}

impl Changes {
    /// Whether nothing is due.
    pub(super) fn is_empty(&self) -> bool {
        self.is_unchanged() && !self.is_reminder
    }

    /// Whether the reminder is all that is due.
    pub(super) fn only_reminds(&self) -> bool {
        self.is_unchanged() && self.is_reminder
    }

    fn is_unchanged(&self) -> bool {
        [&self.new, &self.worse, &self.better, &self.cleared].into_iter().all(Vec::is_empty)
    }

    /// Each list with its name in JSON.
    pub(super) fn lists(&self) -> [(&'static str, &[AlertNote]); 5] {
        let Changes { new, worse, better, cleared, still, .. } = self;
        [("new", new), ("worse", worse), ("better", better), ("cleared", cleared), ("still", still)]
    }
}
