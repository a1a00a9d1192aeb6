//! The programs that run on this machine: those in Python, and the one of a process id.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

/// A Python program that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub pid: u32,
    /// Its command line.
    pub command: Vec<String>,
    /// The folder that it runs in. `None` where the system does not tell, as for another user's process.
    pub folder: Option<PathBuf>,
    /// The program's own file, absolute where the system tells the folder.
    pub script: PathBuf,
    pub started: SystemTime,
    /// The user id that it runs as.
    pub user: Option<u32>,
}

/// A process of any program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnyProcess {
    pub pid: u32,
    /// Its command line; empty where this user may not see it.
    pub command: Vec<String>,
    /// The name of the script that it runs, or of the program.
    pub name: String,
    pub started: SystemTime,
    /// The user id that it runs as.
    pub user: Option<u32>,
}

impl Process {
    /// Whether it is Elexon's Python client, which is called `client.py`, or `async_client.py`.
    pub(crate) fn is_client(&self) -> bool {
        let name = self.script.file_name();
        name == Some(OsStr::new("client.py")) || name == Some(OsStr::new("async_client.py"))
    }

    /// Whether its program lies in that folder, or it runs there.
    pub(crate) fn is_of(&self, folder: &Path) -> bool {
        self.script.starts_with(folder) || self.folder.as_deref().is_some_and(|own| own.starts_with(folder))
    }
}

/// Every Python program that runs, by process id. A process of another user may be missing, or have no folder.
pub(crate) fn python_programs() -> Vec<Process> {
    let system = looked_at(ProcessesToUpdate::All);
    let mut found: Vec<Process> = system
        .processes()
        .values()
        .filter_map(|process| {
            let command = words_of(process);
            let folder = process.cwd().filter(|folder| folder.is_absolute()).map(Path::to_owned);
            let script = script_of(&command)?;
            let script =
                folder.as_deref().map_or_else(|| PathBuf::from(script), |folder| folder.join(script));
            let (started, user) = (started(process), process.user_id().map(|user| **user));
            Some(Process { pid: process.pid().as_u32(), command, folder, script, started, user })
        })
        .collect();
    found.sort_by_key(|process| process.pid);
    found
}

/// The process of this id, if it runs.
pub(crate) fn process_of(pid: u32) -> Option<AnyProcess> {
    let pid = Pid::from_u32(pid);
    let system = looked_at(ProcessesToUpdate::Some(&[pid]));
    let process = system.process(pid)?;
    // It has ended, and its parent has not noticed yet.
    if matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead) {
        return None;
    }
    let command = words_of(process);
    let named = script_of(&command).or(command.first().map(String::as_str)).map(Path::new);
    let name = named.and_then(Path::file_name).unwrap_or(process.name()).to_string_lossy().into_owned();
    let user = process.user_id().map(|user| **user);
    Some(AnyProcess { pid: pid.as_u32(), command, name, started: started(process), user })
}

/// Looks at processes, without their threads: there are many, and none of them says more than its process.
fn looked_at(which: ProcessesToUpdate<'_>) -> System {
    let what = ProcessRefreshKind::nothing()
        .without_tasks()
        .with_cmd(UpdateKind::Always)
        .with_cwd(UpdateKind::Always)
        .with_user(UpdateKind::Always);
    let mut system = System::new();
    system.refresh_processes_specifics(which, true, what);
    system
}

fn words_of(process: &sysinfo::Process) -> Vec<String> {
    process.cmd().iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

fn started(process: &sysinfo::Process) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(process.start_time())
}

/// The script that a command line runs: the first word behind the interpreter that is no option. A program that only
/// mentions a script, such as an editor or `tail`, runs none.
fn script_of(command: &[String]) -> Option<&str> {
    let (program, words) = command.split_first()?;
    let program = Path::new(program).file_name()?.to_str()?.to_ascii_lowercase();
    let is_script = |word: &str| Path::new(word).extension() == Some(OsStr::new("py"));
    // A script that is executable itself is the first word where its `#!` line is not shown.
    if is_script(&program) {
        return command.first().map(String::as_str);
    }
    if !program.starts_with("python") && !program.starts_with("pypy") {
        return None;
    }
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            // Their value is a word of its own.
            "-X" | "-W" | "--check-hash-based-pycs" => drop(words.next()),
            "-c" | "-m" => return None,
            option if option.starts_with('-') => {}
            word => return is_script(word).then_some(word),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_the_script_that_it_runs() {
        let script = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            script_of(&words).map(str::to_owned)
        };
        assert_eq!(script("python3 client.py").as_deref(), Some("client.py"));
        assert_eq!(
            script("/usr/bin/python3.11 -u -X dev /srv/iris/client.py --x").as_deref(),
            Some("/srv/iris/client.py")
        );
        assert_eq!(
            script("/Library/Frameworks/Python.app/Contents/MacOS/Python ./client.py").as_deref(),
            Some("./client.py")
        );
        assert_eq!(script("/srv/iris/client.py").as_deref(), Some("/srv/iris/client.py"));
        for other in [
            "vim client.py",
            "tail -f client.py.log",
            "python3 -m client",
            "python3 -c client.py",
            "python3",
            "sh client.py",
        ] {
            assert_eq!(script(other), None, "{other}");
        }
    }
}
