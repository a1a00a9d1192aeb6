//! Adds up the lines of the flow log.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::dataset_flow::DatasetFlow;
use super::log_files::{DAY_MS, DAYS_KEPT, files, if_there};
use super::log_line::{LogLine, MINUTE_MS, MinuteLog};

const HOUR_MS: i64 = 60 * MINUTE_MS;

/// How much of a file is read. Ten workers that deliver every dataset in every minute write less in a day.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What the files of earlier days say, by path. No lines are added to them, so each is read once.
#[derive(Debug, Default)]
pub(in crate::health) struct OldDays(BTreeMap<PathBuf, BTreeMap<String, DatasetFlow>>);

/// A part of the flow log that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub(in crate::health) struct FlowLogError {
    path: PathBuf,
    source: io::Error,
}

impl FlowLogError {
    fn new(path: &Path, source: io::Error) -> FlowLogError {
        FlowLogError { path: path.to_owned(), source }
    }
}

/// What arrived in this warehouse, by dataset. `current`: the minutes that are not over yet, each with the name of its
/// worker. Collect them before you call this, so that none is missed: a minute that meanwhile became a line counts
/// once.
///
/// # Errors If the folder or a file of the log exists and cannot be read. What it says is not known then.
pub(in crate::health) fn read_log(
    folder: &Path,
    warehouse: &str,
    current: &[(&str, &MinuteLog)],
    now_ms: i64,
    old_days: &mut OldDays,
) -> Result<BTreeMap<String, DatasetFlow>, FlowLogError> {
    let mut sums = FlowSums::new(now_ms);
    let mut is_written: HashSet<(String, i64)> = HashSet::new();
    let today = now_ms.div_euclid(DAY_MS);
    let files =
        if_there(files(folder)).map_err(|error| FlowLogError::new(folder, error))?.unwrap_or_default();
    let is_kept = |day: &i64| *day > today - DAYS_KEPT;
    let (old, new): (Vec<_>, Vec<_>) =
        files.into_iter().filter(|(day, _)| is_kept(day)).partition(|(day, _)| *day < today - 1);
    old_days.0.retain(|path, _| old.iter().any(|(_, there)| there == path));
    for (_, path) in old {
        // All of it is more than a day old, so only the times of its rows count.
        if !old_days.0.contains_key(&path) {
            let mut day = FlowSums::new(now_ms);
            let read = if_there(each_line(&path, |line| day.add_if_of(warehouse, &line.came)));
            // A file that another process has just removed is too old to count.
            let Some(()) = read.map_err(|error| FlowLogError::new(&path, error))? else { continue };
            old_days.0.insert(path.clone(), day.flows);
        }
        sums.add_times(&old_days.0[&path]);
    }
    for (_, path) in new {
        let read = each_line(&path, |LogLine { worker, came: minute }| {
            sums.add_if_of(warehouse, &minute);
            if current.iter().any(|(name, current)| *name == worker && current.minute == minute.minute) {
                is_written.insert((worker, minute.minute));
            }
        });
        if_there(read).map_err(|error| FlowLogError::new(&path, error))?;
    }
    for (worker, minute) in current {
        if !is_written.contains(&((*worker).to_owned(), minute.minute)) {
            sums.add_if_of(warehouse, minute);
        }
    }
    Ok(sums.finish())
}

/// Calls `take` for each line that can be parsed.
fn each_line(path: &Path, mut take: impl FnMut(LogLine)) -> io::Result<()> {
    for line in BufReader::new(File::open(path)?.take(FILE_BYTES_MAX)).split(b'\n') {
        if let Ok(line) = serde_json::from_slice(&line?) {
            take(line);
        }
    }
    Ok(())
}

/// What arrived according to the lines that were added.
struct FlowSums {
    now_ms: i64,
    flows: BTreeMap<String, DatasetFlow>,
}

impl FlowSums {
    fn new(now_ms: i64) -> FlowSums {
        FlowSums { now_ms, flows: BTreeMap::new() }
    }

    /// Adds the minute if its rows went to this warehouse.
    fn add_if_of(&mut self, warehouse: &str, minute: &MinuteLog) {
        if minute.warehouse != warehouse {
            return;
        }
        for (dataset, arrivals) in &minute.flow {
            if !self.flows.contains_key(dataset) {
                self.flows.insert(dataset.clone(), DatasetFlow::default());
            }
            let Some(flow) = self.flows.get_mut(dataset).filter(|_| arrivals.rows > 0) else { continue };
            flow.last_row_ms = flow.last_row_ms.max(Some(arrivals.last_row_ms));
            let age_ms = self.now_ms - arrivals.last_row_ms;
            if age_ms < HOUR_MS {
                flow.rows_hour += arrivals.rows;
            }
            if age_ms < DAY_MS {
                flow.rows_day += arrivals.rows;
            }
            flow.minutes.push(arrivals.last_row_ms.div_euclid(MINUTE_MS));
        }
    }

    fn add_times(&mut self, flows: &BTreeMap<String, DatasetFlow>) {
        for (dataset, old) in flows {
            let flow = self.flows.entry(dataset.clone()).or_default();
            flow.last_row_ms = flow.last_row_ms.max(old.last_row_ms);
            flow.minutes.extend(&old.minutes);
        }
    }

    /// The rhythm is that of the day before the last row, as in the ledger.
    fn finish(mut self) -> BTreeMap<String, DatasetFlow> {
        for flow in self.flows.values_mut() {
            flow.minutes.sort_unstable();
            flow.minutes.dedup();
            let last = flow.minutes.last().copied().unwrap_or(0);
            flow.minutes.retain(|minute| last - minute < DAY_MS / MINUTE_MS);
            flow.set_rhythm();
        }
        self.flows
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::sync::Arc;

    use super::super::log_writer::FlowLogWriter;
    use super::*;
    use crate::pipeline::DatasetFigures;

    const NOW_MS: i64 = 1_764_000_030_000;

    fn figures(delivered: u64, rows: u64, last_row_ms: i64) -> BTreeMap<Arc<str>, DatasetFigures> {
        let figures = DatasetFigures { delivered, rows, last_row_ms, ..DatasetFigures::default() };
        [(Arc::from("FREQ"), figures)].into()
    }

    fn log(folder: &Path) -> FlowLogWriter {
        FlowLogWriter::new(folder.join("flow"), "bigquery:p.d".into())
    }

    #[test]
    fn a_minute_is_published_until_it_is_a_line_and_counts_once() {
        let spool = tempfile::tempdir().unwrap();
        let folder = spool.path().join("flow");
        let mut log = log(spool.path());
        let rows = |current: &[(&str, &MinuteLog)]| {
            let flows =
                read_log(&folder, "bigquery:p.d", current, NOW_MS + MINUTE_MS, &mut OldDays::default())
                    .unwrap();
            flows.get("FREQ").map(|flow| (flow.rows_hour, flow.rows_day, flow.last_row_ms))
        };
        log.note(NOW_MS, "w", &figures(2, 3, NOW_MS)).unwrap();
        log.note(NOW_MS + 1_000, "w", &figures(3, 5, NOW_MS + 1)).unwrap();
        assert!(!folder.exists(), "the minute is not over");
        let current = log.current().cloned().unwrap();
        assert_eq!(rows(&[("w", &current)]), Some((5, 5, Some(NOW_MS + 1))));
        log.note(NOW_MS + MINUTE_MS, "w", &figures(3, 5, NOW_MS + 1)).unwrap();
        assert_eq!(log.current(), None);
        assert_eq!(rows(&[]), Some((5, 5, Some(NOW_MS + 1))));
        assert_eq!(
            rows(&[("w", &current)]),
            Some((5, 5, Some(NOW_MS + 1))),
            "an older status with the same minute"
        );
        assert_eq!(rows(&[("other", &current)]).unwrap().0, 10, "another worker's minute");
    }

    #[test]
    fn torn_and_foreign_lines_and_other_warehouses_are_passed_over() {
        let spool = tempfile::tempdir().unwrap();
        let mut log = log(spool.path());
        log.note(NOW_MS, "w", &figures(1, 1, NOW_MS)).unwrap();
        log.write("w").unwrap();
        let path = files(&spool.path().join("flow")).unwrap().remove(0).1;
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"\xff\n[1]\n{\"worker\":\"x\",\"came\":{\"minute\":1,\"warehouse\":\"bigquery:p.other\",\"flow\":{\"MID\":{\"m\":1,\"r\":9,\"at\":1}}}}\n{\"worker\":\"x\",\"min")
            .unwrap();
        log.note(NOW_MS, "w", &figures(2, 3, NOW_MS)).unwrap();
        log.write("w").unwrap();
        let flows =
            read_log(&spool.path().join("flow"), "bigquery:p.d", &[], NOW_MS, &mut OldDays::default())
                .unwrap();
        assert_eq!(flows.keys().collect::<Vec<_>>(), ["FREQ"]);
        assert_eq!(flows["FREQ"].rows_day, 3, "the line behind the torn one counts");
    }

    #[test]
    fn a_rhythm_is_learnt_from_the_day_before_the_last_row() {
        let spool = tempfile::tempdir().unwrap();
        let mut log = log(spool.path());
        let from = NOW_MS - 2 * DAY_MS;
        for step in 0..40 {
            let at = from + step * 30 * MINUTE_MS;
            log.note(at, "w", &figures(step as u64 + 1, step as u64 + 1, at)).unwrap();
        }
        log.write("w").unwrap();
        let flows =
            read_log(&spool.path().join("flow"), "bigquery:p.d", &[], NOW_MS, &mut OldDays::default())
                .unwrap();
        let rhythm = flows["FREQ"].rhythm.unwrap();
        assert_eq!((rhythm.usual_gap_s, rhythm.longest_gap_s, flows["FREQ"].rows_hour), (1_800, 1_800, 0));
    }

    #[test]
    fn days_that_are_over_for_long_are_read_once_and_count_all_the_same() {
        let spool = tempfile::tempdir().unwrap();
        let folder = spool.path().join("flow");
        let mut log = log(spool.path());
        let old_ms = NOW_MS - 4 * DAY_MS;
        log.note(old_ms, "w", &figures(1, 2, old_ms)).unwrap();
        log.write("w").unwrap();
        let mut old_days = OldDays::default();
        let read = |old_days: &mut OldDays, now_ms| {
            read_log(&folder, "bigquery:p.d", &[], now_ms, old_days).unwrap()
        };
        let first = read(&mut old_days, NOW_MS);
        assert_eq!((first["FREQ"].last_row_ms, first["FREQ"].rows_day), (Some(old_ms), 0));
        let path = files(&folder).unwrap().remove(0).1;
        fs::write(&path, "").unwrap();
        assert_eq!(read(&mut old_days, NOW_MS), first, "the file is not read again");
        fs::remove_file(&path).unwrap();
        assert!(read(&mut old_days, NOW_MS).is_empty(), "nor is kept what has gone");
    }
}
