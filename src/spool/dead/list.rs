//! Lists what is in `dead`.

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
use super::report::{REPORT_ENDING, UNCUT_NAME_BYTES_MAX, is_report, report_name};
use crate::spool::folder::{EntryKind, folder_entries, list, open_folder};
use crate::spool::lock::lock_dead;
use crate::spool::{Label, Layout, SpoolError};

/// A report is written before its message comes. One that has been without a message for longer is left over.
const REPORT_ALONE_MIN: Duration = Duration::from_secs(60);

/// What is in `dead`.
#[derive(Debug, Default)]
pub struct Letters {
    /// Sorted by folder and name.
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

/// Lists everything in `dead`. What vanishes meanwhile is left out.
pub fn dead_letters(layout: &Layout) -> Result<Letters, SpoolError> {
    let mut found = Letters::default();
    let dead = layout.dead();
    let folders = match folder_entries(&dead, EntryKind::Folder) {
        Err(error) if error.is_not_found() => Vec::new(),
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
        if is_report(name, |report| names.contains(report)) {
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

/// Whether a report's message has gone, and is not just about to come.
fn is_alone(report_path: &Path, metadata: &Metadata, names: &HashSet<OsString>) -> bool {
    let own = report_path.file_name().unwrap_or_default();
    let has_message = match own.as_bytes().strip_suffix(REPORT_ENDING.as_bytes()) {
        Some(stem) if names.contains(OsStr::from_bytes(stem)) => true,
        _ => names.iter().any(|name| name.len() > UNCUT_NAME_BYTES_MAX && report_name(name) == own),
    };
    let age = metadata.modified().ok().and_then(|written| SystemTime::now().duration_since(written).ok());
    !has_message && age.is_some_and(|age| age > REPORT_ALONE_MIN)
}

/// Deletes reports whose messages have gone, unless another message has the report by now.
pub fn remove_reports_alone(layout: &Layout, letters: &Letters) -> Result<(), SpoolError> {
    for report in &letters.reports_alone {
        let _burials = lock_dead(layout, &report.label);
        remove_if_same(&report.path, Some(report.file))?;
    }
    Ok(())
}
