//! The report beside a message in `dead`: `<message id>.error.json`.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::spool::SpoolError;
use crate::spool::rename::NAME_BYTES_MAX;
use crate::spool::sync::sync_data;

/// What a report's name ends with.
pub(super) const REPORT_ENDING: &str = ".error.json";

/// Up to this length a report's name is always the message's name and the ending, also with a number in between.
pub(super) const UNCUT_NAME_BYTES_MAX: usize = 200;

/// What was delivered of a message that has bad rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// XXH3 (128 bits) of the file's bytes, 32 hexadecimal digits.
    pub content_hash: String,
    /// When its file was written, in ms since 1970 UTC. Of two contents under one name the later one wins.
    pub written_at_ms: i64,
    /// How many rows were good.
    pub rows: u64,
}

impl Delivered {
    pub fn new(content_hash: u128, written_at_ms: i64, rows: u64) -> Delivered {
        Delivered { content_hash: hash_text(content_hash), written_at_ms, rows }
    }

    /// The time of writing, in ms since 1970 UTC, that a content needs to win over this one. None when its own is late
    /// enough. The same content needs the same time, because its rows that come again must not be older.
    pub fn time_to_win(&self, content_hash: u128, written_at_ms: i64) -> Option<i64> {
        let is_same = self.content_hash == hash_text(content_hash);
        let needed = if is_same { self.written_at_ms } else { self.written_at_ms.saturating_add(1) };
        (written_at_ms < needed).then_some(needed)
    }
}

/// A hash of 128 bits as 32 hexadecimal digits.
pub(super) fn hash_text(content_hash: u128) -> String {
    format!("{content_hash:032x}")
}

/// A message that came whole after an earlier one of its name had died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeCame {
    /// When a worker saw it: `2025-10-28T03:59:00.000Z`.
    pub at: String,
    /// The size of its file.
    pub bytes: u64,
}

/// A row that is not delivered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BadRowNote {
    /// Its number in the message, from 0.
    pub row: u32,
    /// Its offset in the message, from 0. Unknown when the warehouse refused the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    pub reason: String,
}

/// The content of `<message id>.error.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeadReport {
    /// The label of the folder that it came from.
    pub dataset: String,
    /// Its name in `incoming`. In `dead` it may have `~2` behind it, if another message of this name was dead already.
    pub message_id: String,
    /// A [`super::DeadStage`], as text: another version of irispool may know other stages.
    pub stage: String,
    pub reason: String,
    /// Where in the message, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// How many rows are bad. `rows` names the first of them.
    pub bad_rows: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<BadRowNote>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Delivered>,
    /// A message of this name came whole later and lacks something that this one has. A person must choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_came: Option<WholeCame>,
    /// `2025-10-28T03:59:00.000Z`.
    pub first_failed_at: String,
    pub last_failed_at: String,
    pub attempts: u32,
    /// The name of the worker.
    pub worker: String,
    /// The version of irispool.
    pub irispool: String,
}

/// `<message id>.error.json`, or a cut name with a hash in it when that is too long for a file name.
pub(super) fn report_name(name: &OsStr) -> OsString {
    let bytes = name.as_encoded_bytes();
    if bytes.len() + REPORT_ENDING.len() <= NAME_BYTES_MAX {
        let mut report = name.to_owned();
        report.push(REPORT_ENDING);
        return report;
    }
    let start: String = name.to_string_lossy().chars().take(40).collect();
    format!("{start}~{}{REPORT_ENDING}", hash_text(xxh3_128(bytes))).into()
}

/// Whether a file in `dead` is a report. A message may have the name of a report, but then it has a report of its own.
/// `exists` says whether the folder has a file of some name.
pub(super) fn is_report(name: &OsStr, exists: impl FnOnce(&OsStr) -> bool) -> bool {
    name.as_encoded_bytes().ends_with(REPORT_ENDING.as_bytes()) && !exists(&report_name(name))
}

/// The hidden name of a report before it gets its own. `owner` says whose it is: after a crash the same owner writes to
/// the same file again.
pub(super) fn unfinished_name(owner: &[u8]) -> String {
    format!(".report-{}", hash_text(xxh3_128(owner)))
}

/// A reason with `#` in place of each number, so that equal failures of many messages have one reason.
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

/// None when there is no report, or the file is none.
pub(super) fn read_report(path: &Path) -> Option<DeadReport> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a report. It is on the disk when this returns; otherwise a power cut could leave a message with an empty one.
pub(super) fn write_synced(path: &Path, report: &DeadReport) -> Result<(), SpoolError> {
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(&serde_json::to_vec_pretty(report)?)?;
        sync_data(&file)
    };
    write().map_err(|error| SpoolError::io("write", path, error))
}
