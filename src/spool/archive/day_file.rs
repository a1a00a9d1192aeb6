//! The file of one day, opened to be appended to. The caller holds the lock of its dataset's archive.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::super::sync::{sync_all, sync_data};
use super::entry::{Meta, write_entry};
use super::note::{Note, Part, last_block_is_damaged, last_note};
use super::{Day, ENDING, SpoolError, file_name, gone_is_fine};
use crate::observe::is_news;

/// zstd's own default; 9 makes files a tenth smaller for three times the work.
const LEVEL: i32 = 3;

/// What a file is called until its first block is on the disk.
const UNBORN_ENDING: &str = ".new";

/// Files that are none of ours are passed over, up to so many a day.
const FILES_A_DAY_MAX: u32 = 1_000;

/// Compressed bytes gathered before they are written: mostly a block and its note are one write.
const WRITE_BYTES: usize = 1 << 20;

pub(super) struct DayFile {
    file: File,
    path: PathBuf,
    /// Its name until it has a block.
    unborn: Option<PathBuf>,
    /// Behind the last block.
    last: Option<Note>,
}

impl DayFile {
    /// Opens the day's file, and cuts off what a crash left half written at its end. Where there is none it is begun,
    /// under a hidden name.
    pub(super) fn open(folder: &Path, day: Day) -> Result<DayFile, SpoolError> {
        for number in 1..=FILES_A_DAY_MAX {
            let name = file_name(day, number);
            let path = folder.join(&name);
            let failed = |error| SpoolError::io("open", &path, error);
            match OpenOptions::new().read(true).write(true).open(&path) {
                Ok(file) => {
                    let Some(last) = last_note(&file).map_err(failed)? else { continue };
                    let length = file.metadata().map_err(failed)?.len();
                    if length > last.end() && last_block_is_damaged(&file).map_err(failed)? {
                        if is_news(&format!("damaged: {}", path.display())) {
                            tracing::error!(
                                file = %path.display(),
                                "the last block of an archive is damaged: it is left as it is, and another file is used"
                            );
                        }
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
                    return Ok(DayFile { file, path, unborn: None, last: Some(last) });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let unborn = folder.join(format!(".{name}{UNBORN_ENDING}"));
                    let file = OpenOptions::new()
                        .read(true)
                        .write(true)
                        .create(true)
                        .truncate(true)
                        .open(&unborn)
                        .map_err(|error| SpoolError::io("make", &unborn, error))?;
                    return Ok(DayFile { file, path, unborn: Some(unborn), last: None });
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
    pub(super) fn last_block(&self) -> Option<Part<'_>> {
        let note = self.last?;
        Some(Part::new(&self.file, note.block_start, note.block_start + note.block_bytes))
    }

    /// Appends a block of what `add_all` adds to it. When this returns it is on the disk; on an error nothing is
    /// appended, or, should only the file's name not be on the disk, it is a whole block.
    pub(super) fn append(
        &mut self,
        add_all: impl FnOnce(&mut Block<'_>) -> io::Result<()>,
    ) -> Result<Note, SpoolError> {
        let failed = |path: &Path, error| SpoolError::io("append to", path, error);
        let written = self.write_block(add_all).and_then(|note| sync_data(&self.file).map(|()| note));
        let note = written.map_err(|error| {
            let _ = self.file.set_len(self.committed());
            failed(&self.path, error)
        })?;
        if let Some(unborn) = &self.unborn {
            super::super::rename::rename(unborn, &self.path)
                .and_then(|()| sync_folder_of(&self.path))
                .map_err(|error| failed(&self.path, error))?;
            self.unborn = None;
        }
        self.last = Some(note);
        Ok(note)
    }

    fn write_block(&self, add_all: impl FnOnce(&mut Block<'_>) -> io::Result<()>) -> io::Result<Note> {
        let start = self.committed();
        let output = Output { file: &self.file, offset: start, buffer: Vec::new(), hash: Xxh3::new() };
        let mut encoder = zstd::stream::write::Encoder::new(output, LEVEL)?;
        encoder.include_checksum(true)?;
        let mut block = Block { encoder, messages: 0, bytes: 0, raw_bytes: 0 };
        add_all(&mut block)?;
        let (messages, bytes) = (block.messages, block.bytes);
        let mut output = block.encoder.finish()?;
        let before = self.last.unwrap_or_default();
        let note = Note {
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
    /// A file that got no block was never there.
    fn drop(&mut self) {
        if let Some(unborn) = &self.unborn {
            let _ = gone_is_fine(fs::remove_file(unborn));
        }
    }
}

/// A block that is being made.
pub(super) struct Block<'f> {
    encoder: zstd::stream::write::Encoder<'static, Output<'f>>,
    messages: u32,
    /// Of the messages.
    bytes: u64,
    raw_bytes: u64,
}

impl Block<'_> {
    pub(super) fn add(&mut self, meta: &Meta, content: &[u8]) -> io::Result<()> {
        write_entry(&mut self.encoder, meta, content)?;
        self.messages += 1;
        self.bytes += meta.bytes;
        // A header or two.
        self.raw_bytes += meta.bytes + 1_024;
        Ok(())
    }

    pub(super) fn messages(&self) -> u32 {
        self.messages
    }

    /// About, before it is compressed.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }
}

struct Output<'f> {
    file: &'f File,
    /// Where in the file the buffer goes.
    offset: u64,
    buffer: Vec<u8>,
    /// Of the block so far.
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

/// Removes what packers that died had begun in a folder. The caller holds its lock.
pub(super) fn remove_unborn(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(&format!("{ENDING}{UNBORN_ENDING}")) {
            gone_is_fine(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

/// A new name is on the disk when its folder is synced.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| sync_all(File::open(folder)?))
}
