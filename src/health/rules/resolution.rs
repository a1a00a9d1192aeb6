//! Why an earlier finding is not found any more. It is resolved only if the facts could show it.

use super::arrivals::GIVEN_UP_AFTER;
use crate::health::facts::Facts;
use crate::health::finding::Finding;
use crate::health::finding_key::FindingKey;
use crate::spool::SpoolPart;

/// Why an earlier finding is not found any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::health) enum Resolution {
    /// It is as it should be again.
    Resolved,
    /// It lasts, but irispool waits for it no more.
    GivenUp,
    /// The facts cannot show it.
    Unknown,
}

/// Why a finding of this key, first found at `since_ms`, is not among `findings`, which were made of `facts`.
pub(in crate::health) fn resolution(
    key: &FindingKey,
    since_ms: i64,
    facts: &Facts,
    findings: &[Finding],
) -> Resolution {
    let is_read = |part| !facts.unread.contains_key(&part);
    let one_lives = facts.workers.iter().any(|worker| worker.alive);
    let one_speaks = facts.workers.iter().any(|worker| worker.alive && worker.status.is_some());
    let is_known = match key {
        FindingKey::NoWorker => one_lives || is_read(SpoolPart::Claimed),
        FindingKey::DeadWorker | FindingKey::Hangs(_) => is_read(SpoolPart::Claimed),
        // Only a live worker says so.
        FindingKey::Parked(_) | FindingKey::Waits | FindingKey::Unpacked | FindingKey::Unlimited => {
            one_speaks && is_read(SpoolPart::Claimed)
        }
        FindingKey::Backlog | FindingKey::Oldest => {
            is_read(SpoolPart::Incoming) && is_read(SpoolPart::Claimed)
        }
        FindingKey::Stray | FindingKey::TooDeep | FindingKey::Temporary => is_read(SpoolPart::Incoming),
        FindingKey::Dead | FindingKey::DeadFull | FindingKey::DeadNearlyFull => is_read(SpoolPart::Dead),
        // If no row ever arrived, the rule finds nothing until a worker has run for a while.
        FindingKey::Stale => facts.is_flow_known && facts.warehouse.last_row_ms.is_some(),
        FindingKey::StaleDataset(dataset) => return dataset_resolution(dataset, since_ms, facts, findings),
        FindingKey::Disk(path) => facts.disks.iter().any(|disk| disk.path.as_os_str() == path.as_str()),
        FindingKey::ClientGone => facts.client.is_certain,
        FindingKey::ClientSecret | FindingKey::Warehouse | FindingKey::Spool | FindingKey::Foreign(_) => true,
    };
    if is_known { Resolution::Resolved } else { Resolution::Unknown }
}

/// Only a row ends the silence of a dataset. Its lines in the ledger may have been pruned, and its rhythm with them,
/// and then the rule finds nothing although no row arrives.
fn dataset_resolution(dataset: &str, since_ms: i64, facts: &Facts, findings: &[Finding]) -> Resolution {
    // While no row of any dataset arrives, no dataset is named by itself.
    if !facts.is_flow_known || findings.iter().any(|finding| finding.key == FindingKey::Stale) {
        return Resolution::Unknown;
    }
    let flow = facts.datasets.get(dataset).and_then(|facts| facts.flow.as_ref());
    let last_ms = flow.and_then(|flow| flow.last_row_ms);
    if last_ms.is_some_and(|last_ms| last_ms > since_ms) {
        Resolution::Resolved
    } else if facts.at_ms - last_ms.unwrap_or(since_ms) >= GIVEN_UP_AFTER.as_millis() as i64 {
        Resolution::GivenUp
    } else {
        Resolution::Unknown
    }
}
