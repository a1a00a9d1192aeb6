//! Finds the client that writes into one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client_process::ClientProcess;
use super::pid_file::{PidFileFault, client_of};
use super::processes::{Process, process_of, python_programs};
use super::settings::ClientSettings;

/// How much two looks at one process may differ in when it started. The system counts from its start, whose time moves
/// when the clock is set.
const START_SLACK: Duration = Duration::from_secs(5);

/// How the client that writes into one folder is found.
#[derive(Clone, Debug)]
pub(crate) struct ClientSearch {
    /// The folder that it writes into.
    pub incoming: PathBuf,
    /// The file with its process id, if the user names one.
    pub pid_file: Option<PathBuf>,
}

/// What a look found.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientLook {
    pub running: Option<ClientProcess>,
    /// What is wrong with the PID file.
    pub pid_file: Option<PidFileFault>,
    /// Whether this user sees the processes of other users, too.
    pub sees_others: bool,
}

/// How sure it is that a client writes into the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Certainty {
    Elsewhere,
    /// Nobody can tell, as its settings cannot be read.
    Possible,
    Certain,
}

impl ClientSearch {
    /// Looks for the client. Where there are several, the one whose settings name the folder is it. `known`: the
    /// process id and the start of the client that was found last, which need no search while it runs.
    pub(crate) fn look(&self, known: Option<&ClientProcess>) -> ClientLook {
        let sees_others = sees_others();
        let mut least = Certainty::Possible;
        let mut fault = None;
        if let Some(path) = &self.pid_file {
            match client_of(path) {
                Ok(client) => return ClientLook { running: Some(client), pid_file: None, sees_others },
                // A client that was started by hand may still run, but it must be the right one.
                Err(found) => (fault, least) = (Some(found), Certainty::Certain),
            }
        } else if let Some(known) = known.filter(|known| still_runs(known)) {
            return ClientLook { running: Some(known.clone()), pid_file: None, sees_others };
        }
        let clients = python_programs().into_iter().filter(Process::is_client);
        let ranked = clients.map(|process| (self.certainty(&process), process));
        let found =
            ranked.filter(|(certainty, _)| *certainty >= least).max_by_key(|(certainty, _)| *certainty);
        let running = found.map(|(_, process)| ClientProcess {
            pid: process.pid,
            name: process.script.file_name().map(|name| name.to_string_lossy().into_owned()),
            started: Some(process.started),
            user: process.user,
        });
        ClientLook { running, pid_file: fault, sees_others }
    }

    fn certainty(&self, process: &Process) -> Certainty {
        let Some(folder) = &process.folder else { return Certainty::Possible };
        let places = [Some(folder.as_path()), process.script.parent()];
        let targets: Vec<PathBuf> = places
            .into_iter()
            .flatten()
            .flat_map(settings_in)
            .filter_map(|settings| Some(folder.join(settings.folder?)))
            .collect();
        let incoming = real(&self.incoming);
        match targets.iter().any(|target| real(target) == incoming) {
            true => Certainty::Certain,
            false if targets.is_empty() => Certainty::Possible,
            false => Certainty::Elsewhere,
        }
    }
}

fn still_runs(known: &ClientProcess) -> bool {
    let Some((process, started)) = process_of(known.pid).zip(known.started) else { return false };
    let differ = process.started.duration_since(started).unwrap_or_else(|earlier| earlier.duration());
    differ <= START_SLACK && Some(process.name) == known.name
}

/// The settings files of the client in a folder.
fn settings_in(folder: &Path) -> Vec<ClientSettings> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_settings = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        name.ends_with(".json") && name.contains("settings") && !name.contains("template")
    };
    entries
        .map(|entry| entry.path())
        .filter(is_settings)
        .filter_map(|path| ClientSettings::read(&path))
        .collect()
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether this user sees what other users run. A Mac shows command lines to their own user only, and Linux does so
/// where `/proc` is mounted with `hidepid`.
fn sees_others() -> bool {
    let is_open = cfg!(target_os = "linux") && fs::read("/proc/1/cmdline").is_ok();
    is_open || rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_client_belongs_to_the_folder_that_its_settings_name() {
        let root = tempfile::tempdir().unwrap();
        let (incoming, client) = (root.path().join("spool/incoming"), root.path().join("client"));
        fs::create_dir_all(&incoming).unwrap();
        fs::create_dir_all(client.join("iris_data")).unwrap();
        let search = ClientSearch { incoming: incoming.clone(), pid_file: None };
        let mut process = Process {
            pid: 7,
            command: Vec::new(),
            folder: Some(client.clone()),
            script: client.join("client.py"),
            started: SystemTime::UNIX_EPOCH,
            user: None,
        };
        assert_eq!(search.certainty(&process), Certainty::Possible, "without settings");
        let write = |name: &str, folder: &str| {
            let text = format!("{{\"ClientId\": \"a\", \"RelativeFileDownloadDirectory\": \"{folder}\"}}");
            fs::write(client.join(name), text).unwrap();
        };
        write("settings.template.json", "../spool/incoming");
        assert_eq!(search.certainty(&process), Certainty::Possible, "with a template");
        write("settings.json", "iris_data");
        assert_eq!(search.certainty(&process), Certainty::Elsewhere);
        write("settings.json", "../spool/incoming");
        assert_eq!(search.certainty(&process), Certainty::Certain);
        write("settings.json", incoming.to_str().unwrap());
        assert_eq!(search.certainty(&process), Certainty::Certain);
        process.folder = None;
        assert_eq!(search.certainty(&process), Certainty::Possible, "of a user who hides it");
    }
}
