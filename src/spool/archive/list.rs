//! Lists the files of the archive.

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
    /// The day on which its messages were written.
    pub day: Day,
    /// 1, or more if irispool did not make an earlier file of this day.
    pub number: u32,
    pub path: PathBuf,
    /// The size of the file.
    pub file_bytes: u64,
}

/// What a file holds, up to its last whole block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    pub messages: u64,
    /// The size of the messages.
    pub bytes: u64,
    /// The offset at which the note of the last whole block ends.
    pub end: u64,
    /// Whether there is a block behind it that was whole once.
    pub is_damaged: bool,
}

impl ArchiveFile {
    /// What the file holds. None when it has no note of irispool: another program made it, or it is damaged.
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

/// The files of the archive whose labels `wants` accepts, sorted by label and day, and the first reason why there may
/// be more. What vanishes meanwhile is left out. Without an archive there are none.
pub fn archive_files(
    layout: &Layout,
    wants: &dyn Fn(&Label) -> bool,
) -> (Vec<ArchiveFile>, Option<SpoolError>) {
    let archive = layout.archive();
    let (mut files, mut errors) = (Vec::new(), FirstError::default());
    // `archive` may be a link to a folder on another disk, which must exist then.
    let folders = match folder_entries(&archive.join("."), EntryKind::Folder) {
        Err(error) if error.is_not_found() && !archive.is_symlink() => Vec::new(),
        folders => errors.unless(folders),
    };
    for folder in folders {
        let (label, path) = (Label::of_labelled(&folder), archive.join(&folder));
        if !wants(&label) {
            continue;
        }
        for name in errors.unless(empty_if_missing(folder_entries(&path, EntryKind::File))) {
            let Some((day, number)) = parse_file_name(&name) else { continue };
            let path = path.join(&name);
            let Ok(found) = path.symlink_metadata() else { continue };
            files.push(ArchiveFile { label: label.clone(), day, number, path, file_bytes: found.len() });
        }
    }
    files.sort_by(|one, other| {
        (&one.label, one.day, one.number).cmp(&(&other.label, other.day, other.number))
    });
    (files, errors.first)
}

/// Nothing when there is no folder.
fn empty_if_missing<T: Default>(listed: Result<T, SpoolError>) -> Result<T, SpoolError> {
    match listed {
        Err(error) if error.is_not_found() => Ok(T::default()),
        other => other,
    }
}
