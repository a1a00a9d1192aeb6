//! The file of one day, opened to be appended to. The caller holds the lock of its dataset's archive.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::Day;
use super::block_note::{BlockNote, last_block_is_damaged, last_note};
use super::entry::{EntryHeader, write_entry};
use super::file_name::{ENDING, file_name};
use super::file_range::FileRange;
use crate::spool::SpoolError;
use crate::spool::remove::gone_is_fine;
use crate::spool::rename::rename;
use crate::spool::sync::{sync_all, sync_data};

/// zstd's default level. Level 9 makes files 10 % smaller and takes three times as long.
const LEVEL: i32 = 3;

/// The end of a file's hidden name until its first block is on the disk.
const UNFINISHED_ENDING: &str = ".new";

/// How many files of one day are tried. Those that irispool did not make are passed over.
const FILES_A_DAY_MAX: u32 = 1_000;

/// How many compressed bytes are gathered before they are written: mostly a block and its note are one write.
const WRITE_BYTES: usize = 1 << 20;

/// An open file that a packer appends to.
pub(super) struct DayFile {
    file: File,
    path: PathBuf,
    /// Its hidden name, until it has a block.
    unfinished: Option<PathBuf>,
    /// The note behind the last block.
    last: Option<BlockNote>,
}

impl DayFile {
    /// Opens the day's file, and cuts off what a crash left half written at its end. If there is none, it makes one
    /// under a hidden name. It passes over a file whose last block is damaged, and adds it to `damaged`.
    pub(super) fn open(
        folder: &Path,
        day: Day,
        damaged: &mut BTreeSet<PathBuf>,
    ) -> Result<DayFile, SpoolError> {
        for number in 1..=FILES_A_DAY_MAX {
            let name = file_name(day, number);
            let path = folder.join(&name);
            let failed = |error| SpoolError::io("open", &path, error);
            match OpenOptions::new().read(true).write(true).open(&path) {
                Ok(file) => {
                    let Some(last) = last_note(&file).map_err(failed)? else { continue };
                    let length = file.metadata().map_err(failed)?.len();
                    if length > last.end() && last_block_is_damaged(&file).map_err(failed)? {
                        damaged.insert(path);
                        continue;
                    }
                    if length > last.end() {
                        file.set_len(last.end()).map_err(failed)?;
                        tracing::warn!(
                            file = %path.display(),
                            bytes = length - last.end(),
                            "cut off what a crash left half written; its messages are in done/"
                        );
                    }
                    return Ok(DayFile { file, path, unfinished: None, last: Some(last) });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let unfinished = folder.join(format!(".{name}{UNFINISHED_ENDING}"));
                    let file = OpenOptions::new()
                        .read(true)
                        .write(true)
                        .create(true)
                        .truncate(true)
                        .open(&unfinished)
                        .map_err(|error| SpoolError::io("make", &unfinished, error))?;
                    return Ok(DayFile { file, path, unfinished: Some(unfinished), last: None });
                }
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let error =
            io::Error::other("there are a thousand files of that day, and none is an archive of irispool's");
        Err(SpoolError::io("open", folder.join(file_name(day, 1)), error))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its length up to the end of the last whole block.
    pub(super) fn committed(&self) -> u64 {
        self.last.map_or(0, |note| note.end())
    }

    /// The last block, compressed.
    pub(super) fn last_block(&self) -> Option<FileRange<'_>> {
        let note = self.last?;
        Some(FileRange::new(&self.file, note.block_start, note.block_start + note.block_bytes))
    }

    /// Appends a block with what `add_all` adds to it. The block is on the disk when this returns.
    ///
    /// # Errors
    /// Nothing is appended, or the whole block when only the file's new name could not be synced.
    pub(super) fn append(
        &mut self,
        add_all: impl FnOnce(&mut Block<'_>) -> io::Result<()>,
    ) -> Result<BlockNote, SpoolError> {
        let failed = |path: &Path, error| SpoolError::io("append to", path, error);
        let written = self.write_block(add_all).and_then(|note| sync_data(&self.file).map(|()| note));
        let note = written.map_err(|error| {
            let _ = self.file.set_len(self.committed());
            failed(&self.path, error)
        })?;
        if let Some(unfinished) = &self.unfinished {
            rename(unfinished, &self.path)
                .and_then(|()| sync_folder_of(&self.path))
                .map_err(|error| failed(&self.path, error))?;
            self.unfinished = None;
        }
        self.last = Some(note);
        Ok(note)
    }

    fn write_block(&self, add_all: impl FnOnce(&mut Block<'_>) -> io::Result<()>) -> io::Result<BlockNote> {
        let start = self.committed();
        let output = Output { file: &self.file, offset: start, buffer: Vec::new(), hash: Xxh3::new() };
        let mut encoder = zstd::stream::write::Encoder::new(output, LEVEL)?;
        encoder.include_checksum(true)?;
        let mut block = Block { encoder, messages: 0, bytes: 0, raw_bytes: 0 };
        add_all(&mut block)?;
        let (messages, bytes) = (block.messages, block.bytes);
        let mut output = block.encoder.finish()?;
        let before = self.last.unwrap_or_default();
        let note = BlockNote {
            messages,
            bytes,
            block_start: start,
            block_bytes: output.offset + output.buffer.len() as u64 - start,
            messages_so_far: before.messages_so_far + u64::from(messages),
            bytes_so_far: before.bytes_so_far + bytes,
            block_hash: output.hash.digest(),
        };
        output.buffer.extend_from_slice(&note.to_bytes());
        output.write_out()?;
        Ok(note)
    }
}

impl Drop for DayFile {
    /// Removes a file that got no block.
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            let _ = gone_is_fine(fs::remove_file(unfinished));
        }
    }
}

/// A block that is being written.
pub(super) struct Block<'f> {
    encoder: zstd::stream::write::Encoder<'static, Output<'f>>,
    messages: u32,
    /// The size of the messages.
    bytes: u64,
    /// The size of the block before it is compressed, roughly.
    raw_bytes: u64,
}

impl Block<'_> {
    pub(super) fn add(&mut self, header: &EntryHeader, content: &[u8]) -> io::Result<()> {
        write_entry(&mut self.encoder, header, content)?;
        self.messages += 1;
        self.bytes += header.bytes;
        // One or two headers.
        self.raw_bytes += header.bytes + 1_024;
        Ok(())
    }

    pub(super) fn messages(&self) -> u32 {
        self.messages
    }

    /// The size before compression, roughly.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }
}

struct Output<'f> {
    file: &'f File,
    /// The offset in the file at which the buffer goes.
    offset: u64,
    buffer: Vec<u8>,
    /// The hash of the block so far.
    hash: Xxh3,
}

impl Output<'_> {
    fn write_out(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.offset)?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE_BYTES {
            self.write_out()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Removes files that dead packers left under hidden names. The caller holds the lock of the archive.
pub(super) fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(&format!("{ENDING}{UNFINISHED_ENDING}")) {
            gone_is_fine(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

/// Syncs the folder of a file, so that the file's new name is on the disk.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| sync_all(File::open(folder)?))
}
