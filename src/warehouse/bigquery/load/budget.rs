//! How many load jobs a backlog becomes, and how many a table may still have today.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::locks::Unpoisoned;

/// How many jobs a backlog becomes, unless they would be too small or too large.
const JOBS_OF_BACKLOG: u64 = 8;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// After a second refusal for a spent quota within this time, the table gets no load jobs for as long.
const QUOTA_MEMORY: Duration = Duration::from_secs(60 * 60);

/// The load jobs that this process created today, for each table.
#[derive(Default)]
pub(super) struct JobBudget {
    by_dataset: Mutex<HashMap<String, TableJobs>>,
}

#[derive(Default)]
struct TableJobs {
    /// The day that `count` is about, in days since 1970.
    day: i64,
    count: u32,
    /// When Google last said that a quota of the table's load jobs is spent.
    refused: Option<Instant>,
    /// Until then the table gets no load jobs.
    streams_until: Option<Instant>,
    /// When a claim last took all messages of the table.
    claimed: Option<Instant>,
}

impl JobBudget {
    /// Whether the table may have another job: all workers together may create `a_day` jobs a day, and none while its
    /// quota is known to be spent.
    pub(super) fn has_job_left(&self, dataset: &str, a_day: u32, workers: u32) -> bool {
        let share = share(a_day, workers);
        self.tables().get(dataset).is_none_or(|jobs| {
            let has_quota = jobs.streams_until.is_none_or(|until| Instant::now() >= until);
            has_quota && (jobs.day != today() || jobs.count < share)
        })
    }

    /// Notes that messages of the table are claimed for a job; `is_all`: the claim takes all of them.
    pub(super) fn note_claim(&self, dataset: &str, is_all: bool) {
        self.tables().entry(dataset.to_owned()).or_default().claimed = is_all.then(Instant::now);
    }

    /// How long the table should wait for its next job, so that the day's jobs last for the day. The rest of a backlog
    /// does not wait.
    pub(super) fn claim_wait(&self, dataset: &str, a_day: u32, workers: u32) -> Option<Duration> {
        let claimed = self.tables().get(dataset)?.claimed?;
        let pause = Duration::from_secs(DAY_SECONDS as u64) / share(a_day, workers);
        pause.checked_sub(claimed.elapsed())
    }

    /// Counts a job that was created.
    pub(super) fn count(&self, dataset: &str) {
        let mut all = self.tables();
        let jobs = all.entry(dataset.to_owned()).or_default();
        if jobs.day != today() {
            (jobs.day, jobs.count) = (today(), 0);
        }
        jobs.count += 1;
    }

    /// Notes that Google says that a quota of the table's load jobs is spent. Returns true if Google also said so not
    /// long ago: then waiting has not helped, and the table gets no load jobs for a while.
    pub(super) fn note_spent_quota(&self, dataset: &str) -> bool {
        let mut all = self.tables();
        let jobs = all.entry(dataset.to_owned()).or_default();
        let now = Instant::now();
        let is_again = jobs.refused.is_some_and(|at| now.duration_since(at) < QUOTA_MEMORY);
        jobs.refused = Some(now);
        if is_again {
            jobs.streams_until = Some(now + QUOTA_MEMORY);
        }
        is_again
    }

    fn tables(&self) -> MutexGuard<'_, HashMap<String, TableJobs>> {
        self.by_dataset.lock().unpoisoned()
    }
}

/// One worker's share of the day's jobs.
fn share(a_day: u32, workers: u32) -> u32 {
    (a_day / workers.max(1)).max(1)
}

fn today() -> i64 {
    jiff::Timestamp::now().as_second() / DAY_SECONDS
}

/// How many of a backlog's files go into one load job. A backlog becomes several jobs, so that BigQuery has the first
/// rows, and their files are deleted, while the last files are read. No job has fewer files than `least`, as far as
/// possible.
pub(super) fn files_per_job(files: u64, least: u64, most: u64) -> u64 {
    let wanted = (files / JOBS_OF_BACKLOG).clamp(least.min(most), most);
    let jobs = (files / wanted).max(files.div_ceil(most)).max(1);
    files.div_ceil(jobs).max(least).min(most)
}
