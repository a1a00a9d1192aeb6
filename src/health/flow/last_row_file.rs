//! When the last row of all arrived: the time of an empty file in the spool.
//!
//! A silence may last longer than the flow log and the lines of the ledger, which are pruned. Without this file, it
//! would then look as if no row had ever arrived.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When the last row arrived, in ms since 1970 UTC, or none if no row ever arrived.
pub(in crate::health) fn read(path: &Path) -> Option<i64> {
    let at = path.metadata().and_then(|found| found.modified()).ok()?;
    Some(at.duration_since(UNIX_EPOCH).ok()?.as_millis() as i64)
}

/// Moves the time forward to `at_ms`, never back. The file stays empty, so this works on a full disk. If it fails, the
/// earlier time stays.
pub(in crate::health) fn note(path: &Path, at_ms: i64) {
    // A new file has the current time, which is late enough.
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
