//! The archive: delivered messages, packed into one file a day and dataset, `archive/<DATASET>/<YYYY-MM-DD>.tar.zst`.
//!
//! Settling moves a delivered message into `done/` by one rename, as when it is kept there. A packer, one at a time a
//! dataset, appends what is in `done/` to the file of its day, syncs, and only then deletes it from `done/`.
//!
//! A file is a row of blocks. A block is one zstd frame with whole tar entries of some messages, and behind it a note of
//! fixed size ([`note`]) that says what is in the block and in the file so far. The note is a skippable frame: `zstd` and
//! `tar --zstd` pass over it. There is no end-of-archive mark, so that more can always be appended.
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

mod day;
mod day_file;
mod done;
mod entry;
mod limits;
mod list;
mod note;
mod pack;
mod restore;

pub use day::Day;
pub use limits::{Limits, Removed, remove_over_limits};
pub use list::{ArchiveFile, Contents, archive_files};
pub use pack::{Packed, Packer};
pub use restore::{Restored, Target, restore};

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;

use super::{Layout, SpoolError, folder_label, lock};

/// What an archive's name ends with.
const ENDING: &str = ".tar.zst";

/// `2025-10-28.tar.zst`; further files of a day are `2025-10-28~2.tar.zst` and so on.
fn file_name(day: Day, number: u32) -> String {
    if number == 1 { format!("{day}{ENDING}") } else { format!("{day}~{number}{ENDING}") }
}

/// The day and number in an archive's name; none where it is no archive's.
fn parse_file_name(name: &OsStr) -> Option<(Day, u32)> {
    let stem = name.to_str()?.strip_suffix(ENDING)?;
    let (day, number) = stem.split_once('~').map_or((stem, "1"), |parts| parts);
    let (day, number) = (padded(day).parse().ok()?, number.parse().ok()?);
    (padded(stem) == file_name(day, number).trim_end_matches(ENDING)).then_some((day, number))
}

/// irispool 0.1 wrote years before 0 as `-002-12-17`, and then did not find those files: they are read as `-000002-12-17`.
fn padded(day: &str) -> Cow<'_, str> {
    match day.strip_prefix('-').and_then(|rest| rest.split_once('-')) {
        Some((year, rest)) if matches!(year.len(), 3..=5) => format!("-{year:0>6}-{rest}").into(),
        _ => day.into(),
    }
}

/// The label of a folder in `done/`: its own name, or, where messages of one name met, that before `~2`, `~3` ….
fn label_of_done(folder: &OsStr) -> String {
    let bytes = folder.as_bytes();
    let stem = bytes.iter().rposition(|byte| *byte == b'~').map_or(bytes, |place| {
        let is_number = place + 1 < bytes.len() && bytes[place + 1..].iter().all(u8::is_ascii_digit);
        if is_number { &bytes[..place] } else { bytes }
    });
    folder_label(OsStr::from_bytes(stem))
}

/// The folder in `done/` for the `number`th message of one name.
pub(super) fn done_folder(label: &str, number: u32) -> OsString {
    if number == 1 { label.into() } else { format!("{label}~{number}").into() }
}

/// The lock of whoever packs a dataset, or removes a file of its archive. A dataset's label has no dot at its front, so
/// this is no dataset's lock. None where another has it.
fn try_lock(layout: &Layout, name: &str) -> Result<Option<File>, SpoolError> {
    lock::try_lock(&layout.dataset_locks().join(name))
}

/// The same for a dataset's archive.
fn try_lock_archive(layout: &Layout, label: &str) -> Result<Option<File>, SpoolError> {
    try_lock(layout, &format!(".archive-{label}"))
}

/// That something has gone already is as good.
fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The first of what went wrong, where the rest is done all the same.
#[derive(Default)]
struct Fault {
    first: Option<SpoolError>,
}

impl Fault {
    /// What came of it; nothing where it failed.
    fn unless<T: Default>(&mut self, result: Result<T, SpoolError>) -> T {
        result.unwrap_or_else(|error| {
            self.first.get_or_insert(error);
            T::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_its_day() {
        let names = |day: Day| (file_name(day, 1), file_name(day, 2));
        let wanted = ("2025-10-28.tar.zst".into(), "2025-10-28~2.tar.zst".into());
        assert_eq!(names(Day::of(1_761_623_940)), wanted);
        for seconds in [i64::MIN, -62_167_219_201, 253_402_300_800, i64::MAX] {
            let (first, second) = names(Day::of(seconds));
            assert_eq!(parse_file_name(OsStr::new(&first)), Some((Day::of(seconds), 1)));
            assert_eq!(parse_file_name(OsStr::new(&second)), Some((Day::of(seconds), 2)));
        }
    }

    #[test]
    fn only_names_that_are_written_as_irispool_does_are_archives() {
        let number = |name: &str| parse_file_name(OsStr::new(name)).map(|(_, number)| number);
        assert_eq!(number("2025-10-28.tar.zst"), Some(1));
        assert_eq!(number("2025-10-28~12.tar.zst"), Some(12));
        assert_eq!(number("-002-12-17~2.tar.zst"), Some(2), "as irispool 0.1 called it");
        assert_eq!(parse_file_name(OsStr::new("-002-12-17.tar.zst")).unwrap().0.to_string(), "-000002-12-17");
        for name in [
            "2025-10-28~1.tar.zst",
            "2025-10-28~02.tar.zst",
            "20251028.tar.zst",
            "2025-10-28.tar.zst.tar.zst",
            "+002025-10-28.tar.zst",
            ".2025-10-28.tar.zst",
            "2025-13-28.tar.zst",
        ] {
            assert_eq!(number(name), None, "{name}");
        }
    }

    #[test]
    fn a_folder_of_done_belongs_to_its_dataset() {
        let label = |folder: &str| label_of_done(OsStr::new(folder));
        let of_its_own = folder_label(OsStr::new("a~b"));
        assert_eq!([label("FREQ"), label("FREQ~2"), label("a~b")], ["FREQ", "FREQ", &of_its_own]);
    }
}
