//! The lock under which a process makes a round: `alerts.lock` in the spool.
//!
//! A process that keeps the lock for longer than a round writes the reason into the file. The file's time says when a
//! worker last made a round.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fs2::FileExt;
use serde::{Deserialize, Serialize};

/// The length of the file, which is filled with spaces. It has its full length from the start, as the usual reason is
/// that the disk is full, and then no file can grow.
const FILE_BYTES: usize = 512;

/// How many characters of a reason fit into the file, even if JSON escapes each of them.
const WHY_CHARS_MAX: usize = 70;

/// A worker makes rounds more often than this.
const WATCHED_AGE_MAX: Duration = Duration::from_secs(60);

/// Whether this process may make a round now.
#[derive(Debug)]
pub(super) enum RoundTurn {
    /// It may, for as long as it keeps the lock.
    Ours(RoundLock),
    /// Another process holds the lock, with its reason if it keeps the lock for longer than a round.
    Others(Option<LockReason>),
    /// There is no spool, or this user may not write to it.
    Nowhere,
}

/// The lock. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct RoundLock(File);

/// Why a process keeps the lock for longer than a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LockReason {
    pub(super) pid: u32,
    pub(super) why: String,
}

impl RoundLock {
    /// Takes the lock of this spool, if no other process holds it.
    pub(super) fn take(spool: &Path) -> RoundTurn {
        let path = spool.join("alerts.lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        // A file that another user made can be locked all the same.
        let Ok(file) = opened.or_else(|_| File::open(&path)) else { return RoundTurn::Nowhere };
        match file.try_lock_exclusive() {
            Ok(()) => {
                let lock = RoundLock(file);
                if lock.is_new() {
                    lock.write(None);
                }
                // The reason of a process that was killed.
                lock.clear_reason();
                RoundTurn::Ours(lock)
            }
            Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {
                let lock = RoundLock(file);
                // A process that makes no rounds any more hangs, whatever reason it wrote.
                RoundTurn::Others(lock.reason().filter(|_| lock.is_watched()))
            }
            Err(_) => RoundTurn::Nowhere,
        }
    }

    fn is_new(&self) -> bool {
        self.0.metadata().is_ok_and(|found| found.len() < FILE_BYTES as u64)
    }

    fn reason(&self) -> Option<LockReason> {
        let mut text = [0; FILE_BYTES];
        let read = self.0.read_at(&mut text, 0).ok()?;
        serde_json::from_slice(&text[..read]).ok()
    }

    /// Writes why this process keeps the lock. If that fails, other processes do not know the reason.
    pub(super) fn set_reason(&self, why: &str) {
        self.write(Some(why));
    }

    /// Removes the reason, or else a later holder that hangs would seem to have it.
    pub(super) fn clear_reason(&self) {
        if self.reason().is_some() {
            self.write(None);
        }
    }

    /// Leaves the file's time as it was.
    fn write(&self, why: Option<&str>) {
        let at = self.0.metadata().and_then(|found| found.modified());
        let mut text = match why {
            Some(why) => {
                let why = why.chars().take(WHY_CHARS_MAX).collect();
                let reason = LockReason { pid: std::process::id(), why };
                serde_json::to_vec(&reason).expect("text and numbers can be written as JSON")
            }
            None => Vec::new(),
        };
        text.resize(FILE_BYTES, b' ');
        let _ = self.0.write_all_at(&text, 0);
        if let Ok(at) = at {
            let _ = self.0.set_modified(at);
        }
    }

    /// Notes that a worker makes a round now. If that fails, `status --alert` waits for the findings itself.
    pub(super) fn set_watched(&self) {
        let _ = self.0.set_modified(SystemTime::now());
    }

    /// Whether a worker made a round lately.
    pub(super) fn is_watched(&self) -> bool {
        let at = self.0.metadata().and_then(|found| found.modified()).ok();
        at.and_then(|at| at.elapsed().ok()).is_some_and(|age| age < WATCHED_AGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_has_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let take = || RoundLock::take(folder.path());
        let RoundTurn::Ours(lock) = take() else { panic!("no other process is there") };
        assert!(matches!(take(), RoundTurn::Others(None)));
        lock.set_reason(&"\u{1}".repeat(1_000));
        assert!(matches!(take(), RoundTurn::Others(Some(reason)) if reason.pid == std::process::id()));
        // Like a process that makes no rounds any more.
        lock.0.set_modified(SystemTime::now() - 2 * WATCHED_AGE_MAX).unwrap();
        assert!(matches!(take(), RoundTurn::Others(None)));
        drop(lock);
        assert!(matches!(take(), RoundTurn::Ours(_)));
        assert!(matches!(RoundLock::take(Path::new("/nowhere")), RoundTurn::Nowhere));
    }
}
