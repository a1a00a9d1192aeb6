//! How many load jobs a backlog becomes, and how many of a table's are left today.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Jobs that a backlog is divided into, if they are not too small or too large then.
const JOBS_OF_BACKLOG: u64 = 8;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The load jobs made for each table today, by this process.
#[derive(Default)]
pub(super) struct LoadJobs {
    /// By dataset: the day, in days since 1970, and the jobs.
    made: Mutex<HashMap<String, (i64, u32)>>,
}

impl LoadJobs {
    pub(super) fn has_budget(&self, dataset: &str, max: u32) -> bool {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get(dataset).is_none_or(|(day, jobs)| *day != today() || *jobs < max)
    }

    pub(super) fn count(&self, dataset: &str) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let (day, jobs) = made.entry(dataset.to_owned()).or_default();
        if *day != today() {
            (*day, *jobs) = (today(), 0);
        }
        *jobs += 1;
    }
}

fn today() -> i64 {
    jiff::Timestamp::now().as_second() / DAY_SECONDS
}

/// Of a backlog of so many files of one dataset, how many go in one load job: several jobs, so that the first rows are
/// in and their files deleted while the last ones are read; none with fewer files than `least`, as far as that can be.
pub(super) fn files_of_one(files: u64, least: u64, most: u64) -> u64 {
    let wanted = (files / JOBS_OF_BACKLOG).clamp(least.min(most), most);
    let jobs = (files / wanted).max(files.div_ceil(most)).max(1);
    files.div_ceil(jobs).max(least).min(most)
}
