//! What the facts mean. One place decides, so that the screen, the exit code and the alerts never differ.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{Facts, News, ParkedNews, WorkerFacts};
use crate::config::Config;
use crate::observe::size;
use crate::paste;
use crate::spool::{Sighting, SpoolPart};

/// A dataset that has been silent for so long has been given up: it is no news that no row comes.
pub(super) const GIVEN_UP_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// From so many percent of `dead_max_bytes` on there is a warning.
const DEAD_NEAR_PERCENT: u64 = 90;

/// By the convention of Nagios, but for the order: what could not be found out outranks a warning, and something
/// critical outranks everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    Warning,
    Unknown,
    Critical,
}

impl Level {
    pub fn word(self) -> &'static str {
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
pub struct Finding {
    pub level: Level,
    /// A short name that stays the same while the matter lasts: `backlog`, `stale:FREQ`.
    pub key: String,
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// The worst of them.
pub fn level_of(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
}

/// Everything that is not as it should be, the worst first.
pub fn judge(facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut judge = Judge { facts, config, findings: Vec::new() };
    judge.spool();
    judge.workers();
    judge.waiting();
    judge.parked();
    judge.backlog();
    judge.misplaced();
    judge.warehouse();
    judge.silence();
    judge.disks();
    judge.dead();
    judge.unpacked();
    judge.unlimited();
    judge.findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    judge.findings
}

struct Judge<'a> {
    facts: &'a Facts,
    config: &'a Config,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    fn find(
        &mut self,
        level: Level,
        key: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.findings.push(Finding { level, key: key.into(), what: what.into(), hint: hint.into() });
    }

    fn age(&self, since_ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(self.facts.at_ms - since_ms).unwrap_or(0))
    }

    fn spool(&mut self) {
        if !self.facts.unread.is_empty() {
            let mut whys: Vec<&str> = self.facts.unread.values().map(String::as_str).collect();
            whys.dedup();
            let hint = format!(
                "is {} the spool, and may this user read it? --spool, IRISPOOL_SPOOL or irispool.toml say where it is",
                self.facts.spool.display()
            );
            self.find(Level::Unknown, "spool", whys.join("; "), hint);
        }
    }

    fn workers(&mut self) {
        let (alive, dead): (Vec<&WorkerFacts>, Vec<_>) =
            self.facts.workers.iter().partition(|worker| worker.alive);
        if alive.is_empty()
            && !self.facts.unread.contains_key(&SpoolPart::Claimed)
            && self.patience_of_drains().is_none()
        {
            let start = "start one as its user: irispool run, or systemctl start irispool@1";
            let (what, hint) = match &self.facts.drains {
                None => ("no worker is alive".to_owned(), start.to_owned()),
                Some(drains) => {
                    let ago = words(self.age(drains.ended_ms));
                    let what = format!("no worker is alive, and the last drain ended {ago} ago");
                    (
                        what,
                        format!("where cron makes them: does it still, and what do they say? Else {start}"),
                    )
                }
            };
            self.find(Level::Critical, "no-worker", what, hint);
        }
        let held: u64 = dead.iter().map(|worker| worker.claimed).sum();
        if held > 0 {
            let are = if held == 1 { "message is" } else { "messages are" };
            let what = format!("{held} {are} held by a worker that died");
            self.find(
                Level::Warning,
                "dead-worker",
                what,
                "the next worker that runs finishes them by itself",
            );
        }
        let at_ms = self.facts.at_ms;
        let hanging: Vec<_> =
            alive.iter().filter_map(|worker| Some((worker, worker.hangs_for(at_ms)?))).collect();
        // Where no other is at work, it is as if none were alive.
        let level = if hanging.len() == alive.len() { Level::Critical } else { Level::Warning };
        for (worker, age) in hanging {
            let what = format!("worker {} has gone no round for {}", worker.name, words(age));
            let hint = "it hangs, or its disk does: look at its log; after a kill the next worker goes on";
            self.find(level, format!("hangs:{}", worker.name), what, hint);
        }
    }

    /// Where drains deliver, one after the other, and all is well: for how long a message may wait for the next one. What
    /// the last one found is delivered, and what came since waits.
    fn patience_of_drains(&self) -> Option<Duration> {
        let drains = self.facts.drains.as_ref()?;
        let began_ms = *drains.began_ms.last()?;
        let patience = drains.patience();
        let is_due = self.age(drains.ended_ms) > patience;
        let is_left = self.facts.claimed > 0 || self.facts.oldest_ms.is_some_and(|oldest| oldest < began_ms);
        let is_alive = self.facts.workers.iter().any(|worker| worker.alive);
        (!is_due && !is_left && !is_alive).then_some(patience)
    }

    /// Since when the oldest live worker is at work.
    fn alive_since_ms(&self) -> Option<i64> {
        self.facts.workers.iter().filter(|worker| worker.alive).filter_map(|worker| worker.since_ms).min()
    }

    fn parked(&mut self) {
        let alive = self.facts.workers.iter().filter(|worker| worker.alive);
        let mut parked: Vec<_> =
            alive.filter_map(|worker| worker.news.as_ref()).flat_map(|news| &news.parked).collect();
        parked.sort_by_key(|(dataset, news)| (*dataset, !news.needs_person));
        parked.dedup_by_key(|(dataset, _)| *dataset);
        // One fault, such as a full disk, is one finding, of however many datasets.
        let mut by_fault = BTreeMap::<_, Vec<(&str, &ParkedNews)>>::new();
        for (dataset, news) in parked {
            by_fault.entry((&*news.why, news.hint.as_deref())).or_default().push((dataset, news));
        }
        for ((why, _), of) in by_fault {
            let Some((first, news)) = of.iter().min_by_key(|(_, news)| news.since_ms).copied() else {
                continue;
            };
            let lasted = words(self.age(news.since_ms));
            let names: Vec<String> = of.iter().map(|(dataset, _)| (*dataset).to_owned()).collect();
            let (key, are) = match names.len() {
                1 => (format!("parked:{first}"), "is parked, its"),
                // The same while the fault lasts, whichever datasets it meets.
                _ => (format!("parked:{:08x}", xxh3_64(why.as_bytes()) as u32), "are parked, their"),
            };
            let what = format!("{} {are} rows have waited for {lasted}: {why}", named(&names));
            let hint = match &news.hint {
                Some(hint) => format!("{hint}. Nothing is lost meanwhile"),
                None if news.needs_person => "a person is needed; nothing is lost meanwhile".to_owned(),
                None => "it is tried again by itself; nothing is lost meanwhile".to_owned(),
            };
            self.find(Level::Critical, key, what, hint);
        }
    }

    /// What lasts longest of one kind among those that live workers tell of: for how long, and why.
    fn longest(&self, of: fn(&News) -> Option<&ParkedNews>) -> Option<(String, &str)> {
        let alive = self.facts.workers.iter().filter(|worker| worker.alive);
        let told = alive.filter_map(|worker| of(worker.news.as_ref()?));
        told.min_by_key(|told| told.since_ms).map(|told| (words(self.age(told.since_ms)), told.why.as_str()))
    }

    /// A worker delivers nothing before its warehouse is open.
    fn waiting(&mut self) {
        let Some((lasted, why)) = self.longest(|news| news.waits.as_ref()) else { return };
        let what = format!("a worker has waited for the warehouse for {lasted}: {why}");
        self.find(Level::Critical, "waits", what, "it is tried again by itself; nothing is lost meanwhile");
    }

    /// Rows flow, and `done/` grows.
    fn unpacked(&mut self) {
        let Some((lasted, why)) = self.longest(|news| news.unpacked.as_ref()) else { return };
        let what = format!("delivered messages have stayed in done/, unpacked, for {lasted}: {why}");
        let hint = "free some space, put rights right, or move away what is larger than any message: the worker packs then";
        self.find(Level::Warning, "unpacked", what, hint);
    }

    /// Rows flow, and what is kept grows.
    fn unlimited(&mut self) {
        let Some((lasted, why)) = self.longest(|news| news.unlimited.as_ref()) else { return };
        let what = format!("keep_max_age and keep_max_bytes have not been kept to for {lasted}: {why}");
        let hint = "put rights right, or remove it yourself; the limits of all else are kept to";
        self.find(Level::Warning, "unlimited", what, hint);
    }

    fn backlog(&mut self) {
        if self.patience_of_drains().is_some() {
            return;
        }
        let backlog = self.facts.ready + self.facts.claimed;
        let (warn, critical) =
            (self.config.status_backlog_warn as u64, self.config.status_backlog_critical as u64);
        let level = if backlog > critical { Level::Critical } else { Level::Warning };
        if backlog > warn.min(critical) {
            let most = if level == Level::Critical { critical } else { warn };
            let claimed = match self.facts.claimed {
                0 => String::new(),
                claimed => format!(", {claimed} of them in the hands of workers"),
            };
            let what = format!("{backlog} messages wait, more than {most}{claimed}");
            self.find(
                level,
                "backlog",
                what,
                "is a worker at work? It drains thousands a second: see its log",
            );
        }
        if let Some(oldest_ms) = self.facts.oldest_ms
            && self.age(oldest_ms) > self.config.status_stale_after
        {
            let what = format!("the oldest message waits for {}", words(self.age(oldest_ms)));
            let hint = "a file still open for writing, one that irispool may not read, or a parked table";
            self.find(Level::Warning, "oldest", what, hint);
        }
    }

    /// What the client wrote where no worker looks.
    fn misplaced(&mut self) {
        let Facts { stray, too_deep, temporary, .. } = self.facts;
        let first =
            |of: &Sighting| of.first.as_ref().map_or(String::new(), |path| path.display().to_string());
        if stray.count > 0 {
            let what = format!("{} in no dataset's folder, such as {}", stray.count, first(stray));
            let hint = "no worker takes it: move messages into their dataset's folder, and anything else out of incoming";
            self.find(Level::Warning, "stray", what, hint);
        }
        if too_deep.count > 0 {
            let folders = if too_deep.count == 1 { "folder" } else { "folders" };
            let what =
                format!("{} {folders} in a dataset's folder, such as {}", too_deep.count, first(too_deep));
            let hint = "no worker looks into them: is RelativeFileDownloadDirectory one level too deep? Move the files up";
            self.find(Level::Warning, "too-deep", what, hint);
        }
        if temporary.count > 0 {
            let (files, have) = if temporary.count == 1 { ("file", "has") } else { ("files", "have") };
            let what = format!(
                "{} {files} in incoming {have} a temporary name and {have} not been written to for an hour, such as {}",
                temporary.count,
                first(temporary)
            );
            let hint = "no worker takes it before it is renamed: if it is whole, give it its message's name, else remove it";
            self.find(Level::Warning, "temporary", what, hint);
        }
    }

    fn warehouse(&mut self) {
        let warehouse = &self.facts.warehouse;
        if let Some(error) = &warehouse.error {
            let hint = warehouse.hint.clone().unwrap_or_else(|| {
                let name = paste::word(&warehouse.name);
                format!("does it open? irispool query --warehouse {name} 'SELECT 1'")
            });
            self.find(Level::Unknown, "warehouse", format!("the warehouse does not answer: {error}"), hint);
        }
    }

    /// No rows although some should have come by now. Of all datasets together that is so wherever a row ever came:
    /// they never rest. Of one it is so where its rhythm is known.
    fn silence(&mut self) {
        if !self.facts.is_flow_known {
            return;
        }
        let stale_after =
            self.config.status_stale_after + self.patience_of_drains().unwrap_or(Duration::ZERO);
        let warehouse = &self.facts.warehouse;
        if let Some(last_ms) = warehouse.last_row_ms {
            let age = self.age(last_ms);
            let usual = warehouse.rhythm.map_or(Duration::ZERO, |rhythm| rhythm.patience_of_all());
            if age > stale_after.max(usual) {
                let what = format!("no row of any dataset for {}", words(age));
                let hint = if self.facts.ready + self.facts.claimed == 0 {
                    "nothing waits either: is the IRIS client running? Look at its log"
                } else {
                    "messages wait: look at the workers"
                };
                self.find(Level::Warning, "stale", what, hint);
                return;
            }
        } else if let Some(since_ms) = self.alive_since_ms().filter(|ms| self.age(*ms) > stale_after) {
            let what = format!("no row has ever come, in {}", words(self.age(since_ms)));
            let hint = "is the IRIS client running, and does it write into this spool's incoming folder?";
            self.find(Level::Warning, "stale", what, hint);
        }
        for (dataset, facts) in &self.facts.datasets {
            let Some((last_ms, rhythm)) =
                facts.flow.as_ref().and_then(|flow| flow.last_row_ms.zip(flow.rhythm))
            else {
                continue;
            };
            let age = self.age(last_ms);
            if age > stale_after.max(rhythm.patience()) && age < GIVEN_UP_AFTER {
                let usual = words(Duration::from_secs(rhythm.usual_gap_s));
                let what = format!("no row of {dataset} for {}; one comes every {usual}", words(age));
                let hint = "other datasets flow: is it still in the client's subscription?";
                self.find(Level::Warning, format!("stale:{dataset}"), what, hint);
            }
        }
    }

    fn disks(&mut self) {
        for disk in &self.facts.disks {
            if disk.percent_used as usize > self.config.status_disk_critical {
                let what = format!("the disk of {} is {} % full", disk.path.display(), disk.percent_used);
                let hint = "free some space (or inodes: df -i); done/ may be emptied, incoming/ and claimed/ may not";
                self.find(Level::Critical, format!("disk:{}", disk.path.display()), what, hint);
            }
        }
    }

    fn dead(&mut self) {
        if self.facts.dead > 0 {
            let what = match self.facts.dead {
                1 => "1 dead letter".to_owned(),
                dead => format!("{dead} dead letters"),
            };
            self.find(Level::Warning, "dead", what, "irispool dead list shows why");
        }
        let (bytes, hint) =
            (self.facts.dead_bytes, "retry or drop some: irispool dead list shows why they are there");
        let Some(bytes_max) = self.config.dead_max_bytes else { return };
        let what = format!("dead/ holds {}, and dead_max_bytes allows {}", size(bytes), size(bytes_max));
        if bytes >= bytes_max {
            self.find(
                Level::Critical,
                "dead-full",
                format!("no messages are claimed any more: {what}"),
                hint,
            );
        } else if bytes >= bytes_max / 100 * DEAD_NEAR_PERCENT {
            self.find(Level::Warning, "dead-nearly-full", format!("{what}: claiming stops then"), hint);
        }
    }
}

/// `BOD, FREQ, MID and 3 more`.
fn named(datasets: &[String]) -> String {
    const NAMED_MAX: usize = 6;
    let shown = datasets[..datasets.len().min(NAMED_MAX)].join(", ");
    match datasets.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Whole seconds, the two largest units: `3h 5m`.
pub(super) fn words(age: Duration) -> String {
    let text = humantime::format_duration(Duration::from_secs(age.as_secs())).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}
