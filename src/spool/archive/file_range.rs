//! Reads a part of a file.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// A part of a file, read from its beginning to its end.
pub(super) struct FileRange<'f> {
    file: &'f File,
    offset: u64,
    end: u64,
}

impl<'f> FileRange<'f> {
    pub(super) fn new(file: &'f File, offset: u64, end: u64) -> FileRange<'f> {
        FileRange { file, offset, end }
    }
}

impl Read for FileRange<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min((self.end - self.offset) as usize);
        let count = self.file.read_at(&mut buffer[..length], self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
