//! The Python programs that run on this machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

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
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).with_cwd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    let mut found: Vec<Process> = system
        .processes()
        .values()
        // Linux lists the threads of a process, too.
        .filter(|process| process.thread_kind().is_none())
        .filter_map(|process| {
            let command: Vec<String> =
                process.cmd().iter().map(|word| word.to_string_lossy().into_owned()).collect();
            let folder = process.cwd().filter(|folder| folder.is_absolute()).map(Path::to_owned);
            let script = script_of(&command)?;
            let script =
                folder.as_deref().map_or_else(|| PathBuf::from(script), |folder| folder.join(script));
            let started = SystemTime::UNIX_EPOCH + Duration::from_secs(process.start_time());
            Some(Process { pid: process.pid().as_u32(), command, folder, script, started })
        })
        .collect();
    found.sort_by_key(|process| process.pid);
    found
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
