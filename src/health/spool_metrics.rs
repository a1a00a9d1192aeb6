//! The metrics of the whole spool, from the same facts and findings as `irispool status`.

use super::facts::Facts;
use super::finding::{Finding, Level, level_of};
use crate::metrics::MetricFamily;

/// The numbers of `irispool status`. Every worker of a spool serves the same.
pub(super) fn of_facts(facts: &Facts) -> Vec<MetricFamily> {
    let gauge = MetricFamily::gauge;
    let mut backlog = gauge("irispool_backlog_messages", "Messages that wait in incoming or are claimed.");
    let mut oldest = gauge("irispool_backlog_oldest_age_seconds", "Age of the oldest of them.");
    let mut claimed =
        gauge("irispool_in_flight_messages", "Messages in the hands of a worker, alive or dead.");
    let mut dead = gauge("irispool_dead_letters", "Messages in dead.");
    let mut last = gauge("irispool_last_row_timestamp_seconds", "When the last row came, since 1970 UTC.");
    let mut day = gauge("irispool_recent_rows", "Rows of all workers in the last 24 hours.");
    let mut hour = gauge("irispool_last_hour_rows", "Rows of all workers in the last hour.");
    let mut bytes = gauge("irispool_backlog_bytes", "Bytes of the messages that wait or are claimed.");
    for (dataset, of) in &facts.datasets {
        let labels = [("dataset", dataset.as_str())];
        let age_ms = of.oldest_ms.map_or(0, |oldest| (facts.at_ms - oldest).max(0));
        backlog = backlog.with(&labels, of.ready + of.claimed);
        bytes = bytes.with(&labels, of.backlog_bytes);
        oldest = oldest.with(&labels, age_ms as f64 / 1e3);
        claimed = claimed.with(&labels, of.claimed);
        dead = dead.with(&labels, of.dead);
        if let Some(flow) = &of.flow {
            day = day.with(&labels, flow.rows_day);
            hour = hour.with(&labels, flow.rows_hour);
        }
        if let Some(last_ms) = of.flow.as_ref().and_then(|flow| flow.last_row_ms) {
            last = last.with(&labels, last_ms as f64 / 1e3);
        }
    }
    let alive = facts.workers.iter().filter(|worker| worker.alive).count() as u64;
    let workers = gauge("irispool_workers", "Workers of this spool.")
        .with(&[("state", "alive")], alive)
        .with(&[("state", "dead")], facts.workers.len() as u64 - alive);
    let mut disks = gauge("irispool_disk_used_ratio", "How full a disk is, or its inodes, from 0 to 1.");
    let mut free = gauge("irispool_disk_free_bytes", "What may still be written to a disk.");
    for disk in &facts.disks {
        let path = disk.path.to_string_lossy();
        disks = disks.with(&[("path", &path)], f64::from(disk.percent_used) / 100.0);
        free = free.with(&[("path", &path)], disk.free_bytes);
    }
    let mut ages = gauge(
        "irispool_backlog_age_messages",
        "Messages that wait or are claimed, by age: each is in one class, with its upper end in seconds.",
    );
    for class in &facts.backlog_ages {
        let end = class.up_to_s.map_or("+Inf".to_owned(), |end| end.to_string());
        ages = ages.with(&[("up_to", &end)], class.messages);
    }
    let stray = gauge(
        "irispool_stray_files",
        "Files, links and folders set aside directly in incoming, where no worker takes them.",
    )
    .with(&[], facts.stray.count);
    let too_deep = gauge(
        "irispool_too_deep_folders",
        "Folders inside datasets' folders with something in them, where no worker looks.",
    )
    .with(&[], facts.too_deep.count);
    let temporary = gauge(
        "irispool_temporary_files",
        "Files in incoming under temporary names that nobody has written to for an hour.",
    )
    .with(&[], facts.temporary.count);
    let dead_bytes = gauge("irispool_dead_bytes", "What dead takes of the disk, with its reports.")
        .with(&[], facts.dead_bytes);
    let warehouse = &facts.warehouse;
    let up = gauge("irispool_warehouse_up", "1 where the warehouse answered when it was looked at, else 0.")
        .with(&[], u64::from(warehouse.answered_ms.is_some()));
    let mut answer =
        gauge("irispool_warehouse_answer_seconds", "How long the warehouse took to answer then.");
    if let Some(ms) = warehouse.answered_ms {
        answer = answer.with(&[], ms as f64 / 1e3);
    }
    let mut newest = gauge(
        "irispool_newest_row_timestamp_seconds",
        "When the last row of any dataset came, since 1970 UTC; also where the ledger has been pruned since.",
    );
    if let Some(last_ms) = warehouse.last_row_ms {
        newest = newest.with(&[], last_ms as f64 / 1e3);
    }
    let mut superseded = gauge(
        "irispool_superseded_contents",
        "Contents of messages that were never loaded, as other content that was written later was in: in SQLite.",
    );
    if let Some(contents) = warehouse.superseded {
        superseded = superseded.with(&[], contents);
    }
    let client =
        gauge("irispool_client_running", "1 where Elexon's client was found on this machine, else 0.")
            .with(&[], u64::from(facts.client.running.is_some()));
    let mut wrote = gauge(
        "irispool_client_wrote_timestamp_seconds",
        "When the newest message was written, since 1970 UTC, or else when the last row came.",
    );
    if let Some(wrote_ms) = facts.client.wrote_ms {
        wrote = wrote.with(&[], wrote_ms as f64 / 1e3);
    }
    let mut secret = gauge(
        "irispool_client_secret_expires_timestamp_seconds",
        "When the day begins on which the client's secret expires, since 1970 UTC: client_secret_expires.",
    );
    if let Some(expires_ms) = facts.client.secret_expires_ms {
        secret = secret.with(&[], expires_ms as f64 / 1e3);
    }
    vec![
        client, wrote, secret, backlog, bytes, ages, oldest, stray, too_deep, temporary, claimed, dead,
        dead_bytes, last, newest, hour, day, workers, disks, free, up, answer, superseded,
    ]
}

/// The level and the findings of `irispool status`.
pub(super) fn of_findings(findings: &[Finding]) -> [MetricFamily; 2] {
    let level_now = level_of(findings);
    let mut levels =
        MetricFamily::gauge("irispool_status", "1 for the level of irispool status, 0 for the others.");
    for level in [Level::Ok, Level::Warning, Level::Critical, Level::Unknown] {
        levels = levels.with(&[("level", &level.word().to_lowercase())], level == level_now);
    }
    let mut found =
        MetricFamily::gauge("irispool_finding", "1 for each thing that irispool status finds wrong.");
    for Finding { key, level, .. } in findings {
        let labels = [("key", &*key.to_string()), ("level", &*level.word().to_lowercase())];
        found = found.with(&labels, 1_u64);
    }
    [levels, found]
}
