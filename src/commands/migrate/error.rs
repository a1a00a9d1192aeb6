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
    #[error("{} still runs as process {pid}", script.display())]
    StillRunning { pid: u32, script: PathBuf },
    #[error("{} belongs to another user, who could not use what root creates", path.display())]
    OtherOwner { path: PathBuf, owner: u32 },
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
            MigrateError::OtherOwner { owner, .. } => Some(format!(
                "run this as the user that runs client.py: sudo -u '#{owner}' irispool migrate …"
            )),
            MigrateError::Write { .. } => None,
            MigrateError::Spool(error) => error.hint(),
        }
    }
}
