//! The note behind each block of an archive. A block without a whole note behind it is no part of the file.
//!
//! The note is a skippable frame of zstd: a magic number and a length of 4 bytes each, and then these fields. All
//! numbers are little-endian.
//!
//! | bytes | field |
//! |---|---|
//! | 8 | `irispool` |
//! | 4 | version, 1 |
//! | 4 | messages in the block |
//! | 8 | where the block begins in the file |
//! | 8 | the length of the block |
//! | 8 | bytes of its messages |
//! | 8 | messages in the file up to here |
//! | 8 | bytes of all messages in the file up to here |
//! | 8 | XXH3 (64 bits) of the block as it lies in the file |
//! | 8 | XXH3 of the 64 bytes before |

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: u32 = 0x184D_2A57;
const MARK: &[u8; 8] = b"irispool";
const VERSION: u32 = 1;
const FIELDS_BYTES: usize = 72;

/// The frame's magic number and length, and the fields.
pub(super) const NOTE_BYTES: usize = 8 + FIELDS_BYTES;

/// How many bytes are read at once when the last note is searched and a block is checked.
const STEP_BYTES: usize = 1 << 16;

/// What a note says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BlockNote {
    /// How many messages are in the block.
    pub(super) messages: u32,
    /// Their size.
    pub(super) bytes: u64,
    pub(super) block_start: u64,
    pub(super) block_bytes: u64,
    /// How many messages are in the file, with those of this block.
    pub(super) messages_so_far: u64,
    /// Their size.
    pub(super) bytes_so_far: u64,
    /// XXH3 (64 bits) of the block as it is in the file.
    pub(super) block_hash: u64,
}

impl BlockNote {
    /// Where the note ends, which is the length of a file whose last note it is.
    pub(super) fn end(&self) -> u64 {
        self.block_start + self.block_bytes + NOTE_BYTES as u64
    }

    pub(super) fn to_bytes(self) -> [u8; NOTE_BYTES] {
        let mut note = Vec::with_capacity(NOTE_BYTES);
        note.extend_from_slice(&MAGIC.to_le_bytes());
        note.extend_from_slice(&(FIELDS_BYTES as u32).to_le_bytes());
        note.extend_from_slice(MARK);
        note.extend_from_slice(&VERSION.to_le_bytes());
        note.extend_from_slice(&self.messages.to_le_bytes());
        for number in [
            self.block_start,
            self.block_bytes,
            self.bytes,
            self.messages_so_far,
            self.bytes_so_far,
            self.block_hash,
        ] {
            note.extend_from_slice(&number.to_le_bytes());
        }
        note.extend_from_slice(&xxh3_64(&note[8..]).to_le_bytes());
        note.try_into().expect("the fields are as long as they are")
    }

    /// Reads a note that begins at `offset` of its file. None when the bytes are no note.
    fn of_bytes(bytes: &[u8], offset: u64) -> Option<BlockNote> {
        let bytes: &[u8; NOTE_BYTES] = bytes.try_into().ok()?;
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let is_note = u32_at(0) == MAGIC
            && u32_at(4) as usize == FIELDS_BYTES
            && &bytes[8..16] == MARK
            && u32_at(16) == VERSION
            && u64_at(72) == xxh3_64(&bytes[8..72]);
        let note = BlockNote {
            messages: u32_at(20),
            block_start: u64_at(24),
            block_bytes: u64_at(32),
            bytes: u64_at(40),
            messages_so_far: u64_at(48),
            bytes_so_far: u64_at(56),
            block_hash: u64_at(64),
        };
        (is_note && note.block_start.checked_add(note.block_bytes) == Some(offset)).then_some(note)
    }

    /// Whether the block is as it was written. After a power cut the disk may have the note and not the block.
    fn block_is_whole(&self, file: &File) -> io::Result<bool> {
        let mut hash = Xxh3::new();
        let mut buffer = vec![0; STEP_BYTES];
        let (mut offset, end) = (self.block_start, self.block_start + self.block_bytes);
        while offset < end {
            let length = buffer.len().min((end - offset) as usize);
            file.read_exact_at(&mut buffer[..length], offset)?;
            hash.update(&buffer[..length]);
            offset += length as u64;
        }
        Ok(hash.digest() == self.block_hash)
    }
}

/// The last note whose block is whole. Mostly the file ends with it. None when there is none.
pub(super) fn last_note(file: &File) -> io::Result<Option<BlockNote>> {
    let length = file.metadata()?.len();
    let Some(mut offset) = length.checked_sub(NOTE_BYTES as u64) else { return Ok(None) };
    if let Some(note) = note_at(file, offset)? {
        return Ok(Some(note));
    }
    // From the end to the beginning. The windows overlap, because a note may lie across two of them.
    let mut window = Vec::new();
    let mark = MAGIC.to_le_bytes();
    loop {
        let start = offset.saturating_sub(STEP_BYTES as u64);
        window.resize((offset - start) as usize + mark.len() - 1, 0);
        file.read_exact_at(&mut window, start)?;
        for at in (0..window.len().saturating_sub(mark.len() - 1)).rev() {
            if window[at..].starts_with(&mark)
                && let Some(note) = note_at(file, start + at as u64)?
            {
                return Ok(Some(note));
            }
        }
        if start == 0 {
            return Ok(None);
        }
        offset = start;
    }
}

/// Whether a file ends with a note whose block is not whole.
///
/// A crash leaves no note behind half a block, but a power cut may. So the block may once have been whole, and its
/// messages may be nowhere else.
pub(super) fn last_block_is_damaged(file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let Some(offset) = length.checked_sub(NOTE_BYTES as u64) else { return Ok(false) };
    let Some(note) = any_note_at(file, offset)? else { return Ok(false) };
    Ok(!note.block_is_whole(file)?)
}

/// The note at an offset, if its block is whole.
fn note_at(file: &File, offset: u64) -> io::Result<Option<BlockNote>> {
    let Some(note) = any_note_at(file, offset)? else { return Ok(None) };
    Ok(note.block_is_whole(file)?.then_some(note))
}

/// The note at an offset, whether or not its block is whole.
fn any_note_at(file: &File, offset: u64) -> io::Result<Option<BlockNote>> {
    let mut bytes = [0; NOTE_BYTES];
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    Ok(BlockNote::of_bytes(&bytes, offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn written(blocks: &[&[u8]], behind: &[u8]) -> (File, Vec<BlockNote>) {
        let mut file = tempfile::tempfile().unwrap();
        let (mut notes, mut start) = (Vec::new(), 0);
        for block in blocks {
            let note = BlockNote {
                messages: 2,
                block_start: start,
                block_bytes: block.len() as u64,
                block_hash: xxh3_64(block),
                ..BlockNote::default()
            };
            file.write_all(block).unwrap();
            file.write_all(&note.to_bytes()).unwrap();
            start = note.end();
            notes.push(note);
        }
        file.write_all(behind).unwrap();
        (file, notes)
    }

    #[test]
    fn the_last_note_is_found_wherever_the_end_is_torn() {
        let blocks = [&b"one"[..], &[7; 200_000], &[8; 70_000]];
        for behind in [0, 1, 79, 80, STEP_BYTES - 80, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES] {
            let (file, notes) = written(&blocks, &vec![b'x'; behind]);
            assert_eq!(last_note(&file).unwrap(), Some(notes[2]), "{behind}");
        }
        let (file, notes) = written(&blocks, &[]);
        for cut in [1, 79, 80, 5_000, 70_079, 70_080] {
            file.set_len(notes[2].end() - cut).unwrap();
            assert_eq!(last_note(&file).unwrap(), Some(notes[1]), "{cut}");
        }
        file.set_len(20).unwrap();
        assert_eq!(last_note(&file).unwrap(), None);
    }

    #[test]
    fn a_note_whose_block_is_damaged_does_not_count() {
        let (file, notes) = written(&[b"first block", b"second block"], b"");
        file.write_all_at(b"X", notes[1].block_start + 3).unwrap();
        assert_eq!(last_note(&file).unwrap(), Some(notes[0]));
        assert!(last_block_is_damaged(&file).unwrap());
        file.set_len(notes[1].end() - 1).unwrap();
        assert!(!last_block_is_damaged(&file).unwrap());
        file.write_all_at(b"X", 3).unwrap();
        assert_eq!(last_note(&file).unwrap(), None);
    }

    #[test]
    fn a_note_copied_to_another_place_does_not_count() {
        let (_, notes) = written(&[b"block"], b"");
        let (file, _) = written(&[], &[&b"other"[..], b"bl", &notes[0].to_bytes()].concat());
        assert_eq!(last_note(&file).unwrap(), None);
    }
}
