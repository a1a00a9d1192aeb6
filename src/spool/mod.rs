//! The queue: folders in which a message's path is its state. It knows no JSON and no network.
//!
//! | state | where | who moves it on |
//! |---|---|---|
//! | arriving, ready | `incoming/<DATASET>/<message id>` | any worker, under the dataset's lock |
//! | claimed | `claimed/<worker>/<batch>/<message id>` | the worker that holds the lock of its folder |
//! | dead | `dead/<DATASET>/<message id>` and `<message id>.error.json` | a person |
//! | delivered | gone, or `done/<DATASET>/<message id>` | nobody, or the packer, which holds the lock of its archive |
//! | packed | in `archive/<DATASET>/<day>.tar.zst` | nobody |
//!
//! Every move is one rename that never replaces anything. A worker's lock is the kernel's (`flock`), so it ends with
//! the process however that ends, and whoever gets it then takes the folder's batches over.

mod archive;
mod batch;
mod claim;
mod count;
mod dead;
mod dead_folder;
mod disk_space;
mod inspect;
mod layout;
mod letters;
mod lock;
mod mended;
mod read;
mod recover;
mod rename;
mod set_aside;
mod settle;
mod sync;
mod temporary;
mod watch;
mod worker;

pub use archive::{
    ArchiveFile, Contents, Day, Limits, Packed, Packer, Removed, Restored, Target, archive_files,
    remove_over_limits, restore,
};
pub use batch::{Batch, Entry, EntryKind};
pub use claim::{Claim, Claimer, Folder};
pub use count::{dead_bytes, disk_bytes, ready_messages};
pub use dead::{BadRowNote, DeadLetter, DeadReport, Delivered, WholeCame, bury};
pub use dead_folder::{DeadFolder, Holds, gone_letters};
pub use disk_space::DiskSpace;
pub use inspect::{AGES, Inspection, Part, Queue, Sighting, WorkerSeen, inspect};
pub use layout::{Layout, folder_label};
pub use letters::{
    Dropped, Letter, Letters, ReportAlone, Retried, dead_letters, drop_letter, reason_group,
    remove_reports_alone, retry_letters,
};
pub use mended::set_written_at;
pub use read::{MessageFile, ReadError, leases_work, read};
pub use recover::{take_over_dead_workers, workers_on};
pub use settle::{Keep, settle_delivered};
pub use temporary::TemporaryNames;
pub use watch::Watch;
pub use worker::{Worker, publish};

use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with a spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A file of the archive can't be read, or not to its end.
    #[error("cannot read {path}: {source}", path = path.display())]
    DamagedArchive { path: PathBuf, source: io::Error },
    #[error("{} and {} are on different file systems", first.display(), second.display())]
    OtherFileSystem { first: PathBuf, second: PathBuf },
    #[error("{} is not a folder", path.display())]
    NotAFolder { path: PathBuf },
}

impl SpoolError {
    fn io(action: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        SpoolError::Io { action, path: path.as_ref().to_owned(), source: source.into() }
    }

    fn is_not_found(&self) -> bool {
        matches!(self, SpoolError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            SpoolError::Io { source, .. } | SpoolError::DamagedArchive { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some(
                "run irispool as the user that runs the IRIS client, or give its user write access to the spool"
                    .to_owned(),
                )
            }
            SpoolError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some space on the spool's file system".to_owned())
            }
            SpoolError::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => Some(
                "this file system may not be written: mount it for writing, or choose another place; where systemd runs \
                 irispool, ReadWritePaths= in the unit names what it may write"
                    .to_owned(),
            ),
            SpoolError::Io { .. } | SpoolError::DamagedArchive { .. } => None,
            SpoolError::OtherFileSystem { .. } => Some(
                "messages are claimed by renaming, which needs incoming, claimed, dead and done on one file system: \
                 move the spool, and point the client's RelativeFileDownloadDirectory at its incoming folder"
                    .to_owned(),
            ),
            SpoolError::NotAFolder { .. } => Some("move it away, or choose another --spool".to_owned()),
        }
    }
}

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// A file's time, given in seconds since 1970 UTC and nanoseconds of the second, in ms. A file system may have times that
/// 64 bits of ms do not hold; those are brought so near that their differences can be reckoned.
fn file_time_ms(seconds: i64, nanoseconds: i64) -> i64 {
    const FARTHEST: i64 = i64::MAX / 4;
    (seconds.saturating_mul(1_000)).clamp(-FARTHEST, FARTHEST) + nanoseconds / 1_000_000
}
