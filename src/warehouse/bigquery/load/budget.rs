//! How many load jobs a backlog becomes, and how many of a table's are left today.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Jobs that a backlog is divided into, if they are not too small or too large then.
const JOBS_OF_BACKLOG: u64 = 8;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// After a second refusal for a spent quota within this time, load jobs are let alone for as long.
const QUOTA_MEMORY: Duration = Duration::from_secs(60 * 60);

/// The load jobs made for each table today, by this process.
#[derive(Default)]
pub(in crate::warehouse::bigquery) struct LoadJobs {
    /// By dataset.
    made: Mutex<HashMap<String, Made>>,
}

#[derive(Default)]
struct Made {
    /// In days since 1970.
    day: i64,
    jobs: u32,
    /// When Google last said that a quota of the table's load jobs is spent.
    refused: Option<Instant>,
    streams_until: Option<Instant>,
    /// When all that was there was claimed last.
    claimed: Option<Instant>,
}

impl LoadJobs {
    /// Whether the table may have another job: so many a day for all workers together, and none while its quota is
    /// known to be spent.
    pub(in crate::warehouse::bigquery) fn has_budget(&self, dataset: &str, a_day: u32, workers: u32) -> bool {
        let share = share(a_day, workers);
        self.made().get(dataset).is_none_or(|made| {
            let has_quota = made.streams_until.is_none_or(|until| Instant::now() >= until);
            has_quota && (made.day != today() || made.jobs < share)
        })
    }

    /// Messages of the table are claimed for a job; `is_all`: it leaves none behind.
    pub(in crate::warehouse::bigquery) fn claimed(&self, dataset: &str, is_all: bool) {
        self.made().entry(dataset.to_owned()).or_default().claimed = is_all.then(Instant::now);
    }

    /// How long the table waits for its next job, so that the day's jobs last for the day. What is left of a backlog
    /// does not wait.
    pub(in crate::warehouse::bigquery) fn claim_wait(
        &self,
        dataset: &str,
        a_day: u32,
        workers: u32,
    ) -> Option<Duration> {
        let claimed = self.made().get(dataset)?.claimed?;
        let pause = Duration::from_secs(DAY_SECONDS as u64) / share(a_day, workers);
        pause.checked_sub(claimed.elapsed())
    }

    pub(in crate::warehouse::bigquery) fn count(&self, dataset: &str) {
        let mut all = self.made();
        let made = all.entry(dataset.to_owned()).or_default();
        if made.day != today() {
            (made.day, made.jobs) = (today(), 0);
        }
        made.jobs += 1;
    }

    /// Google says that a quota of the table's load jobs is spent. True when it said so not long ago, too: waiting has
    /// not helped.
    pub(in crate::warehouse::bigquery) fn quota_is_spent(&self, dataset: &str) -> bool {
        let mut all = self.made();
        let made = all.entry(dataset.to_owned()).or_default();
        let now = Instant::now();
        let is_again = made.refused.is_some_and(|at| now.duration_since(at) < QUOTA_MEMORY);
        made.refused = Some(now);
        if is_again {
            made.streams_until = Some(now + QUOTA_MEMORY);
        }
        is_again
    }

    fn made(&self) -> MutexGuard<'_, HashMap<String, Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One worker's part of the day's jobs.
fn share(a_day: u32, workers: u32) -> u32 {
    (a_day / workers.max(1)).max(1)
}

fn today() -> i64 {
    jiff::Timestamp::now().as_second() / DAY_SECONDS
}

/// Of a backlog of so many files of one dataset, how many go in one load job: several jobs, so that the first rows are
/// in and their files deleted while the last ones are read; none with fewer files than `least`, as far as that can be.
pub(in crate::warehouse::bigquery) fn files_of_one(files: u64, least: u64, most: u64) -> u64 {
    let wanted = (files / JOBS_OF_BACKLOG).clamp(least.min(most), most);
    let jobs = (files / wanted).max(files.div_ceil(most)).max(1);
    files.div_ceil(jobs).max(least).min(most)
}
