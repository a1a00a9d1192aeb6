//! The flow log: what the workers of a spool delivered, for a warehouse that can't be asked without paying for it.
//!
//! Each worker adds a line a minute in which rows came to `flow/<day>.jsonl`, by one write to the end of the file, so
//! that lines of several workers never mix. The minute that is not over yet stands in the worker's [`super::News`].
//! Nothing depends on it but what people are shown: a line that can't be read is passed over, a file that can't be
//! written costs a minute of it, and so does a worker that is killed.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::flow::Flow;
use crate::pipeline::DatasetFigures;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A dataset's rhythm is that of the day before its last row, and a dataset is waited for for a week.
const DAYS_KEPT: i64 = 9;

/// Ten workers with all datasets busy in each minute write less in a day; what is behind that is not read.
const FILE_BYTES_MAX: u64 = 256 << 20;

const ENDING: &str = ".jsonl";

/// What came of one dataset in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Came {
    /// Messages delivered.
    #[serde(rename = "m")]
    pub messages: u64,
    /// Rows of them.
    #[serde(rename = "r")]
    pub rows: u64,
    /// When the last row came, in ms since 1970 UTC; 0 where none did.
    #[serde(rename = "at")]
    pub last_row_ms: i64,
}

/// What one worker delivered in one minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minute {
    /// Since 1970 UTC.
    pub minute: i64,
    /// Where the rows went, such as `bigquery:my-project.elexon`.
    pub warehouse: String,
    /// By dataset.
    pub flow: BTreeMap<String, Came>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    worker: String,
    came: Minute,
}

/// Writes the lines of one worker.
#[derive(Debug)]
pub(super) struct FlowLog {
    folder: PathBuf,
    /// The minute that is not over yet.
    current: Minute,
    /// Messages and rows of each dataset that stand in a line or in `current`.
    noted: BTreeMap<Arc<str>, (u64, u64)>,
    /// The day for which old files were removed, in days since 1970.
    cleaned: Option<i64>,
}

impl FlowLog {
    pub(super) fn new(folder: PathBuf, warehouse: String) -> FlowLog {
        let current = Minute { warehouse, ..Minute::default() };
        FlowLog { folder, current, noted: BTreeMap::new(), cleaned: None }
    }

    /// Takes in what has been delivered since the last call; writes the line of a minute that is over.
    pub(super) fn note(
        &mut self,
        now_ms: i64,
        worker: &str,
        datasets: &BTreeMap<Arc<str>, DatasetFigures>,
    ) -> io::Result<()> {
        let minute = now_ms.div_euclid(MINUTE_MS);
        let written = if minute == self.current.minute { Ok(()) } else { self.write(worker) };
        self.current.minute = minute;
        for (dataset, figures) in datasets {
            let (messages, rows) = self.noted.entry(Arc::clone(dataset)).or_default();
            if (figures.delivered, figures.rows) == (*messages, *rows) {
                continue;
            }
            let came = self.current.flow.entry(dataset.to_string()).or_default();
            came.messages += figures.delivered - *messages;
            came.rows += figures.rows - *rows;
            came.last_row_ms = figures.last_row_ms;
            (*messages, *rows) = (figures.delivered, figures.rows);
        }
        written
    }

    /// The minute that is not over yet, if anything came in it.
    pub(super) fn current(&self) -> Option<&Minute> {
        Some(&self.current).filter(|minute| !minute.flow.is_empty())
    }

    /// Writes the current minute's line, over or not. What can't be written is forgotten.
    pub(super) fn write(&mut self, worker: &str) -> io::Result<()> {
        if self.current.flow.is_empty() {
            return Ok(());
        }
        let flow = std::mem::take(&mut self.current.flow);
        let minute = Minute { flow, ..self.current.clone() };
        let day = (minute.minute * MINUTE_MS).div_euclid(DAY_MS);
        let line = Line { worker: worker.to_owned(), came: minute };
        let mut text = serde_json::to_vec(&line).expect("text and numbers can be written as JSON");
        text.push(b'\n');
        fs::create_dir_all(&self.folder)?;
        if self.cleaned != Some(day) {
            self.cleaned = Some(day);
            remove_old_files(&self.folder, day);
        }
        let path = self.folder.join(format!("{}{ENDING}", date_of(day)));
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        if ends_torn(&file) {
            text.insert(0, b'\n');
        }
        file.write_all(&text)
    }
}

/// Whether somebody was cut off in the middle of a line.
fn ends_torn(file: &File) -> bool {
    let bytes = file.metadata().map_or(0, |found| found.len());
    let mut last = [b'\n'];
    bytes > 0 && file.read_exact_at(&mut last, bytes - 1).is_ok() && last != *b"\n"
}

/// Removes the files of days that nobody asks for any more, and nothing else.
fn remove_old_files(folder: &Path, today: i64) {
    for (day, path) in files(folder).unwrap_or_default() {
        if day <= today - DAYS_KEPT {
            // Another worker may have been faster.
            let _ = fs::remove_file(path);
        }
    }
}

/// The files of the log with their days since 1970, in order.
fn files(folder: &Path) -> io::Result<Vec<(i64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let day = name.to_str().and_then(|name| day_of(name.strip_suffix(ENDING)?));
        let Some(day) = day else { continue };
        if there(entry.file_type())?.is_some_and(|kind| kind.is_file()) {
            files.push((day, entry.path()));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn day_of(date: &str) -> Option<i64> {
    let midnight: jiff::Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
    Some(midnight.as_millisecond().div_euclid(DAY_MS))
}

fn date_of(day: i64) -> String {
    let midnight = jiff::Timestamp::from_millisecond(day * DAY_MS).unwrap_or_default();
    midnight.strftime("%Y-%m-%d").to_string()
}

/// What the files of days that are over for long say, by their names: they are read once.
#[derive(Debug, Default)]
pub(super) struct OldDays(BTreeMap<PathBuf, BTreeMap<String, Flow>>);

/// What can't be read of the log.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub(super) struct Unreadable {
    path: PathBuf,
    source: io::Error,
}

impl Unreadable {
    fn new(path: &Path, source: io::Error) -> Unreadable {
        Unreadable { path: path.to_owned(), source }
    }
}

/// None where it is not there.
fn there<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// What came of each dataset into this warehouse. `current`: the minutes that are not over yet, with whose they are; to
/// be looked up before this, so that none is missed.
///
/// # Errors
/// When the folder, or a file of the log, is there and can't be read: what it has is not known then.
pub(super) fn read(
    folder: &Path,
    warehouse: &str,
    current: &[(&str, &Minute)],
    now_ms: i64,
    old_days: &mut OldDays,
) -> Result<BTreeMap<String, Flow>, Unreadable> {
    let mut gathered = Gathered::new(now_ms);
    let mut is_written: HashSet<(String, i64)> = HashSet::new();
    let today = now_ms.div_euclid(DAY_MS);
    let files = there(files(folder)).map_err(|error| Unreadable::new(folder, error))?.unwrap_or_default();
    let is_kept = |day: &i64| *day > today - DAYS_KEPT;
    let (old, new): (Vec<_>, Vec<_>) =
        files.into_iter().filter(|(day, _)| is_kept(day)).partition(|(day, _)| *day < today - 1);
    old_days.0.retain(|path, _| old.iter().any(|(_, there)| there == path));
    for (_, path) in old {
        // All of it is over a day old: of its rows only the times count.
        if !old_days.0.contains_key(&path) {
            let mut day = Gathered::new(now_ms);
            let read = there(each_line(&path, |line| day.add_of(warehouse, &line.came)));
            // One that another process has just removed is too old to count.
            let Some(()) = read.map_err(|error| Unreadable::new(&path, error))? else { continue };
            old_days.0.insert(path.clone(), day.flows);
        }
        gathered.add_times(&old_days.0[&path]);
    }
    for (_, path) in new {
        let read = each_line(&path, |Line { worker, came: minute }| {
            gathered.add_of(warehouse, &minute);
            if current.iter().any(|(name, current)| *name == worker && current.minute == minute.minute) {
                is_written.insert((worker, minute.minute));
            }
        });
        there(read).map_err(|error| Unreadable::new(&path, error))?;
    }
    for (worker, minute) in current {
        if minute.warehouse == warehouse && !is_written.contains(&((*worker).to_owned(), minute.minute)) {
            gathered.add(minute);
        }
    }
    Ok(gathered.finish())
}

/// The lines that can be read.
fn each_line(path: &Path, mut take: impl FnMut(Line)) -> io::Result<()> {
    for line in BufReader::new(File::open(path)?.take(FILE_BYTES_MAX)).split(b'\n') {
        if let Ok(line) = serde_json::from_slice(&line?) {
            take(line);
        }
    }
    Ok(())
}

struct Gathered {
    now_ms: i64,
    flows: BTreeMap<String, Flow>,
}

impl Gathered {
    fn new(now_ms: i64) -> Gathered {
        Gathered { now_ms, flows: BTreeMap::new() }
    }

    fn add_of(&mut self, warehouse: &str, minute: &Minute) {
        if minute.warehouse == warehouse {
            self.add(minute);
        }
    }

    fn add_times(&mut self, flows: &BTreeMap<String, Flow>) {
        for (dataset, old) in flows {
            let flow = self.flows.entry(dataset.clone()).or_default();
            flow.last_row_ms = flow.last_row_ms.max(old.last_row_ms);
            flow.minutes.extend(&old.minutes);
        }
    }

    fn add(&mut self, minute: &Minute) {
        for (dataset, came) in &minute.flow {
            if !self.flows.contains_key(dataset) {
                self.flows.insert(dataset.clone(), Flow::default());
            }
            let Some(flow) = self.flows.get_mut(dataset).filter(|_| came.rows > 0) else { continue };
            flow.last_row_ms = flow.last_row_ms.max(Some(came.last_row_ms));
            let age_ms = self.now_ms - came.last_row_ms;
            if age_ms < HOUR_MS {
                flow.rows_hour += came.rows;
            }
            if age_ms < DAY_MS {
                flow.rows_day += came.rows;
            }
            flow.minutes.push(came.last_row_ms.div_euclid(MINUTE_MS));
        }
    }

    /// The rhythm is that of the day before the last row, as the ledger has it.
    fn finish(mut self) -> BTreeMap<String, Flow> {
        for flow in self.flows.values_mut() {
            flow.minutes.sort_unstable();
            flow.minutes.dedup();
            let last = flow.minutes.last().copied().unwrap_or(0);
            flow.minutes.retain(|minute| last - minute < DAY_MS / MINUTE_MS);
            flow.find_rhythm();
        }
        self.flows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_764_000_030_000;

    fn figures(delivered: u64, rows: u64, last_row_ms: i64) -> BTreeMap<Arc<str>, DatasetFigures> {
        let figures = DatasetFigures { delivered, rows, last_row_ms, ..DatasetFigures::default() };
        [(Arc::from("FREQ"), figures)].into()
    }

    fn log(folder: &Path) -> FlowLog {
        FlowLog::new(folder.join("flow"), "bigquery:p.d".into())
    }

    #[test]
    fn a_minute_is_told_by_news_until_it_is_a_line_and_counted_once() {
        let spool = tempfile::tempdir().unwrap();
        let folder = spool.path().join("flow");
        let mut log = log(spool.path());
        let rows = |current: &[(&str, &Minute)]| {
            let flows =
                read(&folder, "bigquery:p.d", current, NOW_MS + MINUTE_MS, &mut OldDays::default()).unwrap();
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
        assert_eq!(rows(&[("w", &current)]), Some((5, 5, Some(NOW_MS + 1))), "older news of the same minute");
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
            read(&spool.path().join("flow"), "bigquery:p.d", &[], NOW_MS, &mut OldDays::default()).unwrap();
        assert_eq!(flows.keys().collect::<Vec<_>>(), ["FREQ"]);
        assert_eq!(flows["FREQ"].rows_day, 3, "the line behind the torn one counts");
    }

    #[test]
    fn old_files_are_removed_and_nothing_else() {
        let spool = tempfile::tempdir().unwrap();
        let folder = spool.path().join("flow");
        fs::create_dir(&folder).unwrap();
        let day = NOW_MS.div_euclid(DAY_MS);
        let name = |days_ago| format!("{}{ENDING}", date_of(day - days_ago));
        for file in [&name(DAYS_KEPT), &name(DAYS_KEPT - 1), "notes.txt", "2020-01-01.txt"] {
            fs::write(folder.join(file), "").unwrap();
        }
        let mut log = log(spool.path());
        log.note(NOW_MS, "w", &figures(1, 1, NOW_MS)).unwrap();
        log.write("w").unwrap();
        let mut left: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["2020-01-01.txt", &name(DAYS_KEPT - 1), &name(0), "notes.txt"]);
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
            read(&spool.path().join("flow"), "bigquery:p.d", &[], NOW_MS, &mut OldDays::default()).unwrap();
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
        let read =
            |old_days: &mut OldDays, now_ms| read(&folder, "bigquery:p.d", &[], now_ms, old_days).unwrap();
        let first = read(&mut old_days, NOW_MS);
        assert_eq!((first["FREQ"].last_row_ms, first["FREQ"].rows_day), (Some(old_ms), 0));
        let path = files(&folder).unwrap().remove(0).1;
        fs::write(&path, "").unwrap();
        assert_eq!(read(&mut old_days, NOW_MS), first, "the file is not read again");
        fs::remove_file(&path).unwrap();
        assert!(read(&mut old_days, NOW_MS).is_empty(), "nor is kept what has gone");
    }
}
