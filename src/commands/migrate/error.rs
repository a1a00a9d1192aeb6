//! Why a migration does not go on.

use std::io;
use std::path::PathBuf;

use crate::exit::Explain;
use crate::spool::SpoolError;

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum MigrateError {
    #[error("cannot read the folder {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("the old script {} still runs as process {pid}: it would take the same messages", script.display())]
    StillRunning { pid: u32, script: PathBuf },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl Explain for MigrateError {
    fn hint(&self) -> Option<String> {
        match self {
            MigrateError::Folder { .. } => {
                Some("--from names the folder of the old script and of Elexon's client".to_owned())
            }
            MigrateError::StillRunning { pid, .. } => Some(format!(
                "take it out of cron or its service, stop it with `kill {pid}`, then run this again"
            )),
            MigrateError::Write { .. } => None,
            MigrateError::Spool(error) => error.hint(),
        }
    }
}
