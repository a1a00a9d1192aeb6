//! What `dead` has of a dataset, asked for by a message's name: whether that name is dead, and what to do about it when it
//! is delivered.
//!
//! A worker lists the folder once for many messages. Mostly it is empty or has a few letters, and a message whose name is
//! not among them costs no system call.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::CWD;

use super::gone_log::{GONE, GoneLine, Holds, note};
use super::letter::Letter;
use super::report::{
    DeadReport, Delivered, REPORT_ENDING, WholeCame, hash_text, read_report, report_name, write_synced,
};
use crate::spool::folder::{list, open_folder};
use crate::spool::lock::lock_dead;
use crate::spool::rename::numbered;
use crate::spool::time::now_text;
use crate::spool::{Label, Layout, SpoolError};

/// A letter's number may be missing before the next one, as others of its name have gone. After so many there is none.
const NUMBERS_MISSING_MAX: u32 = 2;

/// With more than this in it, a folder is not listed but asked for each name: listing it for some messages would take
/// longer.
const LISTED_MAX: usize = 200;

/// Longer names are cut for their numbers and reports, so that not every name can be told from those in the folder.
const LISTED_NAME_BYTES_MAX: usize = 200;

/// A folder in `dead` with something in it.
#[derive(Debug)]
pub struct DeadFolder {
    layout: Layout,
    label: Label,
    path: PathBuf,
    /// The names that its letters and reports may be of. None where that is not known.
    names: Option<HashSet<OsString>>,
}

impl DeadFolder {
    /// The folder with what it has at this moment; what comes into it later is not seen. None where there is nothing in
    /// it.
    pub fn of(layout: &Layout, label: &Label) -> Option<DeadFolder> {
        let path = layout.dead().join(label);
        let entries = list(open_folder(CWD, &path).ok()?).ok()?;
        let mut names = HashSet::new();
        for (count, entry) in entries.enumerate() {
            let name = entry.ok()?.name;
            if count == LISTED_MAX || name.len() > LISTED_NAME_BYTES_MAX {
                return DeadFolder::unlisted(layout, label);
            }
            add_names(&mut names, name);
        }
        let folder = DeadFolder { layout: layout.clone(), label: label.clone(), path, names: None };
        (!names.is_empty()).then(|| DeadFolder { names: Some(names), ..folder })
    }

    /// The same, which is asked for each name, so that it sees what comes into the folder.
    pub fn unlisted(layout: &Layout, label: &Label) -> Option<DeadFolder> {
        let path = layout.dead().join(label);
        list(open_folder(CWD, &path).ok()?).ok()?.next()?.ok()?;
        Some(DeadFolder { layout: layout.clone(), label: label.clone(), path, names: None })
    }

    fn may_have(&self, name: &OsStr) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }

    /// What was delivered of the message of this name that has bad rows in `dead`, and how many. Its letter may have been
    /// moved away by hand: its report says so all the same. Of several, what was written last.
    pub fn delivered(&self, name: &OsStr) -> Option<(Delivered, u64)> {
        if !self.may_have(name) {
            return None;
        }
        let mut last: Option<(Delivered, u64)> = None;
        self.each_number(name, |place| {
            let report = read_report(&self.path.join(report_name(place)));
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

    /// The letters whose message has this name.
    pub fn letters_of(&self, name: &OsStr) -> Vec<Letter> {
        let mut letters = Vec::new();
        if !self.may_have(name) {
            return letters;
        }
        self.each_number(name, |place| {
            let letter = Letter::at(&self.path, &self.label, place);
            let found = letter.is_some();
            letters.extend(letter.filter(|letter| letter.name_in_incoming() == name));
            found
        });
        letters
    }

    /// Calls `look` with `<name>`, `<name>~2`, `<name>~3` …; it says whether something is there.
    fn each_number(&self, name: &OsStr, mut look: impl FnMut(&OsStr) -> bool) {
        let (mut number, mut missing) = (1, 0);
        while missing <= NUMBERS_MISSING_MAX {
            let place: OsString = if number == 1 { name.to_owned() } else { numbered(name, number) };
            missing = if look(&place) { 0 } else { missing + 1 };
            number += 1;
        }
    }

    /// Deletes a letter whose message came whole; first it is noted. False where it stays: it is not what was looked at any
    /// more, or somebody has it in hand.
    pub fn let_go(
        &self,
        letter: &Letter,
        holds: Holds,
        content_hash: u128,
        worker: &str,
    ) -> Result<bool, SpoolError> {
        let Some(_burials) = lock_dead(&self.layout, &self.label) else { return Ok(false) };
        if letter.is_other()?.is_some() {
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
            why: holds.why(),
            worker,
        };
        let path = self.layout.dead().join(GONE);
        note(&path, &gone).map_err(|error| SpoolError::io("append to", &path, error))?;
        letter.delete()?;
        Ok(true)
    }

    /// Notes in a letter's report that its message came whole, so many bytes of it, without all that the letter has. False
    /// where it says so already, or there is no report.
    pub fn note_whole(&self, letter: &Letter, bytes: u64) -> Result<bool, SpoolError> {
        let Some(_burials) = lock_dead(&self.layout, &self.label) else { return Ok(false) };
        let Some(mut report) = read_report(&letter.report_path) else { return Ok(false) };
        if letter.is_other()?.is_some() || report.whole_came.is_some() {
            return Ok(false);
        }
        report.whole_came = Some(WholeCame { at: now_text(), bytes });
        let unnamed = self.path.join(format!(
            ".report-{}",
            hash_text(xxhash_rust::xxh3::xxh3_128(letter.name.as_encoded_bytes()))
        ));
        write_synced(&unnamed, &report)?;
        std::fs::rename(&unnamed, &letter.report_path)
            .map_err(|error| SpoolError::io("write", &letter.report_path, error))?;
        Ok(true)
    }
}

/// The names of the messages that something in `dead` may belong to: it may be a letter or a report, with a number behind
/// its name or with one in it.
fn add_names(names: &mut HashSet<OsString>, found: OsString) {
    let bytes = found.as_bytes();
    let stem = bytes.strip_suffix(REPORT_ENDING.as_bytes()).unwrap_or(bytes);
    if let Some(at) = stem.iter().rposition(|byte| *byte == b'~') {
        names.insert(OsStr::from_bytes(&stem[..at]).to_owned());
    }
    names.insert(OsStr::from_bytes(stem).to_owned());
    names.insert(found);
}
