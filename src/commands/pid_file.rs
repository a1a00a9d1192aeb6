//! The file with a run's process id, for others: irispool itself never reads what another one wrote there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::exit::Explain;

/// Gone when this is dropped, unless another process has taken the file over.
#[derive(Debug)]
pub(super) struct PidFile(PathBuf);

#[derive(Debug, thiserror::Error)]
#[error("cannot write the process id into {}: {source}", .path.display())]
pub(super) struct PidFileError {
    path: PathBuf,
    source: io::Error,
}

impl Explain for PidFileError {
    fn hint(&self) -> Option<String> {
        Some("is its folder there, and may this user write to it?".to_owned())
    }
}

impl PidFile {
    /// Writes it, in place of one that is there: that one is a dead process's, or each of two workers lacks its own.
    pub(super) fn write(path: &Path) -> Result<PidFile, PidFileError> {
        let failed = |source| PidFileError { path: path.to_owned(), source };
        let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::IsADirectory.into()))?;
        // A reader finds a whole number or none.
        let unborn = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        let written = fs::write(&unborn, ours()).and_then(|()| fs::rename(&unborn, path));
        if written.is_err() {
            let _ = fs::remove_file(&unborn);
        }
        written.map_err(failed)?;
        Ok(PidFile(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if fs::read_to_string(&self.0).is_ok_and(|text| text == ours()) {
            let _ = fs::remove_file(&self.0);
        }
    }
}

fn ours() -> String {
    format!("{}\n", std::process::id())
}
