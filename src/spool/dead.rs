//! Dead letters: messages that can't be delivered, each with its reason beside it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::lock::lock_dead;
use super::rename::{NAME_BYTES_MAX, numbered, rename};
use super::sync::sync_data;
use super::{Batch, Layout, SpoolError, now_ms};

/// Rows named in one report at the most; the count says how many there are.
const ROWS_NAMED_MAX: usize = 100;

/// What a report's name ends with.
pub(super) const REPORT_ENDING: &str = ".error.json";

/// Why a message can't be delivered.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub stage: &'static str,
    pub reason: String,
    /// Where in the message, from 0.
    pub byte: Option<u64>,
    /// The bad rows, where the rest of the message was delivered.
    pub rows: Vec<BadRowNote>,
    /// What was delivered of it.
    pub delivered: Option<Delivered>,
}

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

impl DeadLetter {
    pub fn whole(stage: &'static str, reason: impl Into<String>, byte: Option<u64>) -> DeadLetter {
        DeadLetter { stage, reason: reason.into(), byte, rows: Vec::new(), delivered: None }
    }
}

/// Moves a claimed message to `dead/<DATASET>/` and writes its report beside it.
///
/// The report is there first: a message in `dead` always has one, also after a power cut. A message of the same name and
/// content that is dead already is one more attempt of it, not a second letter.
pub fn bury(
    layout: &Layout,
    worker: &str,
    batch: &Batch,
    name: &OsStr,
    letter: &DeadLetter,
) -> Result<(), SpoolError> {
    let folder = layout.dead().join(batch.label());
    fs::create_dir_all(&folder).map_err(|error| SpoolError::io("make the folder", &folder, error))?;
    let claimed = batch.path().join(name);
    let unnamed = folder.join(unnamed_report(batch, name));
    loop {
        let place = free_place(&folder, name, &claimed);
        // Before the lock is taken: for the disk many can wait at once.
        write_synced(&unnamed, &report_of(worker, batch, name, letter, &folder, &place))?;
        // Two messages of one name would take each other's places. Without the lock nothing is lost, but a report may be.
        let _lock = lock_dead(layout, batch.label());
        if free_place(&folder, name, &claimed) != place {
            continue;
        }
        let report = folder.join(report_name(&place));
        fs::rename(&unnamed, &report).map_err(|error| SpoolError::io("write", &report, error))?;
        let to = folder.join(&place);
        match rename(&claimed, &to) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && same_content(&claimed, &to) => {
                return batch.remove(name);
            }
            // Another message of that name, buried just now by somebody else: it has the place, and this the next one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(SpoolError::io("move to dead", claimed, error)),
        }
    }
}

/// The name under which a message can lie in `dead`: its own, or with `~2`, `~3` … behind it.
fn free_place(folder: &Path, name: &OsStr, claimed: &Path) -> OsString {
    let mut place = name.to_owned();
    let mut number = 1;
    while is_taken(folder, &place, claimed) {
        number += 1;
        place = numbered(name, number);
    }
    place
}

/// The hidden name of a report before it has its own. Whoever buries this message after a crash writes to the same file.
fn unnamed_report(batch: &Batch, name: &OsStr) -> String {
    let whose = [batch.id().as_bytes(), b"/", name.as_encoded_bytes()].concat();
    format!(".report-{:032x}", xxhash_rust::xxh3::xxh3_128(&whose))
}

fn report_of(
    worker: &str,
    batch: &Batch,
    name: &OsStr,
    letter: &DeadLetter,
    folder: &Path,
    place: &OsStr,
) -> DeadReport {
    let earlier = read_report(&folder.join(report_name(place)));
    let now = now_text();
    DeadReport {
        dataset: batch.label().to_owned(),
        message_id: name.to_string_lossy().into_owned(),
        stage: letter.stage.to_owned(),
        reason: letter.reason.clone(),
        byte: letter.byte,
        bad_rows: letter.rows.len() as u64,
        rows: letter.rows.iter().take(ROWS_NAMED_MAX).cloned().collect(),
        delivered: letter.delivered.clone(),
        whole_came: earlier.as_ref().and_then(|report| report.whole_came.clone()),
        first_failed_at: earlier
            .as_ref()
            .map_or_else(|| now.clone(), |report| report.first_failed_at.clone()),
        last_failed_at: now,
        attempts: earlier.map_or(0, |report| report.attempts) + 1,
        worker: worker.to_owned(),
        irispool: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// `2025-10-28T03:59:00.000Z`.
pub(super) fn now_text() -> String {
    let now = jiff::Timestamp::from_millisecond(now_ms()).unwrap_or_default();
    now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
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

/// Whether a name in `dead` is another message's, or its report would lie where a message is: that may be called
/// `….error.json` too.
fn is_taken(folder: &Path, place: &OsStr, claimed: &Path) -> bool {
    let path = folder.join(place);
    let by_message = path.symlink_metadata().is_ok() && !same_content(claimed, &path);
    let report_name = report_name(place);
    by_message || folder.join(self::report_name(&report_name)).symlink_metadata().is_ok()
}

pub(super) fn read_report(path: &Path) -> Option<DeadReport> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The report is on the disk when this returns: else a power cut could leave a message with an empty one.
pub(super) fn write_synced(path: &Path, report: &DeadReport) -> Result<(), SpoolError> {
    let write = || -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(&serde_json::to_vec_pretty(report)?)?;
        sync_data(&file)
    };
    write().map_err(|error| SpoolError::io("write", path, error))
}

/// Whether two regular files hold the same bytes; what can't be read is not the same. Files may be of any size.
pub(super) fn same_content(one: &Path, other: &Path) -> bool {
    let compare = || -> io::Result<bool> {
        let (found_one, found_other) = (one.symlink_metadata()?, other.symlink_metadata()?);
        if !found_one.is_file() || !found_other.is_file() || found_one.len() != found_other.len() {
            return Ok(false);
        }
        let (mut one, mut other) = (BufReader::new(File::open(one)?), BufReader::new(File::open(other)?));
        loop {
            let (first, second) = (one.fill_buf()?, other.fill_buf()?);
            let length = first.len().min(second.len());
            if first[..length] != second[..length] {
                return Ok(false);
            }
            if length == 0 {
                return Ok(first.is_empty() && second.is_empty());
            }
            one.consume(length);
            other.consume(length);
        }
    };
    compare().unwrap_or(false)
}
