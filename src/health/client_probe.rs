//! Looks whether Elexon's client runs.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::client_facts::{ClientFacts, PidFileFacts, RunningClient, SeenClient};
use super::client_note::ClientNote;
use super::facts::Facts;
use crate::client::{
    ClientLook, ClientProcess, ClientSearch, OpenFile, PidFileFault, files_open_for_writing,
};
use crate::config::Config;
use crate::locks::Unpoisoned;
use crate::spool::{Layout, now_ms};

/// How old a look may be. Looking at all processes takes some ms.
pub(super) const LOOK_AGE_MAX: Duration = Duration::from_secs(10);

/// How long a look may take. Linux may hang while it reads a command line.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);

/// What is known of the client and of nothing else.
pub(crate) fn client_facts(config: &Config) -> Facts {
    let client = ClientProbe::new(config).facts(None);
    Facts { at_ms: now_ms(), spool: config.spool.clone(), client, ..Facts::default() }
}

/// Looks again and again.
#[derive(Debug)]
pub(super) struct ClientProbe {
    search: ClientSearch,
    note: PathBuf,
    secret_expires: Option<Date>,
    /// Whether to look for open files, too.
    with_files: bool,
    state: Mutex<ProbeState>,
}

#[derive(Debug, Default)]
struct ProbeState {
    last: Option<(Instant, ProcessesSeen)>,
    /// A look that did not end before [`LOOK_TIMEOUT`].
    pending: Option<Receiver<ProcessesSeen>>,
}

/// What one look at the processes found.
#[derive(Clone, Debug)]
struct ProcessesSeen {
    look: ClientLook,
    open_files: Vec<OpenFile>,
}

impl ClientProbe {
    pub(super) fn new(config: &Config) -> ClientProbe {
        let layout = Layout::at(&config.spool);
        ClientProbe {
            search: ClientSearch { incoming: layout.incoming(), pid_file: config.client_pid_file.clone() },
            note: layout.client_note(),
            secret_expires: config.client_secret_expires,
            with_files: true,
            state: Mutex::default(),
        }
    }

    /// A probe that does not look for open files, which takes longer than all the rest.
    pub(super) fn of_processes(config: &Config) -> ClientProbe {
        ClientProbe { with_files: false, ..ClientProbe::new(config) }
    }

    /// What is known of the client. `wrote_ms`: when it last wrote, in ms since 1970 UTC.
    pub(super) fn facts(&self, wrote_ms: Option<i64>) -> ClientFacts {
        let note = ClientNote::read(&self.note);
        let seen = self.look();
        let is_certain = seen.as_ref().is_some_and(|seen| is_certain(&seen.look, &note));
        let ProcessesSeen { look, open_files } =
            seen.unwrap_or_else(|| ProcessesSeen { look: ClientLook::default(), open_files: Vec::new() });
        let running = look.running.map(|client| RunningClient {
            pid: client.pid,
            name: client.name,
            since_ms: client.started.map(in_ms),
        });
        let path = self.search.pid_file.clone();
        ClientFacts {
            running,
            pid_file: look.pid_file.zip(path).map(|(fault, path)| PidFileFacts { path, fault }),
            is_certain,
            seen: note.client,
            gone_ms: note.gone_ms,
            wrote_ms,
            open_files,
            secret_expires: self.secret_expires.map(|date| date.to_string()),
            secret_expires_ms: self.secret_expires.and_then(midnight_ms),
        }
    }

    /// Looks, and notes in the spool what is new.
    pub(super) fn note(&self) {
        let Some(ProcessesSeen { look, .. }) = self.look() else { return };
        let mut note = ClientNote::read(&self.note);
        let is_new = match &look.running {
            Some(client) => note.see(SeenClient {
                pid: client.pid,
                name: client.name.clone(),
                user: client.user,
                seen_ms: now_ms(),
            }),
            None => {
                let is_missed = note.client.is_some() || look.pid_file.is_some();
                is_missed && is_certain(&look, &note) && note.miss(now_ms())
            }
        };
        if is_new {
            note.write(&self.note);
        }
    }

    /// The last look, or a new one if it is too old. None if looking takes too long.
    fn look(&self) -> Option<ProcessesSeen> {
        let mut state = self.state.lock().unpoisoned();
        if let Some((at, seen)) = &state.last
            && at.elapsed() < LOOK_AGE_MAX
        {
            return Some(seen.clone());
        }
        let pending = state.pending.take().unwrap_or_else(|| {
            let known = state.last.take().and_then(|(_, seen)| seen.look.running);
            start_look(self.search.clone(), known, self.with_files)
        });
        match pending.recv_timeout(LOOK_TIMEOUT) {
            Ok(seen) => {
                state.last = Some((Instant::now(), seen.clone()));
                Some(seen)
            }
            Err(RecvTimeoutError::Timeout) => {
                state.pending = Some(pending);
                None
            }
            // The thread could not be started.
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

fn start_look(
    search: ClientSearch,
    known: Option<ClientProcess>,
    with_files: bool,
) -> Receiver<ProcessesSeen> {
    let (sender, receiver) = channel();
    let work = move || {
        let look = search.look(known.as_ref());
        let open_files = if with_files { files_open_for_writing(&search.incoming) } else { Vec::new() };
        let _ = sender.send(ProcessesSeen { look, open_files });
    };
    // If no thread can be started, the sender is dropped, and the receiver notices.
    let _ = thread::Builder::new().name("look".to_owned()).spawn(work);
    receiver
}

/// Whether a client that runs would have been found.
fn is_certain(look: &ClientLook, note: &ClientNote) -> bool {
    let own = Some(rustix::process::geteuid().as_raw());
    let is_own = note.client.as_ref().is_some_and(|client| client.user == own);
    let is_named =
        look.pid_file.as_ref().is_some_and(|fault| !matches!(fault, PidFileFault::Unreadable { .. }));
    look.running.is_some() || look.sees_others || is_own || is_named
}

/// When a day begins (UTC), in ms since 1970.
fn midnight_ms(date: Date) -> Option<i64> {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok().map(|at| at.as_millisecond())
}

fn in_ms(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
