//! The file with a worker's process id, for other programs. irispool itself only checks whether another worker holds
//! it.
//!
//! A worker locks the file as long as it runs. The kernel drops the lock however the process ends, so a file without a
//! lock belongs to a dead process, even if another process has its number by now.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use fs2::FileExt;

use crate::exit::Explain;
use crate::paste;

/// The file is deleted when this is dropped, unless another file has replaced it.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    file: File,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum PidFileError {
    #[error("cannot write the process id into {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("cannot write the process id into {}: it is {what}", .path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    #[error("{} belongs to another running worker{}", .path.display(), of_process(pid))]
    Held { path: PathBuf, pid: String },
}

fn of_process(pid: &str) -> String {
    if pid.is_empty() { String::new() } else { format!(", process {pid}") }
}

impl Explain for PidFileError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            PidFileError::Io { path, source } => match source.kind() {
                io::ErrorKind::NotFound => "create its folder, or choose another file".to_owned(),
                io::ErrorKind::StorageFull => "free some space on its file system".to_owned(),
                io::ErrorKind::PermissionDenied => format!(
                    "give this user the right to write the file and its folder (ls -ld {}), or choose another file",
                    paste::path(path)
                ),
                _ => "choose a file on a local file system that this user may write".to_owned(),
            },
            PidFileError::NotAFile { .. } => {
                "choose a path that does not exist yet, in a folder that exists".to_owned()
            }
            PidFileError::Held { pid, .. } => {
                let each = "each worker needs a PID file of its own (--pid-file)";
                match pid.is_empty() {
                    true => each.to_owned(),
                    false => format!("{each}; to stop the other one: kill {pid}"),
                }
            }
        })
    }
}

impl PidFile {
    /// Locks the file and writes this process's id into it, unless another worker holds it.
    ///
    /// # Errors
    /// If another worker holds it, or it is not a file that this user may write.
    pub(super) fn write(path: &Path) -> Result<PidFile, PidFileError> {
        let failed = |source| PidFileError::Io { path: path.to_owned(), source };
        loop {
            let file = open(path)?;
            if let Err(error) = file.try_lock_exclusive() {
                return Err(match error.raw_os_error() == fs2::lock_contended_error().raw_os_error() {
                    true => PidFileError::Held { path: path.to_owned(), pid: written_in(&file) },
                    false => failed(error),
                });
            }
            let mut taken = PidFile { path: path.to_owned(), file };
            // The previous worker may have ended and deleted the file between the open and the lock.
            if taken.is_in_place() {
                taken
                    .file
                    .set_len(0)
                    .and_then(|()| taken.file.write_all(ours().as_bytes()))
                    .map_err(failed)?;
                return Ok(taken);
            }
        }
    }

    fn is_in_place(&self) -> bool {
        let (there, ours) = (fs::symlink_metadata(&self.path), self.file.metadata());
        matches!((there, ours), (Ok(there), Ok(ours)) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
    }
}

impl Drop for PidFile {
    /// Deletes the file while the lock is held, so no other worker can have written its id into it. The file may be
    /// empty if the disk was full.
    fn drop(&mut self) {
        let is_ours = |text: String| text.is_empty() || text == ours();
        if self.is_in_place() && fs::read_to_string(&self.path).is_ok_and(is_ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens the file, but never through a link, whose target would be emptied, and never a FIFO, which would block.
fn open(path: &Path) -> Result<File, PidFileError> {
    let not_a_file = |what| PidFileError::NotAFile { path: path.to_owned(), what };
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Err(not_a_file("a folder")),
        Ok(found) if found.is_symlink() => return Err(not_a_file("a symbolic link")),
        Ok(found) if !found.is_file() => return Err(not_a_file("not a regular file")),
        _ => {}
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .map_err(|source| PidFileError::Io { path: path.to_owned(), source })
}

/// The process id in the file; empty if there is none.
fn written_in(mut file: &File) -> String {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let pid = text.trim();
    if pid.bytes().all(|byte| byte.is_ascii_digit()) { pid.to_owned() } else { String::new() }
}

fn ours() -> String {
    format!("{}\n", std::process::id())
}
