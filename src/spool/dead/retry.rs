//! Retries letters: they go back to `incoming`.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::CWD;
use xxhash_rust::xxh3::Xxh3;

use super::file_identity::{FileIdentity, remove_if_same};
use super::letter::Letter;
use crate::spool::folder::{open_folder, same_owner_and_mode};
use crate::spool::lock::{lock_dataset, lock_dead};
use crate::spool::rename::rename;
use crate::spool::write_time::set_time;
use crate::spool::{Layout, SpoolError};

/// What became of a letter that was to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It is in `incoming`, for the next worker.
    Back,
    /// `incoming` has a message of that name. The letter stays, with its report.
    NameTaken,
    /// No worker would take it from `incoming`, because its folder is set aside or its name is temporary. It stays.
    LeftAlone,
    /// Somebody else moved or deleted it.
    Gone,
}

/// Moves letters of one folder back to `incoming`, under their messages' ids, and then removes their reports. Returns
/// what became of each. A letter that somebody mended gets a later time of writing if it needs one, so that it wins
/// over what was delivered of it.
///
/// This holds the folder's lock, so that no worker claims and buries a message again between the two steps. It also
/// holds the lock of burials, because a worker may just be burying a second copy. A crash between the steps leaves a
/// report without a message, which [`super::remove_reports_alone`] removes.
pub fn retry_letters(layout: &Layout, letters: &[&Letter]) -> Result<Vec<Retried>, SpoolError> {
    let Some(first) = letters.first() else { return Ok(Vec::new()) };
    assert!(
        letters.iter().all(|letter| letter.label == first.label),
        "letters of one folder go back together"
    );
    let folder = layout.incoming().join(&first.label);
    if letters.iter().any(|letter| !layout.is_left_alone(&letter.label, &letter.name_in_incoming())) {
        make_folder_like(&folder, &layout.incoming())?;
    }
    let _lock = lock_dataset(layout, &first.label)?;
    let _burials = lock_dead(layout, &first.label);
    let mut results = Vec::with_capacity(letters.len());
    for letter in letters {
        if layout.is_left_alone(&letter.label, &letter.name_in_incoming()) {
            results.push(Retried::LeftAlone);
            continue;
        }
        let report = FileIdentity::at(&letter.report_path);
        win_over_delivered(letter)?;
        results.push(match rename(&letter.path, &folder.join(letter.name_in_incoming())) {
            Ok(()) => {
                remove_if_same(&letter.report_path, report)?;
                Retried::Back
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Retried::NameTaken,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Retried::Gone,
            Err(error) => return Err(SpoolError::io("move back to incoming", &letter.path, error)),
        });
    }
    Ok(results)
}

/// Makes a dataset's folder if it is missing, with the owner and the rights of `incoming`: the person who retries may
/// be another user than the client and the workers.
fn make_folder_like(folder: &Path, incoming: &Path) -> Result<(), SpoolError> {
    let failed = |error| SpoolError::io("make the folder", folder, error);
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.map_err(failed)?,
    }
    let opened = |path| open_folder(CWD, path).map_err(failed);
    // A user who may not give the folder away keeps it. The worker then logs what it may not do.
    same_owner_and_mode(opened(incoming)?.as_fd(), opened(folder)?.as_fd());
    Ok(())
}

/// Sets a later time of writing on a letter that was mended, so that it wins over what was delivered of it.
fn win_over_delivered(letter: &Letter) -> Result<(), SpoolError> {
    let Some(delivered) = letter.report.as_ref().and_then(|report| report.delivered.as_ref()) else {
        return Ok(());
    };
    if !letter.is_file || letter.written_at_ms > delivered.written_at_ms {
        return Ok(());
    }
    let set = || -> io::Result<()> {
        match delivered.time_to_win(hash_of(&letter.path)?, letter.written_at_ms) {
            Some(written_at_ms) => set_time(CWD, &letter.path, written_at_ms),
            None => Ok(()),
        }
    };
    match set() {
        // Somebody else moved it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        set => set.map_err(|error| SpoolError::io("set the time of", &letter.path, error)),
    }
}

fn hash_of(path: &Path) -> io::Result<u128> {
    let mut file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.digest128()),
            count => hash.update(&buffer[..count]),
        }
    }
}
