//! The queue: folders in which the path of a message is its state. It knows no JSON and no network.
//!
//! | state | where | who moves it on |
//! |---|---|---|
//! | arriving, ready | `incoming/<folder>/<message id>` | any worker that holds the lock of the folder |
//! | claimed | `claimed/<worker>/<batch>/<message id>` | the worker that holds the lock of `claimed/<worker>` |
//! | dead | `dead/<label>/<message id>` and `<message id>.error.json` | a person |
//! | delivered | gone, or `done/<label>/<message id>` | nobody, or the packer that holds the lock of the archive |
//! | packed | in `archive/<label>/<day>.tar.zst` | nobody |
//!
//! Every move is one rename that never replaces anything. The kernel holds a worker's lock (`flock`), so the lock ends
//! when the process ends, for whatever reason. The next worker that gets the lock takes over the batches in the folder.
//!
//! Three names must not be mixed up. The **folder** under `incoming` is an `OsStr`, as the disk has it. Its [`Label`]
//! is plain text and names it everywhere else. The **dataset** is Elexon's: the catalog makes its name from the label.
//!
//! - `archive/`: packs delivered messages into one file per day and dataset, lists, restores and limits them.
//! - `dead/`: dead letters: burying, listing, retrying, dropping, counting.
//! - `layout`: the paths of a spool, and the checks before it is used.
//! - `label`, `batch_id`, `set_aside_folders`, `temporary_names`: the names in a spool and what they mean.
//! - `worker`, `lock`, `take_over`: a worker's folder, the locks, and what a dead worker leaves.
//! - `claim`, `batch`, `read`, `delivered`, `write_time`: the way of a message from `incoming` until it is settled.
//! - `adopt`: moves messages from a folder outside of the spool into `incoming`.
//! - `folder_watch`: wakes a worker when something comes.
//! - `inspect`, `ready`, `waiting`, `disk_space`: look at a spool and change nothing.
//! - `folder`, `rename`, `remove`, `same_content`, `sync`, `time`, `error`: what the others share.

mod adopt;
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
mod sync;
mod take_over;
mod temporary_names;
mod time;
mod waiting;
mod worker;
mod write_time;

pub use adopt::{Adopted, adopt_folder};
pub use archive::{
    ArchiveFile, Contents, Day, Packed, Packer, Removed, Restored, RetentionLimits, Target, archive_files,
    remove_over_limits, restore,
};
pub use batch::Batch;
pub use claim::{Claim, Claimer, DatasetFolder};
pub use dead::{
    BadRowNote, DeadFolder, DeadLetter, DeadReport, DeadStage, Delivered, Dropped, Letter, Letters,
    ReportAlone, Retried, WholeCame, WhyGone, bury, dead_bytes, dead_letters, drop_letter, gone_letters,
    reason_group, remove_reports_alone, retry_letters,
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
pub use waiting::waiting_messages;
pub use worker::{Worker, publish};
pub use write_time::set_written_at;
