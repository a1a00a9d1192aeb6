//! What lies in `dead`, and its two ways out: back to `incoming`, or gone. Both are a person's doing.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::CWD;

use super::batch::{list, open_folder};
use super::claim::same_owner_and_mode;
use super::dead::{REPORT_ENDING, is_called_report, read_report, report_name};
use super::lock::{lock_dataset, lock_dead};
use super::mended::win_over_delivered;
use super::rename::rename;
use super::{DeadReport, EntryKind, Layout, SpoolError, file_time_ms};

/// A report is written before its message comes; one without a message is left behind when it is this old.
const REPORT_ALONE_MIN: Duration = Duration::from_secs(60);

/// A message in `dead`.
#[derive(Debug)]
pub struct Letter {
    /// The folder under `dead`, which is also the one under `incoming` to which it goes back.
    pub label: String,
    /// Its name in `dead`; `~2` may stand behind the message's own.
    pub name: OsString,
    pub path: PathBuf,
    /// None where it lacks or is no report.
    pub report: Option<DeadReport>,
    pub report_path: PathBuf,
    /// The file's size.
    pub bytes: u64,
    /// When it was last written, in ms since 1970 UTC.
    pub written_at_ms: i64,
    /// Not a link, a FIFO or anything else that is never opened.
    pub is_file: bool,
    file: FileAt,
}

/// What lies in `dead`.
#[derive(Debug, Default)]
pub struct Letters {
    /// By folder and name.
    pub letters: Vec<Letter>,
    /// Reports whose messages have gone.
    pub reports_alone: Vec<ReportAlone>,
}

/// A report whose message has gone.
#[derive(Debug)]
pub struct ReportAlone {
    label: String,
    path: PathBuf,
    file: FileAt,
}

/// What tells a file from the next one at its path, and from itself when it has been away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileAt {
    inode: u64,
    /// Of the last change of anything about it, its name included: seconds, and nanoseconds of the second.
    changed: (i64, i64),
}

impl FileAt {
    fn of(found: &Metadata) -> FileAt {
        FileAt { inode: found.ino(), changed: (found.ctime(), found.ctime_nsec()) }
    }

    /// None where there is none, or none that can be looked at.
    fn at(path: &Path) -> Option<FileAt> {
        path.symlink_metadata().ok().map(|found| FileAt::of(&found))
    }
}

/// What became of a letter that was to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It is in `incoming`, for the next worker.
    Back,
    /// `incoming` has a message of that name: it stays, with its report.
    NameTaken,
    /// No worker would take it from `incoming`, as its folder is set aside or its name is temporary: it stays.
    LeftAlone,
    /// Somebody else moved it meanwhile.
    Gone,
}

/// What became of a letter that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    Deleted,
    /// It is not as it was when it was listed, or another one has its name by now: it stays, with its report.
    Changed,
    /// Somebody else moved or deleted it meanwhile.
    Gone,
}

impl Letter {
    /// None where there is nothing of that name.
    pub(super) fn at(folder: &Path, label: &str, name: &OsStr) -> Option<Letter> {
        let path = folder.join(name);
        let metadata = path.symlink_metadata().ok()?;
        let report_path = folder.join(report_name(name));
        Some(Letter {
            label: label.to_owned(),
            name: name.to_owned(),
            report: read_report(&report_path),
            report_path,
            bytes: metadata.len(),
            written_at_ms: file_time_ms(metadata.mtime(), metadata.mtime_nsec()),
            is_file: metadata.is_file(),
            file: FileAt::of(&metadata),
            path,
        })
    }

    /// The message's id: its name in `incoming`, as far as that is text.
    pub fn message_id(&self) -> String {
        self.name_in_incoming().to_string_lossy().into_owned()
    }

    /// The name under which it came. The report has it, but as text, and anybody may have edited that; so it counts only
    /// where it agrees with the file's own name.
    pub(super) fn name_in_incoming(&self) -> OsString {
        let Some(report) = &self.report else { return self.name.clone() };
        let id = OsStr::new(&report.message_id);
        let number = self.name.as_bytes().iter().rposition(|byte| *byte == b'~');
        let Some(place) = number.filter(|_| self.name != id) else { return self.name.clone() };
        let (stem, number) = self.name.as_bytes().split_at(place);
        let is_numbered = number.len() > 1 && number[1..].iter().all(u8::is_ascii_digit);
        let is_name = !report.message_id.contains(['/', '\0', char::REPLACEMENT_CHARACTER]);
        if is_numbered && is_name && id.as_bytes().starts_with(stem) {
            // A long name was cut to make room for the number.
            return id.to_owned();
        }
        let stem = OsString::from_vec(stem.to_vec());
        if is_numbered && stem.to_string_lossy() == report.message_id { stem } else { self.name.clone() }
    }
}

/// A reason without what differs from message to message: each number is `#`. Letters of one group have the same.
pub fn reason_group(reason: &str) -> String {
    let mut group = String::with_capacity(reason.len());
    for letter in reason.chars() {
        match letter {
            '0'..='9' if group.ends_with('#') => {}
            '0'..='9' => group.push('#'),
            _ => group.push(letter),
        }
    }
    group
}

/// Everything in `dead`. What vanishes meanwhile is left out.
pub fn dead_letters(layout: &Layout) -> Result<Letters, SpoolError> {
    let mut found = Letters::default();
    let dead = layout.dead();
    let folders = match folder_entries(&dead, EntryKind::Folder) {
        Err(SpoolError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
        folders => folders?,
    };
    for folder in folders {
        letters_in(&dead.join(&folder), &folder.to_string_lossy(), &mut found)?;
    }
    found.letters.sort_by(|a, b| (&a.label, &a.name).cmp(&(&b.label, &b.name)));
    Ok(found)
}

fn letters_in(folder: &Path, label: &str, found: &mut Letters) -> Result<(), SpoolError> {
    let names = names_in(folder)?;
    for name in &names {
        let path = folder.join(name);
        if is_report(name, &names) {
            let Ok(metadata) = path.symlink_metadata() else { continue };
            if is_alone(&path, &metadata, &names) {
                let (label, file) = (label.to_owned(), FileAt::of(&metadata));
                found.reports_alone.push(ReportAlone { label, path, file });
            }
            continue;
        }
        found.letters.extend(Letter::at(folder, label, name));
    }
    Ok(())
}

fn names_in(folder: &Path) -> Result<HashSet<OsString>, SpoolError> {
    let failed = |error: io::Error| SpoolError::io("list", folder, error);
    let opened = open_folder(CWD, folder).map_err(failed)?;
    let mut names = HashSet::new();
    for entry in list(opened).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.kind != EntryKind::Folder && !entry.is_hidden() {
            names.insert(entry.name);
        }
    }
    Ok(names)
}

/// A message may itself be called `….error.json`: then it has a report of its own.
fn is_report(name: &OsStr, names: &HashSet<OsString>) -> bool {
    is_called_report(name) && !names.contains(&report_name(name))
}

/// Whether a report has no message any more, and that not just because it is not there yet.
fn is_alone(report_path: &Path, metadata: &Metadata, names: &HashSet<OsString>) -> bool {
    let own = report_path.file_name().unwrap_or_default();
    let has_message = match own.as_bytes().strip_suffix(REPORT_ENDING.as_bytes()) {
        Some(stem) if names.contains(OsStr::from_bytes(stem)) => true,
        _ => names.iter().any(|name| name.len() > LONG_NAME_BYTES && report_name(name) == own),
    };
    let age = metadata.modified().ok().and_then(|written| SystemTime::now().duration_since(written).ok());
    !has_message && age.is_some_and(|age| age > REPORT_ALONE_MIN)
}

/// Makes a dataset's folder, where it lacks, for those for whom `incoming` is: a person may be another user than the
/// client and the workers.
fn make_folder_like(folder: &Path, incoming: &Path) -> Result<(), SpoolError> {
    let failed = |error| SpoolError::io("make the folder", folder, error);
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.map_err(failed)?,
    }
    let opened = |path| open_folder(CWD, path).map_err(failed);
    // Whoever may not give it away keeps it, and the worker says what it lacks.
    same_owner_and_mode(opened(incoming)?.as_fd(), opened(folder)?.as_fd());
    Ok(())
}

/// Only names over this have reports under another name.
const LONG_NAME_BYTES: usize = 200;

/// Moves letters of one folder back to `incoming`, under their messages' ids, and then removes their reports. Gives
/// what became of each. A letter that was mended with an older copy gets a time of writing at which it wins over what was
/// delivered of it.
///
/// The folder's lock is held meanwhile, so that no worker claims and buries a message again between the two steps, and so
/// is that of who buries, for a second copy which a worker may have in hand. A crash between them leaves a report without a message, which [`remove_reports_alone`] removes.
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
        let report = FileAt::at(&letter.report_path);
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

/// Deletes a letter for good, and then its report; but only the letter that was listed, as it was then.
pub fn drop_letter(layout: &Layout, letter: &Letter) -> Result<Dropped, SpoolError> {
    // Nobody buries another one under its name between the look and the removal.
    let _burials = lock_dead(layout, &letter.label);
    if let Some(other) = letter.is_other()? {
        return Ok(other);
    }
    letter.delete()?;
    Ok(Dropped::Deleted)
}

impl Letter {
    /// Why it must not be deleted: it is not what was listed, as it was then.
    pub(super) fn is_other(&self) -> Result<Option<Dropped>, SpoolError> {
        match self.path.symlink_metadata() {
            Ok(found) if FileAt::of(&found) == self.file => Ok(None),
            Ok(_) => Ok(Some(Dropped::Changed)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(Dropped::Gone)),
            Err(error) => Err(SpoolError::io("look at", &self.path, error)),
        }
    }

    /// Deletes it and its report.
    pub(super) fn delete(&self) -> Result<(), SpoolError> {
        let report = FileAt::at(&self.report_path);
        remove(&self.path)?;
        remove_if_same(&self.report_path, report)
    }
}

/// Removes the report of a letter that has gone. Where the lock of who buries could not be had, a second copy may have
/// been buried under its name since: then the report is that one's, and another file.
fn remove_if_same(report_path: &Path, report: Option<FileAt>) -> Result<(), SpoolError> {
    if FileAt::at(report_path) == report { remove(report_path) } else { Ok(()) }
}

/// Deletes reports whose messages have gone, but for those that are another message's by now.
pub fn remove_reports_alone(layout: &Layout, letters: &Letters) -> Result<(), SpoolError> {
    for report in &letters.reports_alone {
        let _burials = lock_dead(layout, &report.label);
        remove_if_same(&report.path, Some(report.file))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), SpoolError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SpoolError::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// The entries of one kind in a folder, hidden ones left out.
pub(super) fn folder_entries(path: &Path, kind: EntryKind) -> Result<Vec<OsString>, SpoolError> {
    let failed = |error: io::Error| SpoolError::io("list", path, error);
    let folder = open_folder(CWD, path).map_err(failed)?;
    let mut names = Vec::new();
    for entry in list(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.kind == kind && !entry.is_hidden() {
            names.push(entry.name);
        }
    }
    Ok(names)
}
