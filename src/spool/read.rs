//! Reads a message, but only when nobody writes to it any more.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::time::file_time_ms;
use super::{Batch, now_ms};

/// If a file's time of writing lies further in the future than this, a clock is wrong and the age means nothing.
const CLOCK_SKEW_MS_MAX: i64 = 60_000;

/// An open message that its writer has closed.
#[derive(Debug)]
pub struct MessageFile {
    file: OwnedFd,
    bytes: u64,
    written_at_ms: i64,
}

/// Why a message cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("it is still being written")]
    BeingWritten,
    #[error("it is not there any more")]
    Gone,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("{0}")]
    Unreadable(io::Error),
}

impl MessageFile {
    /// The file's size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When it was last written, in ms since 1970 UTC.
    pub fn written_at_ms(&self) -> i64 {
        self.written_at_ms
    }

    /// Reads the whole file into `buffer`, in place of what is there.
    ///
    /// The size is final, so mostly one read is enough. The standard library's `read_to_end` would ask for the size
    /// again and read once more at the end.
    pub fn read_into(self, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        buffer.clear();
        buffer.resize(self.bytes as usize, 0);
        let mut have = 0;
        while have < buffer.len() {
            match rustix::io::read(&self.file, &mut buffer[have..]) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(ReadError::Unreadable(error.into())),
            }
        }
        buffer.truncate(have);
        Ok(())
    }
}

/// Opens a claimed message if nobody has it open for writing. When the kernel cannot tell (another user's file, some
/// file systems), it opens the message if nobody wrote to it for `write_age`.
pub fn read(batch: &Batch, name: &OsStr, write_age: Duration) -> Result<MessageFile, ReadError> {
    open_if_closed(batch.folder(), name, write_age)
}

pub(super) fn open_if_closed(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    write_age: Duration,
) -> Result<MessageFile, ReadError> {
    // Links are refused, and a FIFO is opened without waiting for its other end.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Err(ReadError::Gone),
        Err(Errno::LOOP | Errno::NXIO | Errno::NODEV) => return Err(ReadError::NotAFile),
        Err(error) => return Err(ReadError::Unreadable(error.into())),
    };
    // The writer is asked about before the size, so that the size is final.
    let writer = has_writer(file.as_fd());
    if writer == Some(true) {
        return Err(ReadError::BeingWritten);
    }
    let found = rustix::fs::fstat(&file).map_err(|error| ReadError::Unreadable(error.into()))?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(ReadError::NotAFile);
    }
    let written_at_ms = file_time_ms(found.st_mtime as i64, found.st_mtime_nsec as i64);
    if writer.is_none() {
        let age_ms = now_ms() - written_at_ms;
        if age_ms < write_age.as_millis() as i64 && age_ms > -CLOCK_SKEW_MS_MAX {
            return Err(ReadError::BeingWritten);
        }
    }
    Ok(MessageFile { file, bytes: found.st_size as u64, written_at_ms })
}

/// Whether the kernel can tell in this folder if somebody writes to one of our own files. It makes a hidden file to
/// find out, and removes it.
pub fn leases_work(folder: &Path) -> io::Result<bool> {
    let path = folder.join(format!(".lease-{}-{}", std::process::id(), now_ms()));
    let writer = File::create_new(&path)?;
    let reader = File::open(&path);
    let removed = std::fs::remove_file(&path);
    let reader = reader?;
    let while_written = has_writer(reader.as_fd());
    drop(writer);
    let when_closed = has_writer(reader.as_fd());
    removed?;
    Ok((while_written, when_closed) == (Some(true), Some(false)))
}

/// Whether any process has the file open for writing. `None` when the kernel cannot tell.
///
/// The kernel refuses a read lease with `EAGAIN` as long as there is a writer (fcntl(2)). The lease ends when we close
/// the file. A writer that comes meanwhile raises SIGIO, which the program ignores.
#[cfg(target_os = "linux")]
fn has_writer(file: BorrowedFd<'_>) -> Option<bool> {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open for the time of the call, and F_SETLEASE takes a plain integer.
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) };
    if answer == 0 {
        return Some(false);
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN) => Some(true),
        // Another owner's file, or a file system without leases.
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn has_writer(_: BorrowedFd<'_>) -> Option<bool> {
    None
}
