//! What there is of the old set-up: looked at, never changed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::MigrateError;
use super::schedules::{self, ScheduleLine};
use crate::catalog;
use crate::client::{ClientSettings, Process, python_programs};

/// Folders are looked into as deep as this below the old folder, so that a wrong `--from /` ends, too.
const DEPTH_MAX: usize = 6;

/// Entries looked at in all, besides the messages.
const ENTRIES_MAX: usize = 200_000;

/// Folders that hold programs or their history, never messages.
const NEVER: [&str; 6] = [".git", "node_modules", "__pycache__", "site-packages", ".venv", "venv"];

/// A folder that the client wrote messages into, one folder a dataset.
#[derive(Debug)]
pub(super) struct Download {
    pub(super) path: PathBuf,
    /// The files in each folder of it, by the folder's name.
    pub(super) folders: BTreeMap<String, u64>,
}

impl Download {
    pub(super) fn files(&self) -> u64 {
        self.folders.values().sum()
    }
}

/// A file that the old set-up writes besides messages.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) written: Option<SystemTime>,
}

/// The old set-up.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) from: PathBuf,
    pub(super) downloads: Vec<Download>,
    pub(super) settings: Vec<ClientSettings>,
    /// Programs of Elexon's client, as files.
    pub(super) clients: Vec<PathBuf>,
    /// What runs of it: the client's processes and those of every other script in the old folder.
    pub(super) processes: Vec<Process>,
    pub(super) pid_files: Vec<PathBuf>,
    pub(super) logs: Vec<Leftover>,
    pub(super) schedules: Vec<ScheduleLine>,
    /// Not all of the folder was looked at: it is too large.
    pub(super) is_cut: bool,
}

impl Survey {
    /// Looks at the folder `from` and at the machine; `spool` is irispool's own and is left out.
    ///
    /// # Errors
    /// When `from` itself can't be listed. A folder in it that can't be is left out.
    pub(super) fn of(from: &Path, spool: &Path) -> Result<Survey, MigrateError> {
        fs::read_dir(from).map_err(|source| MigrateError::Folder { path: from.to_owned(), source })?;
        let mut survey = Survey {
            from: from.to_owned(),
            downloads: Vec::new(),
            settings: Vec::new(),
            clients: Vec::new(),
            processes: python_programs().into_iter().filter(|process| process.is_of(from)).collect(),
            pid_files: Vec::new(),
            logs: Vec::new(),
            schedules: schedules::of(from),
            is_cut: false,
        };
        let spool = fs::canonicalize(spool).unwrap_or_else(|_| spool.to_owned());
        let mut left = ENTRIES_MAX;
        survey.look_into(from, &spool, 0, &mut left);
        survey.is_cut = left == 0;
        survey.look_where_the_settings_say(&spool);
        survey.downloads.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(survey)
    }

    /// The scripts that run beside the client.
    pub(super) fn processors(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| !process.is_client())
    }

    pub(super) fn running_clients(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.is_client())
    }

    /// A path as short as it is clear: within the old folder, from there.
    pub(super) fn short<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.from).ok().filter(|short| !short.as_os_str().is_empty()).unwrap_or(path)
    }

    fn look_into(&mut self, folder: &Path, spool: &Path, depth: usize, left: &mut usize) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut folders = Vec::new();
        for entry in entries.flatten() {
            if *left == 0 {
                return;
            }
            *left -= 1;
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() {
                if path != *spool && !NEVER.iter().any(|never| entry.file_name() == *never) {
                    folders.push(path);
                }
            } else if kind.is_file() {
                self.look_at_file(path);
            }
        }
        if folders.iter().any(|folder| is_dataset_folder(folder)) {
            self.downloads.push(download(folder, &folders));
        } else if depth < DEPTH_MAX {
            for folder in folders {
                self.look_into(&folder, spool, depth + 1, left);
            }
        }
    }

    fn look_at_file(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let is = |ending: &str| name.ends_with(ending);
        if name == "client.py" || name == "async_client.py" {
            self.clients.push(path);
        } else if is(".json") && name.contains("settings") && !name.contains("template") {
            self.settings.extend(ClientSettings::read(&path));
        } else if is(".pid") {
            self.pid_files.push(path);
        } else if is(".log") || is(".out") {
            let found = fs::metadata(&path).ok();
            let bytes = found.as_ref().map_or(0, fs::Metadata::len);
            self.logs.push(Leftover { path, bytes, written: found.and_then(|found| found.modified().ok()) });
        }
    }

    /// The client may write outside of the old folder, or into one that is empty now.
    fn look_where_the_settings_say(&mut self, spool: &Path) {
        let running: Vec<PathBuf> =
            self.running_clients().filter_map(|process| process.folder.clone()).collect();
        for settings in &self.settings {
            let Some(folder) = &settings.folder else { continue };
            let bases = running.iter().map(PathBuf::as_path).chain(settings.path.parent());
            for base in bases {
                let Ok(path) = fs::canonicalize(base.join(folder)) else { continue };
                if path.starts_with(spool) || self.downloads.iter().any(|known| known.path == path) {
                    continue;
                }
                let Ok(entries) = fs::read_dir(&path) else { continue };
                let folders: Vec<PathBuf> =
                    entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
                self.downloads.push(download(&path, &folders));
            }
        }
    }
}

fn download(path: &Path, folders: &[PathBuf]) -> Download {
    let count = |folder: &PathBuf| {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())).count() as u64
    };
    let name = |folder: &PathBuf| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Download {
        path: path.to_owned(),
        folders: folders.iter().map(|folder| (name(folder), count(folder))).collect(),
    }
}

/// Whether it is called as a dataset and has a file in it that is called as a message, or none at all.
fn is_dataset_folder(folder: &Path) -> bool {
    let name = folder.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if catalog::find(name).is_none() {
        return false;
    }
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut names = entries.flatten().map(|entry| entry.file_name()).peekable();
    names.peek().is_none()
        || names
            .take(100)
            .any(|name| name.to_str().is_some_and(|name| catalog::dataset_of_file_name(name).is_some()))
}
