//! Finds the dead letters of a message by its name, when a message of that name is delivered.
//!
//! A worker lists a folder of `dead` once for many messages. Mostly the folder is missing or has a few letters, so a
//! message whose name is not among them costs no system call.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::CWD;

use super::gone_log::{GoneLine, WhyGone, log_gone};
use super::letter::Letter;
use super::report::{
    DeadReport, Delivered, REPORT_ENDING, UNCUT_NAME_BYTES_MAX, WholeCame, hash_text, read_report,
    report_name, unfinished_name, write_synced,
};
use crate::spool::folder::{list, open_folder};
use crate::spool::lock::lock_dead;
use crate::spool::rename::numbered;
use crate::spool::time::now_text;
use crate::spool::{Label, Layout, SpoolError};

/// Numbers behind a name may be missing, because letters have gone. After this many missing ones there are no more.
const NUMBERS_MISSING_MAX: u32 = 2;

/// A folder with more entries is not listed but searched for each name. To list it for some messages would take longer.
const LISTED_MAX: usize = 200;

/// A folder of `dead` that is not empty.
#[derive(Debug)]
pub struct DeadFolder {
    layout: Layout,
    label: Label,
    path: PathBuf,
    /// The names of messages that its files may belong to. None when the folder was not listed.
    names: Option<HashSet<OsString>>,
}

impl DeadFolder {
    /// The folder with what it has at this moment. It does not see what comes later. None when the folder is empty.
    pub fn of(layout: &Layout, label: &Label) -> Option<DeadFolder> {
        let path = layout.dead().join(label);
        let entries = list(open_folder(CWD, &path).ok()?).ok()?;
        let mut names = HashSet::new();
        for (count, entry) in entries.enumerate() {
            let name = entry.ok()?.name;
            if count == LISTED_MAX || name.len() > UNCUT_NAME_BYTES_MAX {
                return DeadFolder::unlisted(layout, label);
            }
            add_names(&mut names, name);
        }
        let folder = DeadFolder { layout: layout.clone(), label: label.clone(), path, names: None };
        (!names.is_empty()).then(|| DeadFolder { names: Some(names), ..folder })
    }

    /// The same folder without a listing. It searches the disk for each name, so it sees what comes later.
    pub fn unlisted(layout: &Layout, label: &Label) -> Option<DeadFolder> {
        let path = layout.dead().join(label);
        list(open_folder(CWD, &path).ok()?).ok()?.next()?.ok()?;
        Some(DeadFolder { layout: layout.clone(), label: label.clone(), path, names: None })
    }

    fn may_have(&self, name: &OsStr) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }

    /// What was delivered of a message of this name, and the number of its bad rows. The report tells it, even if
    /// somebody moved the letter away. If there are several, the content that was written last counts.
    pub fn delivered(&self, name: &OsStr) -> Option<(Delivered, u64)> {
        if !self.may_have(name) {
            return None;
        }
        let mut last: Option<(Delivered, u64)> = None;
        self.each_number(name, |numbered_name| {
            let report = read_report(&self.path.join(report_name(numbered_name)));
            let found = report.as_ref().is_some();
            if let Some(DeadReport { message_id, delivered: Some(delivered), bad_rows, .. }) = report
                && OsStr::new(&message_id) == name
                && last.as_ref().is_none_or(|(last, _)| last.written_at_ms < delivered.written_at_ms)
            {
                last = Some((delivered, bad_rows));
            }
            found
        });
        last
    }

    /// The letters of a message of this name.
    pub fn letters_of(&self, name: &OsStr) -> Vec<Letter> {
        let mut letters = Vec::new();
        if !self.may_have(name) {
            return letters;
        }
        self.each_number(name, |numbered_name| {
            let letter = Letter::at(&self.path, &self.label, numbered_name);
            let found = letter.is_some();
            letters.extend(letter.filter(|letter| letter.name_in_incoming() == name));
            found
        });
        letters
    }

    /// Calls `look` with `<name>`, `<name>~2`, `<name>~3` …. It returns whether there is something of that name.
    fn each_number(&self, name: &OsStr, mut look: impl FnMut(&OsStr) -> bool) {
        let (mut number, mut missing) = (1, 0);
        while missing <= NUMBERS_MISSING_MAX {
            let numbered_name: OsString = if number == 1 { name.to_owned() } else { numbered(name, number) };
            missing = if look(&numbered_name) { 0 } else { missing + 1 };
            number += 1;
        }
    }

    /// Logs a letter whose message came whole, and deletes it. Returns false when it stays: it has changed since it was
    /// looked at, or somebody is burying or moving letters.
    pub fn remove_letter(
        &self,
        letter: &Letter,
        why: WhyGone,
        content_hash: u128,
        worker: &str,
    ) -> Result<bool, SpoolError> {
        let Some(_burials) = lock_dead(&self.layout, &self.label) else { return Ok(false) };
        if letter.changed_since_listed()?.is_some() {
            return Ok(false);
        }
        let report = letter.report.as_ref();
        let gone = GoneLine {
            at: now_text(),
            dataset: &self.label,
            name: letter.name.to_string_lossy().into_owned(),
            message_id: letter.message_id(),
            bytes: letter.bytes,
            content_hash: hash_text(content_hash),
            reason: report.map(|report| report.reason.as_str()),
            why: why.as_str(),
            worker,
        };
        log_gone(&self.layout, &gone)?;
        letter.delete()?;
        Ok(true)
    }

    /// Says in a letter's report that a message of `bytes` bytes came whole and lacks something that the letter has.
    /// Returns false when the report says so already, or there is none.
    pub fn note_whole(&self, letter: &Letter, bytes: u64) -> Result<bool, SpoolError> {
        let Some(_burials) = lock_dead(&self.layout, &self.label) else { return Ok(false) };
        let Some(mut report) = read_report(&letter.report_path) else { return Ok(false) };
        if letter.changed_since_listed()?.is_some() || report.whole_came.is_some() {
            return Ok(false);
        }
        report.whole_came = Some(WholeCame { at: now_text(), bytes });
        let unfinished = self.path.join(unfinished_name(letter.name.as_encoded_bytes()));
        write_synced(&unfinished, &report)?;
        std::fs::rename(&unfinished, &letter.report_path)
            .map_err(|error| SpoolError::io("write", &letter.report_path, error))?;
        Ok(true)
    }
}

/// Adds the names of the messages that a file in `dead` may belong to. The file may be a letter or a report, and its
/// name may have a number, which may also be part of the message's own name.
fn add_names(names: &mut HashSet<OsString>, found: OsString) {
    let bytes = found.as_bytes();
    let stem = bytes.strip_suffix(REPORT_ENDING.as_bytes()).unwrap_or(bytes);
    if let Some(at) = stem.iter().rposition(|byte| *byte == b'~') {
        names.insert(OsStr::from_bytes(&stem[..at]).to_owned());
    }
    names.insert(OsStr::from_bytes(stem).to_owned());
    names.insert(found);
}
