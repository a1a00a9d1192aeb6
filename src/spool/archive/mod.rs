//! The archive: delivered messages, packed into one file a day and dataset, `archive/<DATASET>/<YYYY-MM-DD>.tar.zst`.
//!
//! Settling moves a delivered message into `done/` by one rename, as when it is kept there. A packer, one at a time a
//! dataset, appends what is in `done/` to the file of its day, syncs, and only then deletes it from `done/`.
//!
//! A file is a row of blocks. A block is one zstd frame with whole tar entries of some messages, and behind it a note
//! of fixed size ([`note`]) that says what is in the block and in the file so far. The note is a skippable frame:
//! `zstd` and `tar --zstd` pass over it. There is no end-of-archive mark, so that more can always be appended.
//!
//! What a crash may leave, and what the next packer does about it, before it appends anything:
//!
//! - half a block at the end of a file: it is cut off, up to the last note whose block is whole;
//! - messages in `done/` that are in the last block already: they are compared with it byte by byte, and deleted;
//! - a new file under its hidden name: it is begun again. A file gets its own name when its first block is on the disk.
//!
//! A file without a single whole note is none of ours. It is never written to: the next is called `<day>~2.tar.zst`.
//!
//! The day is that of a message's last write (UTC), not of its packing: so it is the same for whoever packs it.

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
