//! The note in the spool about the client that a worker saw last.
//!
//! Without it, a client that ended would look like one that never ran on this machine, as where it runs in a container
//! of its own. The note counts on the machine only on which it was written.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client_facts::SeenClient;

/// How old `seen_ms` may become while the client runs.
const SEEN_AGE_MAX: Duration = Duration::from_secs(60);

/// What workers of one machine know of the client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClientNote {
    /// The host, and the container if there is one: processes of another one are not seen.
    pub(super) machine: String,
    /// The client that was seen last.
    #[serde(default)]
    pub(super) client: Option<SeenClient>,
    /// When it was first missed, in ms since 1970 UTC.
    #[serde(default)]
    pub(super) gone_ms: Option<i64>,
}

impl ClientNote {
    /// The note of this machine. It is empty if there is none.
    pub(super) fn read(path: &Path) -> ClientNote {
        let machine = this_machine();
        let note = fs::read(path).ok().and_then(|text| serde_json::from_slice::<ClientNote>(&text).ok());
        note.filter(|note| note.machine == machine).unwrap_or(ClientNote { machine, ..ClientNote::default() })
    }

    /// Takes in that this client runs. Returns whether that is worth writing.
    pub(super) fn see(&mut self, client: SeenClient) -> bool {
        let is_same = self.client.as_ref().is_some_and(|seen| {
            let age_ms = client.seen_ms - seen.seen_ms;
            seen.pid == client.pid && (0..SEEN_AGE_MAX.as_millis() as i64).contains(&age_ms)
        });
        if is_same && self.gone_ms.is_none() {
            return false;
        }
        (self.client, self.gone_ms) = (Some(client), None);
        true
    }

    /// Takes in that no client runs. Returns whether that is new.
    pub(super) fn miss(&mut self, now_ms: i64) -> bool {
        let is_new = self.gone_ms.is_none();
        self.gone_ms.get_or_insert(now_ms);
        is_new
    }

    /// Replaces the file by a rename. If that fails, the earlier note stays.
    pub(super) fn write(&self, path: &Path) {
        let text = serde_json::to_vec(self).expect("text and numbers can be written as JSON");
        let unborn = path.with_extension(format!("{}.new", std::process::id()));
        if fs::write(&unborn, text).and_then(|()| fs::rename(&unborn, path)).is_err() {
            let _ = fs::remove_file(&unborn);
        }
    }
}

/// The name of the host. On Linux, a container has a namespace of its own for processes.
fn this_machine() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match fs::read_link("/proc/self/ns/pid") {
        Ok(namespace) => format!("{host} {}", namespace.display()),
        Err(_) => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(pid: u32, seen_ms: i64) -> SeenClient {
        SeenClient { pid, name: Some("client.py".to_owned()), user: Some(1), seen_ms }
    }

    #[test]
    fn only_what_is_new_is_written() {
        let mut note = ClientNote::default();
        assert!(note.see(client(7, 1_000)));
        assert!(!note.see(client(7, 11_000)));
        assert!(note.see(client(7, 61_000)), "it was last seen a minute ago");
        assert!(note.miss(70_000) && !note.miss(80_000));
        assert_eq!(note.gone_ms, Some(70_000));
        assert!(note.see(client(7, 81_000)), "it was missed");
        assert_eq!(note.gone_ms, None);
        assert!(note.see(client(8, 82_000)), "it was started again");
    }

    #[test]
    fn a_note_counts_on_its_own_machine_and_rubbish_counts_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.json");
        let mut note = ClientNote::read(&path);
        note.see(client(7, 1_000));
        note.write(&path);
        assert_eq!(ClientNote::read(&path), note);
        ClientNote { machine: "another".to_owned(), ..note.clone() }.write(&path);
        assert_eq!(ClientNote::read(&path).client, None);
        for text in ["", "{", "[]", "{\"machine\": 5}"] {
            fs::write(&path, text).unwrap();
            assert_eq!(ClientNote::read(&path).client, None, "{text}");
        }
    }
}
