//! A message in `dead`, with its report.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::CWD;

use super::file_identity::{FileIdentity, remove_if_same};
use super::report::{DeadReport, read_report, report_name};
use crate::spool::lock::lock_dead;
use crate::spool::read::open_if_closed;
use crate::spool::remove::remove_file;
use crate::spool::time::file_time_ms;
use crate::spool::{Label, Layout, SpoolError};

/// A message in `dead`.
#[derive(Debug)]
pub struct Letter {
    /// The name of its folder under `dead`, and of the one under `incoming` to which a retry moves it.
    pub label: Label,
    /// Its name in `dead`: the message's own, perhaps with `~2` behind it.
    pub name: OsString,
    pub path: PathBuf,
    /// None when it is missing or is no report.
    pub report: Option<DeadReport>,
    pub report_path: PathBuf,
    /// The file's size.
    pub bytes: u64,
    /// When it was last written, in ms since 1970 UTC.
    pub written_at_ms: i64,
    /// Whether it is a regular file. A link, a FIFO or anything else is never opened.
    pub is_file: bool,
    file: FileIdentity,
}

/// What became of a letter that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    Deleted,
    /// It has changed since it was listed, or another one has its name by now. It stays, with its report.
    Changed,
    /// Somebody else moved or deleted it.
    Gone,
}

impl Letter {
    /// None when nothing has this name.
    pub(super) fn at(folder: &Path, label: &Label, name: &OsStr) -> Option<Letter> {
        let path = folder.join(name);
        let metadata = path.symlink_metadata().ok()?;
        let report_path = folder.join(report_name(name));
        Some(Letter {
            label: label.clone(),
            name: name.to_owned(),
            report: read_report(&report_path),
            report_path,
            bytes: metadata.len(),
            written_at_ms: file_time_ms(metadata.mtime(), metadata.mtime_nsec()),
            is_file: metadata.is_file(),
            file: FileIdentity::of(&metadata),
            path,
        })
    }

    /// The message's id: its name in `incoming`, as text.
    pub fn message_id(&self) -> String {
        self.name_in_incoming().to_string_lossy().into_owned()
    }

    /// The name under which it came. The report has it, but only as text, and anybody may have edited it. So it counts
    /// only when it agrees with the file's own name.
    pub(super) fn name_in_incoming(&self) -> OsString {
        let Some(report) = &self.report else { return self.name.clone() };
        let id = OsStr::new(&report.message_id);
        let number = self.name.as_bytes().iter().rposition(|byte| *byte == b'~');
        let Some(at) = number.filter(|_| self.name != id) else { return self.name.clone() };
        let (stem, number) = self.name.as_bytes().split_at(at);
        let is_numbered = number.len() > 1 && number[1..].iter().all(u8::is_ascii_digit);
        let is_name = !report.message_id.contains(['/', '\0', char::REPLACEMENT_CHARACTER]);
        if is_numbered && is_name && id.as_bytes().starts_with(stem) {
            // A long name was cut to make room for the number.
            return id.to_owned();
        }
        let stem = OsString::from_vec(stem.to_vec());
        if is_numbered && stem.to_string_lossy() == report.message_id { stem } else { self.name.clone() }
    }

    /// Reads the whole file. None when it is no regular file, is larger than `bytes_max`, has gone, or somebody is
    /// writing to it.
    pub fn read(&self, bytes_max: u64) -> Option<Vec<u8>> {
        let file = open_if_closed(CWD, self.path.as_os_str(), Duration::ZERO).ok()?;
        if file.bytes() > bytes_max {
            return None;
        }
        let mut content = Vec::new();
        file.read_into(&mut content).ok()?;
        Some(content)
    }

    /// Why it must not be deleted, if it is no longer what was listed.
    pub(super) fn changed_since_listed(&self) -> Result<Option<Dropped>, SpoolError> {
        match self.path.symlink_metadata() {
            Ok(found) if FileIdentity::of(&found) == self.file => Ok(None),
            Ok(_) => Ok(Some(Dropped::Changed)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(Dropped::Gone)),
            Err(error) => Err(SpoolError::io("look at", &self.path, error)),
        }
    }

    /// Deletes the message and its report.
    pub(super) fn delete(&self) -> Result<(), SpoolError> {
        let report = FileIdentity::at(&self.report_path);
        remove_file(&self.path)?;
        remove_if_same(&self.report_path, report)
    }
}

/// Deletes a letter and then its report, but only if the letter is still what was listed.
pub fn drop_letter(layout: &Layout, letter: &Letter) -> Result<Dropped, SpoolError> {
    // Nobody may bury another message under this name between the check and the removal.
    let _burials = lock_dead(layout, &letter.label);
    if let Some(why_not) = letter.changed_since_listed()? {
        return Ok(why_not);
    }
    letter.delete()?;
    Ok(Dropped::Deleted)
}
