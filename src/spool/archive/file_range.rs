//! A part of a file, read from its beginning.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// A part of a file, read from its beginning.
pub(super) struct Part<'f> {
    file: &'f File,
    offset: u64,
    end: u64,
}

impl<'f> Part<'f> {
    pub(super) fn new(file: &'f File, offset: u64, end: u64) -> Part<'f> {
        Part { file, offset, end }
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min((self.end - self.offset) as usize);
        let count = self.file.read_at(&mut buffer[..length], self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
