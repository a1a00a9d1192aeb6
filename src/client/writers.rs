//! Which processes have a file of a folder open for writing. Only Linux tells, and only of processes of this user.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Open files looked at in all, so that a machine with very many of them costs little.
const LOOKED_AT_MAX: usize = 20_000;

/// A file that a process has open for writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OpenFile {
    pub path: PathBuf,
    pub pid: u32,
    /// The name of the process.
    pub name: String,
}

/// The files below a folder that other processes have open for writing.
pub(crate) fn files_open_for_writing(folder: &Path) -> Vec<OpenFile> {
    let Ok(folder) = fs::canonicalize(folder) else { return Vec::new() };
    let mut found = Vec::new();
    let mut left = LOOKED_AT_MAX;
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if pid == std::process::id() {
            continue;
        }
        for open in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            if left == 0 {
                return found;
            }
            left -= 1;
            let Ok(path) = fs::read_link(open.path()) else { continue };
            if path.starts_with(&folder) && is_for_writing(&process.path(), &open.file_name()) {
                let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                found.push(OpenFile { path, pid, name: name.trim_end().to_owned() });
            }
        }
    }
    found
}

/// Whether the kernel's note about an open file has an access mode for writing.
fn is_for_writing(process: &Path, number: &std::ffi::OsStr) -> bool {
    let note = fs::read_to_string(process.join("fdinfo").join(number)).unwrap_or_default();
    let flags = note.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok()).unwrap_or(0);
    matches!(flags & libc::O_ACCMODE, libc::O_WRONLY | libc::O_RDWR)
}
