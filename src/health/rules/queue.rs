//! What is wrong with the messages in the spool.

use super::situation::Situation;
use crate::health::finding::{Finding, Level};
use crate::health::finding_key::FindingKey;
use crate::keeper::DeadFill;
use crate::observe::{short_duration, size};
use crate::spool::Sighting;

pub(super) fn spool_unread(situation: &Situation<'_>) -> Option<Finding> {
    let facts = situation.facts;
    if facts.unread.is_empty() {
        return None;
    }
    let mut reasons: Vec<&str> = facts.unread.values().map(String::as_str).collect();
    reasons.dedup();
    let hint = format!(
        "is {} the spool, and may this user read it? --spool, IRISPOOL_SPOOL or irispool.toml say where it is",
        facts.spool.display()
    );
    Some(Finding::new(Level::Unknown, FindingKey::Spool, reasons.join("; "), hint))
}

pub(super) fn backlog(situation: &Situation<'_>) -> Option<Finding> {
    let (facts, config) = (situation.facts, situation.config);
    let backlog = facts.ready + facts.claimed;
    let (warn, critical) = (config.status_backlog_warn as u64, config.status_backlog_critical as u64);
    if backlog <= warn.min(critical) || situation.wait_for_drain().is_some() {
        return None;
    }
    let (level, limit) =
        if backlog > critical { (Level::Critical, critical) } else { (Level::Warning, warn) };
    let claimed = match facts.claimed {
        0 => String::new(),
        claimed => format!("; workers have claimed {claimed} of them"),
    };
    let what = format!("{backlog} messages wait, more than {limit}{claimed}");
    let hint = "is a worker at work? It delivers thousands per second: read its log";
    Some(Finding::new(level, FindingKey::Backlog, what, hint))
}

pub(super) fn oldest(situation: &Situation<'_>) -> Option<Finding> {
    let age = situation.age(situation.facts.oldest_ms?);
    if age <= situation.config.status_stale_after || situation.wait_for_drain().is_some() {
        return None;
    }
    let what = format!("the oldest message has waited for {}", short_duration(age));
    let hint = "look for a file that is still open for writing, a file that irispool may not read, or a parked table";
    Some(Finding::new(Level::Warning, FindingKey::Oldest, what, hint))
}

/// What the client wrote where no worker looks.
pub(super) fn misplaced(situation: &Situation<'_>) -> Vec<Finding> {
    let facts = situation.facts;
    let mut findings = Vec::new();
    let mut find = |key, seen: &Sighting, one: &str, several: &str, hint: &str| {
        let such_as = seen.first.as_ref().map_or(String::new(), |path| path.display().to_string());
        let what = match seen.count {
            0 => return,
            1 => format!("1 {one}: {such_as}"),
            count => format!("{count} {several}, such as {such_as}"),
        };
        findings.push(Finding::new(Level::Warning, key, what, hint));
    };
    find(
        FindingKey::Stray,
        &facts.stray,
        "stray file or folder",
        "stray files or folders",
        "no worker takes it: move messages into their dataset's folder, and anything else out of incoming",
    );
    find(
        FindingKey::TooDeep,
        &facts.too_deep,
        "folder lies inside a dataset's folder",
        "folders lie inside datasets' folders",
        "no worker looks into them: is RelativeFileDownloadDirectory one level too deep? Move the files up",
    );
    find(
        FindingKey::Temporary,
        &facts.temporary,
        "file in incoming has a temporary name and has not been written to for an hour",
        "files in incoming have temporary names and have not been written to for an hour",
        "no worker takes it before it is renamed: if it is whole, give it its message's name, otherwise remove it",
    );
    findings
}

pub(super) fn disks(situation: &Situation<'_>) -> Vec<Finding> {
    let percent_max = situation.config.status_disk_critical;
    let full = situation.facts.disks.iter().filter(|disk| disk.percent_used as usize > percent_max);
    full.map(|disk| {
        let path = disk.path.display().to_string();
        let what = format!("the disk of {path} is {} % full", disk.percent_used);
        let hint = "free some space, or inodes (df -i); you may empty done/, but never incoming/ or claimed/";
        Finding::new(Level::Critical, FindingKey::Disk(path), what, hint)
    })
    .collect()
}

pub(super) fn dead_letters(situation: &Situation<'_>) -> Option<Finding> {
    let what = match situation.facts.dead {
        0 => return None,
        1 => "1 dead letter".to_owned(),
        dead => format!("{dead} dead letters"),
    };
    Some(Finding::new(Level::Warning, FindingKey::Dead, what, "irispool dead list shows why"))
}

/// How much of `dead_max_bytes` is taken.
pub(super) fn dead_room(situation: &Situation<'_>) -> Option<Finding> {
    let (bytes, bytes_max) = (situation.facts.dead_bytes, situation.config.dead_max_bytes?);
    let holds = format!("dead/ holds {}, and dead_max_bytes allows {}", size(bytes), size(bytes_max));
    let (level, key, what) = match DeadFill::of(bytes, bytes_max) {
        DeadFill::Low => return None,
        DeadFill::NearlyFull => (
            Level::Warning,
            FindingKey::DeadNearlyFull,
            format!("{holds}: irispool stops claiming messages when it is full"),
        ),
        DeadFill::Full => {
            (Level::Critical, FindingKey::DeadFull, format!("irispool claims no more messages: {holds}"))
        }
    };
    let hint = "retry or drop some dead letters: irispool dead list shows why they are there";
    Some(Finding::new(level, key, what, hint))
}
