//! Copies messages out of the archive, into any folder or into `incoming`. The archive stays as it is.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Timespec, Timestamps, Uid};

use super::ArchiveFile;
use super::entry::{EntryHeader, read_entries};
use super::file_range::FileRange;
use crate::spool::lock::lock_dataset;
use crate::spool::remove::gone_is_fine;
use crate::spool::rename::{numbered, rename};
use crate::spool::same_content::same_content;
use crate::spool::worker::random_24_bits;
use crate::spool::{Label, Layout, SpoolError, now_ms};

/// How many messages go to `incoming` under one lock. Meanwhile no worker claims from their folder.
const RESTORED_AT_ONCE: u64 = 200;

/// The start of a message's hidden name until it is whole. The process id follows, and a random number, because
/// containers that share a spool may have equal process ids.
const UNFINISHED: &str = ".irispool-restore-";

/// A hidden file that is older was left by a crash, and is removed.
const UNFINISHED_AGE_MAX_MS: i64 = 3_600_000;

const NUMBER_MAX: u32 = 10_000;

/// Where restored messages go.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// `DIR/<DATASET>/<message id>`, or `<message id>~2` if the name is taken by other content.
    Folder(&'a Path),
    /// `incoming/<DATASET>/<message id>`, for the next worker.
    Incoming(&'a Layout),
}

/// What was restored, from one or more files.
#[derive(Debug, Default)]
pub struct Restored {
    pub messages: u64,
    pub bytes: u64,
    /// How many were in the folder already, equal in every byte.
    pub were_there: u64,
    /// Those whose names `incoming` has already: `<DATASET>/<message id>`.
    pub name_taken: Vec<String>,
    /// Those that no worker would take from `incoming`, because the folder is set aside or the name is temporary.
    pub left_alone: Vec<String>,
    /// How many wanted names the archive has, whatever became of them.
    pub found: u64,
}

/// Restores the messages of one file whose names `wants` accepts. Each gets its own name only when it is whole, keeps
/// its time of writing, and replaces nothing.
///
/// # Errors
/// When a message cannot be written, and when the archive is damaged. What stands before that is restored.
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
        // Another program made the file: it is read as far as it goes.
        None => opened.metadata().map_err(failed)?.len(),
    };
    let mut folder = RestoreFolder::open(target, &file.label)?;
    let mut failure = None;
    let read = read_entries(FileRange::new(&opened, 0, end), |header, content| {
        let name = header.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let name = OsStr::from_bytes(name);
        if name.is_empty() || name.as_bytes().starts_with(b".") || !wants(name) {
            return Ok(());
        }
        restored.found += 1;
        folder.put(name, header, content, restored).map_err(|error| {
            failure = Some(error);
            io::Error::other("cannot go on")
        })
    });
    match (failure, read) {
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
    unfinished: PathBuf,
    /// The spool and the label, if the folder is in `incoming`.
    incoming: Option<(&'a Layout, Label)>,
    lock: Option<File>,
    locked_for: u64,
}

impl<'a> RestoreFolder<'a> {
    fn open(target: Target<'a>, label: &Label) -> Result<RestoreFolder<'a>, SpoolError> {
        let name = format!("{UNFINISHED}{}-{:06x}", std::process::id(), random_24_bits());
        let (folder, unfinished, incoming) = match target {
            Target::Folder(folder) => {
                let folder = folder.join(label);
                (folder.clone(), folder.join(name), None)
            }
            // In `incoming` a worker could claim it half written, with the whole folder. `done` is on the same file
            // system.
            Target::Incoming(layout) => {
                (layout.incoming().join(label), layout.done().join(name), Some((layout, label.clone())))
            }
        };
        unfinished.parent().map(remove_old_unfinished);
        Ok(RestoreFolder { folder, unfinished, incoming, lock: None, locked_for: 0 })
    }

    fn put(
        &mut self,
        name: &OsStr,
        header: &EntryHeader,
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
        let put = write_whole(&self.unfinished, header, content)
            .map_err(|error| SpoolError::io("write", &self.unfinished, error))
            .and_then(|()| self.give_name(name, restored));
        if !matches!(put, Ok(true)) {
            let _ = gone_is_fine(fs::remove_file(&self.unfinished));
        }
        if put? {
            restored.messages += 1;
            restored.bytes += header.bytes;
        }
        Ok(())
    }

    /// Gives the message its name. Returns false when that is not needed any more.
    fn give_name(&self, name: &OsStr, restored: &mut Restored) -> Result<bool, SpoolError> {
        for number in 1..NUMBER_MAX {
            let own: OsString = if number == 1 { name.to_owned() } else { numbered(name, number) };
            let path = self.folder.join(own);
            match rename(&self.unfinished, &path) {
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
            if same_content(&self.unfinished, &path) {
                restored.were_there += 1;
                return Ok(false);
            }
        }
        let error = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(SpoolError::io("write", self.folder.join(name), error))
    }
}

fn write_whole(path: &Path, header: &EntryHeader, content: &mut dyn Read) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    io::copy(content, &mut file)?;
    file.set_permissions(Permissions::from_mode(header.mode & 0o777))?;
    if rustix::process::geteuid().is_root() {
        // With the right owner, a worker can ask the kernel whether somebody still writes to the file.
        let (uid, gid) = (Uid::from_raw(header.uid), Gid::from_raw(header.gid));
        let _ = rustix::fs::fchown(&file, Some(uid), Some(gid));
    }
    let written = Timespec { tv_sec: header.written.0, tv_nsec: header.written.1.into() };
    rustix::fs::futimens(&file, &Timestamps { last_access: written, last_modification: written })?;
    Ok(())
}

/// Removes what dead restores left. The time of writing may be the message's, so the time of the last change counts.
fn remove_old_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_unfinished = entry.file_name().as_bytes().starts_with(UNFINISHED.as_bytes());
        let is_old =
            entry.metadata().is_ok_and(|found| now_ms() - found.ctime() * 1_000 > UNFINISHED_AGE_MAX_MS);
        if is_unfinished && is_old {
            let _ = fs::remove_file(entry.path());
        }
    }
}
