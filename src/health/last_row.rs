//! When the last row of all came: the time of an empty file in the spool. A silence may outlast the flow log and what
//! was pruned of the ledger, and must not look like a spool in which nothing ever came.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// In ms since 1970 UTC; none where no row ever came.
pub(super) fn read(path: &Path) -> Option<i64> {
    let at = path.metadata().and_then(|found| found.modified()).ok()?;
    Some(at.duration_since(UNIX_EPOCH).ok()?.as_millis() as i64)
}

/// Only ever moves it forward. It takes no room on the disk; where it fails, an earlier time stands.
pub(super) fn note(path: &Path, at_ms: i64) {
    // A file that this makes has the time of now, which is late enough.
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let at: SystemTime = UNIX_EPOCH + Duration::from_millis(at_ms.unsigned_abs());
    if let Ok(file) = opened
        && file.metadata().and_then(|found| found.modified()).is_ok_and(|noted| noted < at)
    {
        let _ = file.set_modified(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_only_moves_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last_row");
        assert_eq!(read(&path), None);
        note(&path, 1);
        let made = read(&path).unwrap();
        note(&path, made + 5_000);
        note(&path, made + 3_000);
        assert_eq!(read(&path), Some(made + 5_000));
    }
}
