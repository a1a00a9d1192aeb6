//! Something that is not as it should be, and how bad it is.

use serde::{Deserialize, Serialize};

use super::finding_key::FindingKey;

/// How bad a finding is, as in the convention of Nagios except for the order: `Unknown` is worse than `Warning`, and
/// `Critical` is worse than everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Nothing is wrong.
    Ok,
    /// Somebody should look at it during office hours.
    Warning,
    /// It could not be found out.
    Unknown,
    /// Somebody should look at it now.
    Critical,
}

impl Level {
    /// The word on screens and in alerts, in capital letters.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Level::Ok => "OK",
            Level::Warning => "WARNING",
            Level::Critical => "CRITICAL",
            Level::Unknown => "UNKNOWN",
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What the finding is about. It stays the same while the matter lasts.
    pub key: FindingKey,
    /// What is wrong, in one sentence.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

impl Finding {
    /// A finding of these parts.
    pub(super) fn new(
        level: Level,
        key: FindingKey,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        Finding { level, key, what: what.into(), hint: hint.into() }
    }
}

/// The level of the worst finding, or [`Level::Ok`] if there are no findings.
pub(crate) fn level_of(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
}
