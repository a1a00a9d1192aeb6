//! Copies out of the archive: into any folder, or back into `incoming`. The archive stays as it is.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Timespec, Timestamps, Uid};

use super::ArchiveFile;
use super::entry::{EntryMeta, read_entries};
use super::file_range::FileRange;
use crate::spool::lock::lock_dataset;
use crate::spool::remove::gone_is_fine;
use crate::spool::rename::{numbered, rename};
use crate::spool::same_content::same_content;
use crate::spool::worker::random_24_bits;
use crate::spool::{Label, Layout, SpoolError, now_ms};

/// Messages that go to `incoming` under one lock; meanwhile no worker claims their dataset.
const RESTORED_AT_ONCE: u64 = 200;

/// What a message is called until it is whole; the process id follows, and, as containers on one spool may have equal
/// ones, a random number.
const UNBORN: &str = ".irispool-restore-";

/// One that was left by a crash is removed when it is so old.
const UNBORN_AGE_MAX_MS: i64 = 3_600_000;

const NUMBER_MAX: u32 = 10_000;

/// Where messages are restored to.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// `DIR/<DATASET>/<message id>`. Where a name is taken by other content, it is `<message id>~2`.
    Folder(&'a Path),
    /// `incoming/<DATASET>/<message id>`, for the next worker.
    Incoming(&'a Layout),
}

/// What restoring came to; one may be added to for many files.
#[derive(Debug, Default)]
pub struct Restored {
    pub messages: u64,
    pub bytes: u64,
    /// They were in the folder already, the same to the byte.
    pub were_there: u64,
    /// `incoming` has a message of that name: `<DATASET>/<message id>`.
    pub name_taken: Vec<String>,
    /// No worker would take it from `incoming`, as its folder is set aside or its name is temporary.
    pub left_alone: Vec<String>,
    /// Names that were found in the archive, whatever became of them; for those of `wants` only.
    pub found: u64,
}

/// Restores the messages of one file whose names are wanted. Each comes under its own name only when it is whole, with
/// its time of writing, and replaces nothing.
///
/// # Errors
/// What can't be written ends it. So does a damaged place in the archive: what stands before it is restored.
pub fn restore(
    file: &ArchiveFile,
    wants: &dyn Fn(&OsStr) -> bool,
    target: Target<'_>,
    restored: &mut Restored,
) -> Result<(), SpoolError> {
    let failed = |source| SpoolError::DamagedArchive { path: file.path.clone(), source };
    let opened = File::open(&file.path).map_err(failed)?;
    let contents = file.contents()?;
    let end = match contents {
        Some(contents) => contents.end,
        // Of another program's making: as far as it can be read.
        None => opened.metadata().map_err(failed)?.len(),
    };
    let mut place = RestoreFolder::open(target, &file.label)?;
    let mut fault = None;
    let read = read_entries(FileRange::new(&opened, 0, end), |meta, content| {
        let name = meta.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let name = OsStr::from_bytes(name);
        if name.is_empty() || name.as_bytes().starts_with(b".") || !wants(name) {
            return Ok(());
        }
        restored.found += 1;
        place.put(name, meta, content, restored).map_err(|error| {
            fault = Some(error);
            io::Error::other("cannot go on")
        })
    });
    match (fault, read) {
        (Some(error), _) => Err(error),
        (None, Ok(())) if contents.is_some_and(|contents| contents.is_damaged) => {
            Err(failed(io::Error::new(io::ErrorKind::InvalidData, "its last block is damaged")))
        }
        (None, read) => read.map_err(failed),
    }
}

/// The folder that the messages of one dataset go to.
struct RestoreFolder<'a> {
    folder: PathBuf,
    unborn: PathBuf,
    /// None where it is no `incoming`.
    incoming: Option<(&'a Layout, Label)>,
    lock: Option<File>,
    locked_for: u64,
}

impl<'a> RestoreFolder<'a> {
    fn open(target: Target<'a>, label: &Label) -> Result<RestoreFolder<'a>, SpoolError> {
        let name = format!("{UNBORN}{}-{:06x}", std::process::id(), random_24_bits());
        let (folder, unborn, incoming) = match target {
            Target::Folder(folder) => {
                let folder = folder.join(label);
                (folder.clone(), folder.join(name), None)
            }
            // In `incoming` it could be claimed half written, with the whole folder. `done` is on the same file system.
            Target::Incoming(layout) => {
                (layout.incoming().join(label), layout.done().join(name), Some((layout, label.clone())))
            }
        };
        unborn.parent().map(remove_old_unborn);
        Ok(RestoreFolder { folder, unborn, incoming, lock: None, locked_for: 0 })
    }

    fn put(
        &mut self,
        name: &OsStr,
        meta: &EntryMeta,
        content: &mut dyn Read,
        restored: &mut Restored,
    ) -> Result<(), SpoolError> {
        if let Some((layout, label)) = &self.incoming
            && layout.is_left_alone(label, name)
        {
            restored.left_alone.push(format!("{label}/{}", name.to_string_lossy()));
            return Ok(());
        }
        if self.locked_for == 0 {
            fs::create_dir_all(&self.folder)
                .map_err(|error| SpoolError::io("make the folder", &self.folder, error))?;
        }
        if let Some((layout, label)) = &self.incoming
            && self.locked_for.is_multiple_of(RESTORED_AT_ONCE)
        {
            self.lock = None;
            self.lock = Some(lock_dataset(layout, label)?);
        }
        self.locked_for += 1;
        let put = write_whole(&self.unborn, meta, content)
            .map_err(|error| SpoolError::io("write", &self.unborn, error))
            .and_then(|()| self.bring_forth(name, restored));
        if !matches!(put, Ok(true)) {
            let _ = gone_is_fine(fs::remove_file(&self.unborn));
        }
        if put? {
            restored.messages += 1;
            restored.bytes += meta.bytes;
        }
        Ok(())
    }

    /// Gives the message its name; false where it is not wanted any more.
    fn bring_forth(&self, name: &OsStr, restored: &mut Restored) -> Result<bool, SpoolError> {
        for number in 1..NUMBER_MAX {
            let own: OsString = if number == 1 { name.to_owned() } else { numbered(name, number) };
            let path = self.folder.join(own);
            match rename(&self.unborn, &path) {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(SpoolError::io("write", &path, error));
                }
                Err(_) => {}
            }
            if let Some((_, label)) = &self.incoming {
                restored.name_taken.push(format!("{label}/{}", name.to_string_lossy()));
                return Ok(false);
            }
            if same_content(&self.unborn, &path) {
                restored.were_there += 1;
                return Ok(false);
            }
        }
        let error = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(SpoolError::io("write", self.folder.join(name), error))
    }
}

fn write_whole(path: &Path, meta: &EntryMeta, content: &mut dyn Read) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    io::copy(content, &mut file)?;
    file.set_permissions(Permissions::from_mode(meta.mode & 0o777))?;
    if rustix::process::geteuid().is_root() {
        // A worker can ask of its own files only whether somebody writes them.
        let (uid, gid) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
        let _ = rustix::fs::fchown(&file, Some(uid), Some(gid));
    }
    let written = Timespec { tv_sec: meta.written.0, tv_nsec: meta.written.1.into() };
    rustix::fs::futimens(&file, &Timestamps { last_access: written, last_modification: written })?;
    Ok(())
}

/// What restores that died have left. Their time of writing may be the message's, so that of the last change counts.
fn remove_old_unborn(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_unborn = entry.file_name().as_bytes().starts_with(UNBORN.as_bytes());
        let is_old = entry.metadata().is_ok_and(|found| now_ms() - found.ctime() * 1_000 > UNBORN_AGE_MAX_MS);
        if is_unborn && is_old {
            let _ = fs::remove_file(entry.path());
        }
    }
}
