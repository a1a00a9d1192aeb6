//! Whether rows arrive.

use std::time::Duration;

use super::situation::Situation;
use crate::health::finding::{Finding, Level};
use crate::health::finding_key::FindingKey;
use crate::observe::short_duration;
use crate::paste;

/// After a dataset has been silent for this long, irispool waits for it no more.
pub(super) const GIVEN_UP_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) fn warehouse_silent(situation: &Situation<'_>) -> Option<Finding> {
    let warehouse = &situation.facts.warehouse;
    let error = warehouse.error.as_ref()?;
    let hint = warehouse.hint.clone().unwrap_or_else(|| {
        let name = paste::word(&warehouse.name);
        format!("does it open? irispool query --warehouse {name} 'SELECT 1'")
    });
    let what = format!("the warehouse does not answer: {error}");
    Some(Finding::new(Level::Unknown, FindingKey::Warehouse, what, hint))
}

/// No rows, although some should have arrived by now. For all datasets together this is known once any row arrived, as
/// they never rest together. For one dataset it is known once it has a rhythm.
pub(super) fn stale(situation: &Situation<'_>) -> Vec<Finding> {
    if !situation.facts.is_flow_known {
        return Vec::new();
    }
    let wait_for_drain = situation.wait_for_drain().unwrap_or(Duration::ZERO);
    let stale_after = situation.config.status_stale_after + wait_for_drain;
    let all = all_stale(situation, stale_after);
    // While no row of any dataset arrives, no dataset is named by itself. Before the first row, none can be.
    if all.is_some() { all.into_iter().collect() } else { stale_datasets(situation, stale_after) }
}

fn all_stale(situation: &Situation<'_>, stale_after: Duration) -> Option<Finding> {
    let (facts, warehouse) = (situation.facts, &situation.facts.warehouse);
    let (what, hint) = if let Some(last_ms) = warehouse.last_row_ms {
        let age = situation.age(last_ms);
        let usual_silence = warehouse.rhythm.map_or(Duration::ZERO, |rhythm| rhythm.silence_of_all());
        if age <= stale_after.max(usual_silence) {
            return None;
        }
        let hint = if facts.ready + facts.claimed == 0 {
            "no message waits either: is the IRIS client running? Read its log"
        } else {
            "messages wait: read the workers' logs"
        };
        (format!("no row of any dataset has arrived for {}", short_duration(age)), hint)
    } else {
        // Since the oldest live worker started.
        let age = situation.age(situation.alive().filter_map(|worker| worker.since_ms).min()?);
        if age <= stale_after {
            return None;
        }
        let hint = "is the IRIS client running, and does it write into this spool's incoming folder?";
        (format!("no row has ever arrived in {}", short_duration(age)), hint)
    };
    Some(Finding::new(Level::Warning, FindingKey::Stale, what, hint))
}

fn stale_datasets(situation: &Situation<'_>, stale_after: Duration) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (dataset, facts) in &situation.facts.datasets {
        let Some((last_ms, rhythm)) = facts.flow.as_ref().and_then(|flow| flow.last_row_ms.zip(flow.rhythm))
        else {
            continue;
        };
        let age = situation.age(last_ms);
        if age > stale_after.max(rhythm.silence()) && age < GIVEN_UP_AFTER {
            let usual = short_duration(Duration::from_secs(rhythm.usual_gap_s));
            let what = format!(
                "no row of {dataset} has arrived for {}; usually one arrives every {usual}",
                short_duration(age)
            );
            let hint = "other datasets flow: is it still in the client's subscription?";
            findings.push(Finding::new(
                Level::Warning,
                FindingKey::StaleDataset(dataset.clone()),
                what,
                hint,
            ));
        }
    }
    findings
}
