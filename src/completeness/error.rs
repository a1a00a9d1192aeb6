//! Why a verification failed.

use std::io;
use std::path::PathBuf;

use crate::source::elexon_archive::ElexonArchiveError;
use crate::spool::SpoolError;
use crate::warehouse::QueryError;

/// Why a verification failed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Elexon's archive gave no answer.
    #[error("cannot list Elexon's archive: {0}")]
    Archive(#[from] ElexonArchiveError),
    /// The ledger of the warehouse cannot be read.
    #[error("cannot read the ledger of the warehouse: {0}")]
    Ledger(#[from] QueryError),
    /// The spool cannot be listed.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The list of the days that were found complete cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    VerifiedDays {
        /// The path of the list.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// No dataset was named, and none is known.
    #[error("irispool does not know which datasets to verify, because no message has come yet")]
    NoDataset,
    /// No day could be judged.
    #[error("nothing could be judged: {why}")]
    NothingJudged {
        /// The first reason.
        why: String,
    },
}
