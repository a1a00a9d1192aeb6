//! What was seen and told, in the spool: `alerts.json`, written by a rename, under the lock of `alerts.lock`. Who keeps
//! the lock for longer than a round says why in that file.
//!
//! Other versions may share it: fields that are not known are passed over, what lacks has a default, and what is no such
//! file at all counts as none. Channels that are not configured here stay as they are.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs2::FileExt;
use serde::{Deserialize, Serialize};

use crate::health::Level;

/// More than anything that is written here.
const STATE_BYTES_MAX: u64 = 16 << 20;

/// The lock file has so many bytes from the start, of spaces where there is nothing to say: what there is to say is that
/// the disk is full, and then it can't grow.
const REASON_BYTES: usize = 512;

/// So much of a reason has room in it, however its letters are escaped.
const WHY_CHARS_MAX: usize = 70;

/// A worker looks more often than this.
const WATCHED_AGE_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// What is wrong, and what was told to be wrong and has just gone, by key.
    pub(super) seen: BTreeMap<String, Seen>,
    /// By name.
    pub(super) channels: BTreeMap<String, Told>,
    /// When the heartbeat's address was last asked for.
    pub(super) pinged_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// At the last look.
    pub(super) level: Level,
    pub(super) what: String,
    pub(super) hint: String,
    /// Since when it has been at least of each level.
    pub(super) since_ms: BTreeMap<Level, i64>,
    /// Of levels that it had: since when it has been below.
    #[serde(default)]
    pub(super) below_ms: BTreeMap<Level, i64>,
    /// Since when it has not been seen; none while it is.
    #[serde(default)]
    pub(super) gone_ms: Option<i64>,
}

/// What a channel was told last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    pub(super) told: BTreeMap<String, ToldNote>,
    /// How often it has failed since it last did not.
    pub(super) tries: u32,
    /// When it may be tried again.
    pub(super) next_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ToldNote {
    pub(super) level: Level,
    pub(super) what: String,
    pub(super) hint: String,
    pub(super) since_ms: i64,
    pub(super) told_ms: i64,
    /// It lasts, but is no longer waited for.
    #[serde(default)]
    pub(super) given_up: bool,
}

/// Where the state of a spool is.
#[derive(Clone, Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

/// Whose turn it is.
#[derive(Debug)]
pub(super) enum Turn {
    /// Ours, for as long as this is held.
    Ours(Lock),
    /// Another process is at it. Where it keeps its turn for longer than a round: who it is, and why.
    Others(Option<Reason>),
    /// There is no spool to keep anything in, or we may not.
    Nowhere,
}

/// The kernel gives it up when the process ends, however it does.
#[derive(Debug)]
pub(super) struct Lock(File);

/// Why a process keeps its turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reason {
    pub(super) pid: u32,
    pub(super) why: String,
}

impl Store {
    pub(super) fn of(spool: &Path) -> Store {
        Store { folder: spool.to_owned() }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("alerts.json")
    }

    pub(super) fn take_turn(&self) -> Turn {
        let path = self.folder.join("alerts.lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        // Made by another user it can be locked all the same.
        let Ok(file) = opened.or_else(|_| File::open(&path)) else { return Turn::Nowhere };
        match file.try_lock_exclusive() {
            Ok(()) => {
                let lock = Lock(file);
                if lock.is_new() {
                    lock.say(None);
                }
                // One of a process that was killed.
                lock.no_longer_kept();
                Turn::Ours(lock)
            }
            Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {
                let lock = Lock(file);
                // One that goes no rounds any more hangs, whatever it said.
                Turn::Others(lock.reason().filter(|_| lock.is_watched()))
            }
            Err(_) => Turn::Nowhere,
        }
    }

    /// Nothing where there is none that can be read.
    pub(super) fn load(&self) -> State {
        use io::Read;
        let mut text = Vec::new();
        let read = File::open(self.file()).and_then(|file| file.take(STATE_BYTES_MAX).read_to_end(&mut text));
        read.ok().and_then(|_| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// To be called in our turn.
    pub(super) fn save(&self, state: &State) -> io::Result<()> {
        let unborn = self.folder.join("alerts.json.new");
        // One that a crash left may be another user's, and not ours to write.
        let _ = fs::remove_file(&unborn);
        let text = serde_json::to_vec(state).expect("text and numbers can be written as JSON");
        let saved = fs::write(&unborn, text).and_then(|()| fs::rename(&unborn, self.file()));
        if saved.is_err() {
            let _ = fs::remove_file(&unborn);
        }
        saved
    }
}

impl Lock {
    fn is_new(&self) -> bool {
        self.0.metadata().is_ok_and(|found| found.len() < REASON_BYTES as u64)
    }

    fn reason(&self) -> Option<Reason> {
        let mut text = [0; REASON_BYTES];
        let read = self.0.read_at(&mut text, 0).ok()?;
        serde_json::from_slice(&text[..read]).ok()
    }

    /// Says why it is not given up. Where that fails, nobody knows.
    pub(super) fn kept(&self, why: &str) {
        self.say(Some(why));
    }

    pub(super) fn no_longer_kept(&self) {
        if self.reason().is_some() {
            self.say(None);
        }
    }

    /// The file's time stays what it was.
    fn say(&self, why: Option<&str>) {
        let at = self.0.metadata().and_then(|found| found.modified());
        let mut text = match why {
            Some(why) => {
                let why = why.chars().take(WHY_CHARS_MAX).collect();
                let reason = Reason { pid: std::process::id(), why };
                serde_json::to_vec(&reason).expect("text and numbers can be written as JSON")
            }
            None => Vec::new(),
        };
        text.resize(REASON_BYTES, b' ');
        let _ = self.0.write_all_at(&text, 0);
        if let Ok(at) = at {
            let _ = self.0.set_modified(at);
        }
    }

    /// Leaves word that a worker watches. Where that fails, `status --alert` waits for nothing.
    pub(super) fn watched(&self) {
        let _ = self.0.set_modified(SystemTime::now());
    }

    pub(super) fn is_watched(&self) -> bool {
        let at = self.0.metadata().and_then(|found| found.modified()).ok();
        at.and_then(|at| at.elapsed().ok()).is_some_and(|age| age < WATCHED_AGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of(folder.path());
        (folder, store)
    }

    #[test]
    fn one_at_a_time_has_its_turn() {
        let (_folder, store) = store();
        let Turn::Ours(lock) = store.take_turn() else { panic!("nobody else is there") };
        assert!(matches!(store.take_turn(), Turn::Others(None)));
        lock.kept(&"\u{1}".repeat(1_000));
        assert!(matches!(store.take_turn(), Turn::Others(Some(reason)) if reason.pid == std::process::id()));
        // As one that goes no rounds any more.
        lock.0.set_modified(SystemTime::now() - 2 * WATCHED_AGE_MAX).unwrap();
        assert!(matches!(store.take_turn(), Turn::Others(None)));
        drop(lock);
        assert!(matches!(store.take_turn(), Turn::Ours(_)));
        assert!(matches!(Store::of(Path::new("/nowhere")).take_turn(), Turn::Nowhere));
    }

    #[test]
    fn rubbish_is_like_none_and_what_is_not_known_is_passed_over() {
        let (folder, store) = store();
        let file = folder.path().join("alerts.json");
        for rubbish in ["", "{", "[1]", "{\"seen\": 3}", "\u{0}\u{0}"] {
            fs::write(&file, rubbish).unwrap();
            assert_eq!(store.load(), State::default(), "{rubbish}");
        }
        let newer = r#"{"pinged_ms": 7, "moon": {"phase": 1}, "channels": {"pager": {"tries": 2, "colour": "red",
            "told": {"dead": {"level": "warning", "what": "w", "hint": "h", "since_ms": 1, "told_ms": 2, "x": 3}}}}}"#;
        fs::write(&file, newer).unwrap();
        let state = store.load();
        assert_eq!((state.pinged_ms, state.channels["pager"].tries), (7, 2));
        store.save(&state).unwrap();
        assert_eq!(store.load(), state);
        assert!(!folder.path().join("alerts.json.new").exists());
    }
}
