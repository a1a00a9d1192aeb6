//! What is wrong with workers.

use std::collections::BTreeMap;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::situation::Situation;
use crate::health::facts::WorkerFacts;
use crate::health::finding::{Finding, Level};
use crate::health::finding_key::FindingKey;
use crate::health::worker_status::{Stall, WorkerStatus};
use crate::observe::short_duration;
use crate::spool::SpoolPart;

/// At most this many datasets are named in one finding.
const NAMED_MAX: usize = 6;

const TRIES_AGAIN: &str = "irispool tries again by itself; nothing is lost meanwhile";

pub(super) fn none_alive(situation: &Situation<'_>) -> Option<Finding> {
    const START: &str =
        "start one as the user that runs client.py: irispool run, or systemctl start irispool@1";
    let is_unknown = situation.facts.unread.contains_key(&SpoolPart::Claimed);
    if is_unknown || situation.alive().next().is_some() || situation.wait_for_drain().is_some() {
        return None;
    }
    let (what, hint) = match &situation.facts.drains {
        None => ("no worker is alive".to_owned(), START.to_owned()),
        Some(drains) => {
            let ago = short_duration(situation.age(drains.ended_ms));
            (
                format!("no worker is alive, and the last drain ended {ago} ago"),
                format!(
                    "if cron starts the drains, does it still do so, and what do they print? Otherwise {START}"
                ),
            )
        }
    };
    Some(Finding::new(Level::Critical, FindingKey::NoWorker, what, hint))
}

pub(super) fn dead_with_messages(situation: &Situation<'_>) -> Option<Finding> {
    let dead = situation.facts.workers.iter().filter(|worker| !worker.alive);
    let what = match dead.map(|worker| worker.claimed).sum::<u64>() {
        0 => return None,
        1 => "1 message is held by a worker that died".to_owned(),
        held => format!("{held} messages are held by a worker that died"),
    };
    let hint = "the next worker that runs delivers them";
    Some(Finding::new(Level::Warning, FindingKey::DeadWorker, what, hint))
}

pub(super) fn hanging(situation: &Situation<'_>) -> Vec<Finding> {
    let at_ms = situation.facts.at_ms;
    let hanging: Vec<_> =
        situation.alive().filter_map(|worker| Some((worker, worker.hangs_for(at_ms)?))).collect();
    // If no other worker is at work, this is as bad as if no worker were alive.
    let is_every_one = hanging.len() == situation.alive().count();
    let level = if is_every_one { Level::Critical } else { Level::Warning };
    let finding = |(worker, age): (&WorkerFacts, Duration)| {
        let what = format!("worker {} has made no round for {}", worker.name, short_duration(age));
        let hint = "the worker or its disk hangs: read its log; if you kill it, the next worker takes over";
        Finding::new(level, FindingKey::Hangs(worker.name.clone()), what, hint)
    };
    hanging.into_iter().map(finding).collect()
}

/// One finding for each fault, such as a full disk, however many tables it stops.
pub(super) fn parked(situation: &Situation<'_>) -> Vec<Finding> {
    let statuses = situation.alive().filter_map(|worker| worker.status.as_ref());
    let mut parked: Vec<_> = statuses.flat_map(|status| &status.parked).collect();
    parked.sort_by_key(|(dataset, stall)| (*dataset, !stall.needs_person));
    parked.dedup_by_key(|(dataset, _)| *dataset);
    let mut by_fault = BTreeMap::<_, Vec<(&str, &Stall)>>::new();
    for (dataset, stall) in parked {
        by_fault.entry((&*stall.why, stall.hint.as_deref())).or_default().push((dataset, stall));
    }
    let finding = |((why, _), tables): ((&str, _), Vec<(&str, &Stall)>)| {
        let (first, stall) = tables.iter().min_by_key(|(_, stall)| stall.since_ms).copied()?;
        let lasted = short_duration(situation.age(stall.since_ms));
        let (about, are) = match tables.len() {
            1 => (first.to_owned(), "is parked, and its"),
            // The key must stay the same while the fault lasts, whichever datasets it stops.
            _ => (format!("{:08x}", xxh3_64(why.as_bytes()) as u32), "are parked, and their"),
        };
        let names: Vec<&str> = tables.iter().map(|(dataset, _)| *dataset).collect();
        let what = format!("{} {are} rows have waited for {lasted}: {why}", listed(&names));
        let hint = match &stall.hint {
            Some(hint) => format!("{hint}. Nothing is lost meanwhile"),
            None if stall.needs_person => "a person must mend this; nothing is lost meanwhile".to_owned(),
            None => TRIES_AGAIN.to_owned(),
        };
        Some(Finding::new(Level::Critical, FindingKey::Parked(about), what, hint))
    };
    by_fault.into_iter().filter_map(finding).collect()
}

/// A worker delivers nothing before it has opened its warehouse.
pub(super) fn waiting_for_warehouse(situation: &Situation<'_>) -> Option<Finding> {
    let (lasted, why) = longest(situation, |status| status.waits.as_ref())?;
    let what = format!("a worker has waited for the warehouse for {lasted}: {why}");
    Some(Finding::new(Level::Critical, FindingKey::Waits, what, TRIES_AGAIN))
}

/// Rows flow, but `done/` grows.
pub(super) fn unpacked(situation: &Situation<'_>) -> Option<Finding> {
    let (lasted, why) = longest(situation, |status| status.unpacked.as_ref())?;
    let what = format!("delivered messages have stayed in done/ without being packed for {lasted}: {why}");
    let hint = "free some space, correct the rights, or move away a file that is larger than any message: then the worker packs";
    Some(Finding::new(Level::Warning, FindingKey::Unpacked, what, hint))
}

/// Rows flow, but what is kept grows.
pub(super) fn over_limits(situation: &Situation<'_>) -> Option<Finding> {
    let (lasted, why) = longest(situation, |status| status.unlimited.as_ref())?;
    let what =
        format!("a worker has not been able to keep keep_max_age and keep_max_bytes for {lasted}: {why}");
    let hint =
        "correct the rights, or delete it yourself; the worker deletes everything else that is over a limit";
    Some(Finding::new(Level::Warning, FindingKey::Unlimited, what, hint))
}

/// The stall of one kind that has lasted longest among all live workers: for how long, and why.
fn longest<'a>(
    situation: &Situation<'a>,
    kind: fn(&WorkerStatus) -> Option<&Stall>,
) -> Option<(String, &'a str)> {
    let stalls = situation.alive().filter_map(|worker| kind(worker.status.as_ref()?));
    let stall = stalls.min_by_key(|stall| stall.since_ms)?;
    Some((short_duration(situation.age(stall.since_ms)), &stall.why))
}

/// `BOD, FREQ, MID and 3 more`.
fn listed(datasets: &[&str]) -> String {
    let listed = datasets[..datasets.len().min(NAMED_MAX)].join(", ");
    match datasets.len().saturating_sub(NAMED_MAX) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}
