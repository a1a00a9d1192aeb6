//! `irispool dead export`: copies letters and their reports into a folder.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::super::terminal::say;
use super::super::units::counted;
use super::error::DeadError;
use crate::exit::{Exit, Failure};
use crate::spool::Letter;

/// Copies into `dir/<DATASET>/`, under the names in `dead`. If a letter is not a regular file, only its report is
/// copied.
pub(super) fn run(letters: &[Letter], dir: &Path) -> Result<Exit, Failure> {
    let (mut copied, mut no_files) = (0, 0);
    for letter in letters {
        let folder = dir.join(&letter.label);
        fs::create_dir_all(&folder).map_err(|source| DeadError::Copy {
            action: "create the folder",
            path: folder.clone(),
            source,
        })?;
        let mut there = true;
        if letter.is_file {
            there = copy(&letter.path, &folder)?;
            copied += u64::from(there);
        } else {
            no_files += 1;
        }
        if there && letter.report.is_some() {
            copy(&letter.report_path, &folder)?;
        }
    }
    say(&format!("copied {} to {}\n", counted(copied, "message"), dir.display()))?;
    if no_files > 0 {
        let letters = counted(no_files, "letter");
        say(&format!("copied only the reports of {letters} without a regular file\n"))?;
    }
    Ok(Exit::Done)
}

/// Copies a file and never overwrites one. Returns false if the file is gone.
fn copy(from: &Path, folder: &Path) -> Result<bool, DeadError> {
    let to = folder.join(from.file_name().unwrap_or_default());
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| DeadError::Copy { action, path, source }
    };
    let mut source =
        match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(from) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed("read", from)(error)),
        };
    // The copy gets its name when it is complete, so an interrupted export leaves no partial file under that name.
    let mut copy = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed("create", &to))?;
    io::copy(&mut source, copy.as_file_mut()).map_err(failed("write", &to))?;
    copy.persist_noclobber(&to).map_err(|error| failed("create", &to)(error.error))?;
    Ok(true)
}
