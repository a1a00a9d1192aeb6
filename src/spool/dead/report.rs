//! The report beside a message in `dead`: `<message id>.error.json`.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::spool::SpoolError;
use crate::spool::rename::NAME_BYTES_MAX;

/// What a report's name ends with.
pub(super) const REPORT_ENDING: &str = ".error.json";

/// The content of a message whose good rows were delivered, while others were bad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// XXH3 (128 bits) of the file's bytes, 32 hexadecimal digits.
    pub content_hash: String,
    /// When its file was written, in ms since 1970 UTC: of two contents the later one wins.
    pub written_at_ms: i64,
    /// How many rows were good.
    pub rows: u64,
}

impl Delivered {
    pub fn new(content_hash: u128, written_at_ms: i64, rows: u64) -> Delivered {
        Delivered { content_hash: hash_text(content_hash), written_at_ms, rows }
    }

    /// The time of writing, in ms since 1970 UTC, that a content must have to win over this one; none where it has it. The
    /// same content must not be older, or its rows that come anew would be.
    pub fn time_to_win(&self, content_hash: u128, written_at_ms: i64) -> Option<i64> {
        let is_same = self.content_hash == hash_text(content_hash);
        let needed = if is_same { self.written_at_ms } else { self.written_at_ms.saturating_add(1) };
        (written_at_ms < needed).then_some(needed)
    }
}

pub(super) fn hash_text(content_hash: u128) -> String {
    format!("{content_hash:032x}")
}

/// A message of a letter's name that came later, and was delivered whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeCame {
    /// When that was seen.
    pub at: String,
    /// Its size.
    pub bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BadRowNote {
    /// Place in the message, from 0.
    pub row: u32,
    /// Offset in the message, from 0; unknown where the warehouse refused the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    pub reason: String,
}

/// The content of `<message id>.error.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeadReport {
    /// The folder under `incoming` that it came from.
    pub dataset: String,
    /// Its name there; its name here may have `~2` behind it, where another of that name was dead already.
    pub message_id: String,
    /// A [`super::DeadStage`], as text: another version of irispool may know other stages.
    pub stage: String,
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    pub bad_rows: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<BadRowNote>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Delivered>,
    /// A message of this name came whole later, and has not all that this one has: a person must choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_came: Option<WholeCame>,
    pub first_failed_at: String,
    pub last_failed_at: String,
    pub attempts: u32,
    pub worker: String,
    pub irispool: String,
}

/// `<message id>.error.json`, or, where that is too long for a file name, a cut name with a hash in it.
pub(super) fn report_name(name: &OsStr) -> OsString {
    let bytes = name.as_encoded_bytes();
    if bytes.len() + REPORT_ENDING.len() <= NAME_BYTES_MAX {
        let mut report = name.to_owned();
        report.push(REPORT_ENDING);
        return report;
    }
    let start: String = name.to_string_lossy().chars().take(40).collect();
    format!("{start}~{:032x}{REPORT_ENDING}", xxhash_rust::xxh3::xxh3_128(bytes)).into()
}

pub(super) fn is_called_report(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(REPORT_ENDING.as_bytes())
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

pub(super) fn read_report(path: &Path) -> Option<DeadReport> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The report is on the disk when this returns: else a power cut could leave a message with an empty one.
pub(super) fn write_synced(path: &Path, report: &DeadReport) -> Result<(), SpoolError> {
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(&serde_json::to_vec_pretty(report)?)?;
        file.sync_data()
    };
    write().map_err(|error| SpoolError::io("write", path, error))
}
