//! The file in which the state is: `alerts.json` in the spool.
//!
//! Processes of other versions may share the file. Unknown fields are ignored, missing ones have a default, and a file
//! that is something else counts as missing. Channels that are not configured here stay in it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::alert_state::AlertState;

/// More than irispool ever writes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The state file of one spool.
#[derive(Clone, Debug)]
pub(super) struct StateFile {
    folder: PathBuf,
}

impl StateFile {
    pub(super) fn of(spool: &Path) -> StateFile {
        StateFile { folder: spool.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("alerts.json")
    }

    /// The state in the file, or an empty one if it cannot be read.
    pub(super) fn load(&self) -> AlertState {
        let mut text = Vec::new();
        let read = File::open(self.path()).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut text));
        read.ok().and_then(|_| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Replaces the file by a rename. Only the holder of the round's lock may call this.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn save(&self, state: &AlertState) -> io::Result<()> {
        let unborn = self.folder.join("alerts.json.new");
        // A file that a crash left may belong to another user, and then this user cannot write to it.
        let _ = fs::remove_file(&unborn);
        let text = serde_json::to_vec(state).expect("text and numbers can be written as JSON");
        let saved = fs::write(&unborn, text).and_then(|()| fs::rename(&unborn, self.path()));
        if saved.is_err() {
            let _ = fs::remove_file(&unborn);
        }
        saved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_is_like_no_file_and_unknown_fields_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateFile::of(folder.path());
        let file = folder.path().join("alerts.json");
        for rubbish in ["", "{", "[1]", "{\"seen\": 3}", "\u{0}\u{0}"] {
            fs::write(&file, rubbish).unwrap();
            assert_eq!(store.load(), AlertState::default(), "{rubbish}");
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

    #[test]
    fn a_file_of_the_version_before_is_read_and_written_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let before = concat!(
            r#"{"seen":{"disk:/srv/spool":{"level":"critical","what":"w","hint":"h","#,
            r#""since_ms":{"warning":1,"unknown":1,"critical":2},"below_ms":{},"gone_ms":null},"#,
            r#""moon:full":{"level":"warning","what":"w","hint":"h","since_ms":{"warning":3},"below_ms":{"critical":4},"#,
            r#""gone_ms":5}},"channels":{"webhook":{"told":{"no-worker":{"level":"critical","what":"w","hint":"h","#,
            r#""since_ms":1,"told_ms":2,"given_up":false},"stale:FREQ":{"level":"warning","what":"w","hint":"h","#,
            r#""since_ms":1,"told_ms":2,"given_up":true}},"tries":0,"next_ms":0}},"pinged_ms":9}"#
        );
        fs::write(folder.path().join("alerts.json"), before).unwrap();
        let file = StateFile::of(folder.path());
        file.save(&file.load()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("alerts.json")).unwrap(), before);
    }
}
