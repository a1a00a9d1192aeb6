//! Listing what lies in `dead`.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::CWD;

use super::file_identity::{FileIdentity, remove_if_same};
use super::letter::Letter;
use super::report::{REPORT_ENDING, is_called_report, report_name};
use crate::spool::folder::{EntryKind, folder_entries, list, open_folder};
use crate::spool::lock::lock_dead;
use crate::spool::{Label, Layout, SpoolError};

/// A report is written before its message comes; one without a message is left behind when it is this old.
const REPORT_ALONE_MIN: Duration = Duration::from_secs(60);

/// Only names over this have reports under another name.
const LONG_NAME_BYTES: usize = 200;

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
    label: Label,
    path: PathBuf,
    file: FileIdentity,
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
        letters_in(&dead.join(&folder), &Label::of_labelled(&folder), &mut found)?;
    }
    found.letters.sort_by(|a, b| (&a.label, &a.name).cmp(&(&b.label, &b.name)));
    Ok(found)
}

fn letters_in(folder: &Path, label: &Label, found: &mut Letters) -> Result<(), SpoolError> {
    let names = names_in(folder)?;
    for name in &names {
        let path = folder.join(name);
        if is_report(name, &names) {
            let Ok(metadata) = path.symlink_metadata() else { continue };
            if is_alone(&path, &metadata, &names) {
                let (label, file) = (label.clone(), FileIdentity::of(&metadata));
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

/// Deletes reports whose messages have gone, but for those that are another message's by now.
pub fn remove_reports_alone(layout: &Layout, letters: &Letters) -> Result<(), SpoolError> {
    for report in &letters.reports_alone {
        let _burials = lock_dead(layout, &report.label);
        remove_if_same(&report.path, Some(report.file))?;
    }
    Ok(())
}
