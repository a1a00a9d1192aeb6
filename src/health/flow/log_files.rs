//! The files of the flow log, `flow/<day>.jsonl`, one for each day.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::log_line::MINUTE_MS;

pub(super) const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// How long the files are kept. The rhythm of a dataset needs the day before its last row, and irispool waits for the
/// rows of a dataset for a week.
pub(super) const DAYS_KEPT: i64 = 9;

const ENDING: &str = ".jsonl";

/// The file of a day. `day`: in days since 1970 UTC.
pub(super) fn file_of_day(folder: &Path, day: i64) -> PathBuf {
    let midnight = jiff::Timestamp::from_millisecond(day * DAY_MS).unwrap_or_default();
    folder.join(midnight.strftime("%Y-%m-%d").to_string() + ENDING)
}

/// The files of the log in ascending order, each with its day since 1970 UTC.
pub(super) fn files(folder: &Path) -> io::Result<Vec<(i64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let day = name.to_str().and_then(|name| day_of(name.strip_suffix(ENDING)?));
        let Some(day) = day else { continue };
        if if_there(entry.file_type())?.is_some_and(|kind| kind.is_file()) {
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

/// Removes the files of days that nobody needs any more, and no other files.
pub(super) fn remove_old_files(folder: &Path, today: i64) {
    for (day, path) in files(folder).unwrap_or_default() {
        if day <= today - DAYS_KEPT {
            // Another worker may have removed it already.
            let _ = fs::remove_file(path);
        }
    }
}

/// None if the file or folder does not exist.
pub(super) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_files_are_removed_and_nothing_else() {
        let spool = tempfile::tempdir().unwrap();
        let today = 20_416;
        let file = |days_ago| file_of_day(spool.path(), today - days_ago);
        let old = file(DAYS_KEPT);
        let kept = [file(0), file(DAYS_KEPT - 1), spool.path().join("2020-01-01.txt")];
        for path in kept.iter().chain([&old]) {
            fs::write(path, "").unwrap();
        }
        remove_old_files(spool.path(), today);
        assert!(kept.iter().all(|path| path.exists()) && !old.exists());
    }
}
