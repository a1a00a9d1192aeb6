//! What is in the archive.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::Day;
use super::block_note::{last_block_is_damaged, last_note};
use super::file_name::parse_file_name;
use super::first_error::FirstError;
use crate::spool::folder::{EntryKind, folder_entries};
use crate::spool::{Label, Layout, SpoolError};

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFile {
    /// The label of the dataset's folder.
    pub label: Label,
    /// On which its messages were written, UTC.
    pub day: Day,
    /// 1, or more where a file of that day is none of ours.
    pub number: u32,
    pub path: PathBuf,
    /// Its size on the disk.
    pub file_bytes: u64,
}

/// What a file holds, up to its last whole block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    pub messages: u64,
    /// Of the messages.
    pub bytes: u64,
    /// Where the last whole block ends.
    pub end: u64,
    /// There is a block behind it that once was whole.
    pub is_damaged: bool,
}

impl ArchiveFile {
    /// None where the file has no note of irispool's: somebody made it anew, or it is damaged.
    pub fn contents(&self) -> Result<Option<Contents>, SpoolError> {
        let look = || -> io::Result<Option<Contents>> {
            let file = File::open(&self.path)?;
            let Some(note) = last_note(&file)? else { return Ok(None) };
            Ok(Some(Contents {
                messages: note.messages_so_far,
                bytes: note.bytes_so_far,
                end: note.end(),
                is_damaged: file.metadata()?.len() > note.end() && last_block_is_damaged(&file)?,
            }))
        };
        look().map_err(|source| SpoolError::DamagedArchive { path: self.path.clone(), source })
    }
}

/// All files of the archive whose labels are wanted, by dataset and day, and the first reason why there may be more.
/// What vanishes meanwhile is left out; without an archive there are none.
pub fn archive_files(
    layout: &Layout,
    wants: &dyn Fn(&Label) -> bool,
) -> (Vec<ArchiveFile>, Option<SpoolError>) {
    let archive = layout.archive();
    let (mut files, mut fault) = (Vec::new(), FirstError::default());
    // It may be a link to a folder on another disk: that is followed, and must lead somewhere.
    let folders = match folder_entries(&archive.join("."), EntryKind::Folder) {
        Err(error) if error.is_not_found() && !archive.is_symlink() => Vec::new(),
        folders => fault.unless(folders),
    };
    for folder in folders {
        let (label, path) = (Label::of_labelled(&folder), archive.join(&folder));
        if !wants(&label) {
            continue;
        }
        for name in fault.unless(there(folder_entries(&path, EntryKind::File))) {
            let Some((day, number)) = parse_file_name(&name) else { continue };
            let path = path.join(&name);
            let Ok(found) = path.symlink_metadata() else { continue };
            files.push(ArchiveFile { label: label.clone(), day, number, path, file_bytes: found.len() });
        }
    }
    files.sort_by(|one, other| {
        (&one.label, one.day, one.number).cmp(&(&other.label, other.day, other.number))
    });
    (files, fault.first)
}

/// Nothing where there is no folder.
fn there<T: Default>(listed: Result<T, SpoolError>) -> Result<T, SpoolError> {
    match listed {
        Err(error) if error.is_not_found() => Ok(T::default()),
        other => other,
    }
}
