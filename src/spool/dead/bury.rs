//! Burying: a message that can't be delivered goes to `dead`, with its reason beside it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;

use super::report::{BadRowNote, DeadReport, Delivered, read_report, report_name, write_synced};
use super::stage::DeadStage;
use crate::spool::lock::lock_dead;
use crate::spool::rename::{numbered, rename};
use crate::spool::same_content::same_content;
use crate::spool::time::now_text;
use crate::spool::{Batch, Layout, SpoolError};

/// Rows named in one report at the most; the count says how many there are.
const ROWS_NAMED_MAX: usize = 100;

/// Why a message can't be delivered.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub stage: DeadStage,
    pub reason: String,
    /// Where in the message, from 0.
    pub byte: Option<u64>,
    /// The bad rows, where the rest of the message was delivered.
    pub rows: Vec<BadRowNote>,
    /// What was delivered of it.
    pub delivered: Option<Delivered>,
}

impl DeadLetter {
    pub fn whole(stage: DeadStage, reason: impl Into<String>, byte: Option<u64>) -> DeadLetter {
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
        dataset: batch.label().to_string(),
        message_id: name.to_string_lossy().into_owned(),
        stage: letter.stage.as_str().to_owned(),
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

/// Whether a name in `dead` is another message's, or its report would lie where a message is: that may be called
/// `….error.json` too.
fn is_taken(folder: &Path, place: &OsStr, claimed: &Path) -> bool {
    let path = folder.join(place);
    let by_message = path.symlink_metadata().is_ok() && !same_content(claimed, &path);
    let report_name = report_name(place);
    by_message || folder.join(self::report_name(&report_name)).symlink_metadata().is_ok()
}
