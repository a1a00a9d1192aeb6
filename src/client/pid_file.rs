//! What the PID file of the client says. The client itself writes none: the script that starts it does.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rustix::process::{Pid, test_kill_process};
use serde::Serialize;

use super::client_process::ClientProcess;
use super::processes::{AnyProcess, process_of};

/// More than any process id has digits.
const BYTES_MAX: u64 = 64;

/// Why the PID file does not lead to a client that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub(crate) enum PidFileFault {
    /// There is no such file.
    Missing,
    /// This user cannot read it.
    Unreadable {
        /// The system's reason.
        why: String,
    },
    /// It holds no process id.
    NoPid,
    /// The process has ended.
    NotRunning { pid: u32 },
    /// Another program has the process id by now.
    OtherProgram { pid: u32, name: String },
}

/// The client whose process id is in the file. It counts as the client where this user may not look at the process.
pub(super) fn client_of(path: &Path) -> Result<ClientProcess, PidFileFault> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(PidFileFault::Missing),
        Err(error) => return Err(PidFileFault::Unreadable { why: error.to_string() }),
    }
    let number =
        text.split_whitespace().next().and_then(|word| word.parse::<i32>().ok()).filter(|pid| *pid > 0);
    let (number, id) =
        number.and_then(|number| Some((number, Pid::from_raw(number)?))).ok_or(PidFileFault::NoPid)?;
    let pid = number.unsigned_abs();
    let hidden = ClientProcess { pid, name: None, started: None, user: None };
    match process_of(pid) {
        Some(process) if is_client(&process) => {
            let AnyProcess { name, started, user, .. } = process;
            Ok(ClientProcess { pid, name: Some(name), started: Some(started), user })
        }
        Some(process) if process.command.is_empty() => Ok(hidden),
        Some(process) => Err(PidFileFault::OtherProgram { pid, name: process.name }),
        // The system may hide the processes of other users.
        None if test_kill_process(id) == Err(rustix::io::Errno::PERM) => Ok(hidden),
        None => Err(PidFileFault::NotRunning { pid }),
    }
}

/// Whether it may be one of Elexon's clients, or a script that starts one: `python3 client.py`, `node client.js`,
/// `dotnet IrisClient.dll`, `sh run-client.sh`. Only the names of files count, as folders are called anything.
fn is_client(process: &AnyProcess) -> bool {
    process.command.iter().any(|word| {
        let name = Path::new(word).file_name().unwrap_or_default().to_string_lossy();
        name.to_ascii_lowercase().contains("client")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_elexon_s_clients_is_one_and_other_programs_are_none() {
        let is_client = |line: &str| {
            let command = line.split(' ').map(str::to_owned).collect();
            let started = std::time::SystemTime::UNIX_EPOCH;
            is_client(&AnyProcess { pid: 1, command, name: String::new(), started, user: None })
        };
        for line in [
            "python3 client.py",
            "node /srv/iris/client.js",
            "dotnet run/IrisClient.dll",
            "/opt/IrisClient",
            "sh ./run-client.sh",
        ] {
            assert!(is_client(line), "{line}");
        }
        for line in ["sleep 60", "python3 /srv/iris-clients/python/report.py", "vim notes.txt"] {
            assert!(!is_client(line), "{line}");
        }
    }

    #[test]
    fn a_file_without_a_process_id_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.pid");
        assert_eq!(client_of(&path), Err(PidFileFault::Missing));
        for text in ["", "x", "0", "-5", "99999999999999999999"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(client_of(&path), Err(PidFileFault::NoPid), "{text}");
        }
        assert!(matches!(client_of(folder.path()), Err(PidFileFault::Unreadable { .. })));
    }
}
