//! The archive: delivered messages, packed into one file per day and dataset: `archive/<DATASET>/<YYYY-MM-DD>.tar.zst`.
//!
//! A delivered message moves into `done/` by one rename, as when messages are kept there. One packer at a time per
//! dataset appends what is in `done/` to the file of its day, syncs the file, and only then deletes the messages from
//! `done/`.
//!
//! A file is a row of blocks. A block is one zstd frame with whole tar entries of some messages. Behind it is a note of
//! a fixed size that says what is in the block and in the file so far. The note is a skippable frame, which `zstd` and
//! `tar --zstd` pass over. There is no end-of-archive mark, so a packer can always append.
//!
//! Before a packer appends, it repairs what a crash may have left:
//!
//! - Half a block at the end of a file: the packer cuts it off, up to the last note whose block is whole.
//! - Messages in `done/` that are in the last block already: it compares them byte by byte, and deletes them.
//! - A new file under its hidden name: it starts the file again. A file gets its own name when its first block is on
//!   the disk.
//!
//! irispool did not make a file without a whole note, and never writes to it. It uses `<day>~2.tar.zst` instead.
//!
//! The day is that of a message's last write (UTC) and not of its packing, so it is the same for every packer.
//!
//! - `pack`: the packer; `done`: the messages in `done/`; `day_file`: the file of one day.
//! - `block_note`, `entry`: the format; `file_name`, `day`: the names of the files.
//! - `list`, `restore`, `limits`: what is in the archive, how it gets out, and when it is deleted.
//! - `file_range`, `first_error`: what the others share.

mod block_note;
mod day;
mod day_file;
mod done;
mod entry;
mod file_name;
mod file_range;
mod first_error;
mod limits;
mod list;
mod pack;
mod restore;

pub use day::Day;
pub(super) use done::done_folder;
pub use limits::{Removed, RetentionLimits, remove_over_limits};
pub use list::{ArchiveFile, Contents, archive_files};
pub use pack::{Packed, Packer};
pub use restore::{Restored, Target, restore};
