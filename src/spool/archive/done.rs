//! The messages in `done/`, which a packer reads and then deletes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::spool::Label;
use crate::spool::remove::gone_is_fine;

/// The highest `max_file_bytes`. Somebody else put a larger file there, and it stays.
const MESSAGE_BYTES_MAX: u64 = 1 << 30;

/// How many threads delete packed messages at most. They wait for the disk.
const DELETERS_MAX: usize = 8;
/// How many messages a thread deletes at least.
const DELETED_EACH_MIN: usize = 64;

/// The label of a folder in `done/`: its name without the `~2`, `~3` … of folders for further messages of one name.
pub(super) fn label_of_done(folder: &OsStr) -> Label {
    let bytes = folder.as_bytes();
    let stem = bytes.iter().rposition(|byte| *byte == b'~').map_or(bytes, |at| {
        let is_number = at + 1 < bytes.len() && bytes[at + 1..].iter().all(u8::is_ascii_digit);
        if is_number { &bytes[..at] } else { bytes }
    });
    Label::of(OsStr::from_bytes(stem))
}

/// The folder in `done/` for the `number`th message of one name.
pub(in crate::spool) fn done_folder(label: &Label, number: u32) -> OsString {
    if number == 1 { label.as_str().into() } else { format!("{label}~{number}").into() }
}

pub(super) fn stat(folder: BorrowedFd<'_>, name: &OsStr) -> Result<Stat, Errno> {
    rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// Reads a message. It refuses links, and does not wait for the other end of a FIFO.
pub(super) fn read_message(folder: BorrowedFd<'_>, name: &OsStr, buffer: &mut Vec<u8>) -> io::Result<Stat> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    let found = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is no regular file"));
    }
    if found.st_size as u64 > MESSAGE_BYTES_MAX {
        return Err(io::Error::other("it is larger than any message"));
    }
    buffer.clear();
    buffer.reserve(found.st_size as usize);
    fs::File::from(file).take(MESSAGE_BYTES_MAX).read_to_end(buffer)?;
    Ok(found)
}

/// Removes packed messages with several threads, because each waits for the disk.
pub(super) fn remove_all(folder: BorrowedFd<'_>, packed: &[(OsString, Stat)]) -> io::Result<()> {
    let each = packed.len().div_ceil(DELETERS_MAX).max(DELETED_EACH_MIN);
    let remove = |part: &[(OsString, Stat)]| {
        part.iter().try_for_each(|(name, found)| remove_if_same(folder, name, found))
    };
    if packed.len() <= each {
        return remove(packed);
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = packed.chunks(each).map(|part| scope.spawn(move || remove(part))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Removes a packed message, unless another file has its name by now.
pub(super) fn remove_if_same(folder: BorrowedFd<'_>, name: &OsStr, packed: &Stat) -> io::Result<()> {
    let is_same = |found: &Stat| {
        (found.st_ino, found.st_size, found.st_mtime, found.st_mtime_nsec)
            == (packed.st_ino, packed.st_size, packed.st_mtime, packed.st_mtime_nsec)
    };
    match stat(folder, name) {
        Ok(found) if is_same(&found) => {
            gone_is_fine(rustix::fs::unlinkat(folder, name, AtFlags::empty()).map_err(io::Error::from))
        }
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_done_belongs_to_its_dataset() {
        let label = |folder: &str| label_of_done(OsStr::new(folder)).to_string();
        let of_its_own = Label::of(OsStr::new("a~b")).to_string();
        assert_eq!([label("FREQ"), label("FREQ~2"), label("a~b")], ["FREQ", "FREQ", &of_its_own]);
    }
}
