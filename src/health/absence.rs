//! What it means that something found earlier is not found any more: only what could be looked at is known to be over.

use super::judge::GIVEN_UP_AFTER;
use super::{Facts, Finding};
use crate::spool::SpoolPart;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It is as it should be.
    Over,
    /// It lasts, and nobody waits for anything else any more.
    GivenUp,
    /// This look could not tell.
    Unknown,
}

/// Why a finding of this key, which began at `since_ms`, is not among those that were made of these facts.
pub(super) fn absence(key: &str, since_ms: i64, facts: &Facts, findings: &[Finding]) -> Absence {
    let (kind, about) = key.split_once(':').unwrap_or((key, ""));
    let is_read = |part| !facts.unread.contains_key(&part);
    let one_lives = facts.workers.iter().any(|worker| worker.alive);
    let one_speaks = facts.workers.iter().any(|worker| worker.alive && worker.news.is_some());
    let is_known = match kind {
        "no-worker" => one_lives || is_read(SpoolPart::Claimed),
        "dead-worker" | "hangs" => is_read(SpoolPart::Claimed),
        // Only a live worker says so.
        "parked" | "waits" | "unpacked" | "unlimited" => one_speaks && is_read(SpoolPart::Claimed),
        "backlog" | "oldest" => is_read(SpoolPart::Incoming) && is_read(SpoolPart::Claimed),
        "stray" | "too-deep" | "temporary" => is_read(SpoolPart::Incoming),
        "dead" | "dead-full" | "dead-nearly-full" => is_read(SpoolPart::Dead),
        // Where none ever came it is told again after a while, unless one does.
        "stale" if about.is_empty() => facts.is_flow_known && facts.warehouse.last_row_ms.is_some(),
        // While nothing comes at all, no dataset is told of by itself.
        "stale" => facts.is_flow_known && !findings.iter().any(|finding| finding.key == "stale"),
        "disk" => facts.disks.iter().any(|disk| disk.path.as_os_str() == about),
        _ => true,
    };
    if !is_known {
        return Absence::Unknown;
    }
    if kind != "stale" || about.is_empty() {
        return Absence::Over;
    }
    // Its lines may have been pruned, and its rhythm with them: only a row ends a silence.
    let last_ms = facts.datasets.get(about).and_then(|of| of.flow.as_ref()).and_then(|flow| flow.last_row_ms);
    let silent_since_ms = last_ms.unwrap_or(since_ms);
    if last_ms.is_some_and(|last_ms| last_ms > since_ms) {
        Absence::Over
    } else if facts.at_ms - silent_since_ms >= GIVEN_UP_AFTER.as_millis() as i64 {
        Absence::GivenUp
    } else {
        Absence::Unknown
    }
}
