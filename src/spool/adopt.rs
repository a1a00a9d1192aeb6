//! Brings messages that lie in a folder outside of the spool into `incoming`.
//!
//! A message on the spool's own file system is renamed. A message on another file system is copied under a hidden name,
//! synced, given its time of writing and its name, and only then deleted where it was. Nothing in `incoming` is ever
//! replaced.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Timespec, Timestamps};

use super::lock::lock_dataset;
use super::rename::rename;
use super::same_content::same_content;
use super::sync::sync_all;
use super::worker::random_24_bits;
use super::{Label, Layout, SpoolError};

/// How many messages go into `incoming` under one lock. Meanwhile no worker claims from that folder.
const ADOPTED_AT_ONCE: usize = 1_000;

/// What became of the files of one folder.
#[derive(Debug, Default)]
pub struct Adopted {
    /// They are in `incoming` now.
    pub moved: u64,
    /// They stayed, because `incoming` has a message of that name: `FREQ/name`.
    pub name_taken: Vec<String>,
    /// They stayed, because no worker would take them from `incoming` (the name is temporary, or it is no plain file),
    /// or because somebody was writing them.
    pub left_alone: Vec<String>,
}

/// Moves the plain files of `from` into the folder of the same name in `incoming`, and adds what became of them to
/// `adopted`. The folder `from` stays, since a client that is still running looks for it before it writes.
///
/// # Errors
/// The first file that cannot be moved ends it. What was moved before is in `incoming`, and every other file is where
/// it was.
pub fn adopt_folder(layout: &Layout, from: &Path, adopted: &mut Adopted) -> Result<(), SpoolError> {
    let folder = from.file_name().unwrap_or_default();
    let label = Label::of(folder);
    let target = layout.incoming().join(folder);
    let entries = fs::read_dir(from).and_then(|entries| {
        entries
            .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))))
            .collect::<io::Result<Vec<_>>>()
    });
    let entries = entries.map_err(|error| SpoolError::io("list", from, error))?;
    let shown = |name: &OsStr| format!("{}/{}", folder.to_string_lossy(), name.to_string_lossy());
    for some in entries.chunks(ADOPTED_AT_ONCE) {
        let _lock = lock_dataset(layout, &label)?;
        for (name, kind) in some {
            if !kind.is_file() || layout.is_left_alone(folder, name) {
                adopted.left_alone.push(shown(name));
                continue;
            }
            fs::create_dir_all(&target).map_err(|error| SpoolError::io("make the folder", &target, error))?;
            match adopt(layout, &from.join(name), &target.join(name)) {
                Ok(()) => adopted.moved += 1,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    adopted.name_taken.push(shown(name))
                }
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    adopted.left_alone.push(shown(name))
                }
                // The old program, or the client, was quicker.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(SpoolError::io("move", from.join(name), error)),
            }
        }
    }
    Ok(())
}

fn adopt(layout: &Layout, old: &Path, new: &Path) -> io::Result<()> {
    let moved = match rename(old, new) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(layout, old, new),
        other => other,
    };
    match moved {
        // An earlier copy ended before it deleted the file, or IRIS has delivered the message again.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && same_content(old, new) => {
            fs::remove_file(old)
        }
        other => other,
    }
}

fn copy(layout: &Layout, old: &Path, new: &Path) -> io::Result<()> {
    let mut source = File::open(old)?;
    let found = source.metadata()?;
    // In `incoming` a worker could claim it half written, with its whole folder. `done` is on the same file system.
    let name = OsString::from(format!(".irispool-adopt-{}-{:06x}", std::process::id(), random_24_bits()));
    let hidden = layout.done().join(name);
    let written = (|| {
        let mut copy = File::create_new(&hidden)?;
        io::copy(&mut source, &mut copy)?;
        // A copy of a file that is still written lacks its end.
        let now = old.metadata()?;
        if (now.len(), now.modified()?) != (found.len(), found.modified()?) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        copy.set_permissions(found.permissions())?;
        let time = Timespec { tv_sec: found.mtime(), tv_nsec: found.mtime_nsec() };
        rustix::fs::futimens(&copy, &Timestamps { last_access: time, last_modification: time })?;
        sync_all(&copy)?;
        rename(&hidden, new)?;
        sync_all(File::open(new.parent().unwrap_or(new))?)
    })();
    match written {
        Ok(()) => fs::remove_file(old),
        Err(error) => {
            let _ = fs::remove_file(&hidden);
            Err(error)
        }
    }
}
