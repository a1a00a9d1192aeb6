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
mod batch_id;
mod claim;
mod dead;
mod delivered;
mod disk_space;
mod error;
mod folder;
mod folder_watch;
mod inspect;
mod label;
mod layout;
mod lock;
mod read;
mod ready;
mod remove;
mod rename;
mod same_content;
mod set_aside_folders;
mod take_over;
mod temporary_names;
mod time;
mod worker;
mod write_time;

pub use archive::{
    ArchiveFile, Contents, Day, Packed, Packer, Removed, Restored, RetentionLimits, Target, archive_files,
    remove_over_limits, restore,
};
pub use batch::Batch;
pub use claim::{Claim, Claimer, DatasetFolder};
pub use dead::{
    BadRowNote, DeadFolder, DeadLetter, DeadReport, DeadStage, Delivered, Dropped, Holds, Letter, Letters,
    ReportAlone, Retried, WholeCame, bury, dead_bytes, dead_letters, drop_letter, gone_letters, reason_group,
    remove_reports_alone, retry_letters,
};
pub use delivered::{Retention, settle_delivered};
pub use disk_space::{DiskSpace, disk_bytes};
pub use error::SpoolError;
pub use folder::{Entry, EntryKind};
pub use folder_watch::FolderWatch;
pub use inspect::{AGES, DatasetQueue, Inspection, Sighting, SpoolPart, WorkerSeen, inspect};
pub use label::Label;
pub use layout::Layout;
pub use read::{MessageFile, ReadError, leases_work, read};
pub use ready::ready_messages;
pub use take_over::{TakenOver, take_over_dead_workers, workers_on};
pub use temporary_names::TemporaryNames;
pub use time::now_ms;
pub use worker::{Worker, publish};
pub use write_time::set_written_at;
