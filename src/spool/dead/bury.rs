//! Buries a message: it cannot be delivered, so it goes to `dead` with a report beside it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;

use super::report::{
    BadRowNote, DeadReport, Delivered, read_report, report_name, unfinished_name, write_synced,
};
use super::stage::DeadStage;
use crate::spool::lock::lock_dead;
use crate::spool::rename::{numbered, rename};
use crate::spool::same_content::same_content;
use crate::spool::time::now_text;
use crate::spool::{Batch, Layout, SpoolError};

/// How many bad rows a report names at most. Its `bad_rows` counts all.
const ROWS_NAMED_MAX: usize = 100;

/// Why a message cannot be delivered.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub stage: DeadStage,
    pub reason: String,
    /// Where in the message, from 0.
    pub byte: Option<u64>,
    /// The bad rows, if the rest of the message was delivered.
    pub rows: Vec<BadRowNote>,
    /// What was delivered of the message.
    pub delivered: Option<Delivered>,
}

impl DeadLetter {
    /// The letter of a message of which nothing is delivered. `byte` says where in the message, from 0.
    pub fn whole(stage: DeadStage, reason: impl Into<String>, byte: Option<u64>) -> DeadLetter {
        DeadLetter { stage, reason: reason.into(), byte, rows: Vec::new(), delivered: None }
    }
}

/// Moves a claimed message to `dead/<DATASET>/` and writes its report beside it.
///
/// The report is written first, so a message in `dead` always has one, also after a power cut. If a message of the same
/// name and content is dead already, this counts one more attempt in its report.
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
    let unfinished =
        folder.join(unfinished_name(&[batch.id().as_bytes(), b"/", name.as_encoded_bytes()].concat()));
    loop {
        let new_name = free_name(&folder, name, &claimed);
        // Before the lock is taken, so that many threads can wait for the disk at once.
        write_synced(&unfinished, &report_of(worker, batch, name, letter, &folder, &new_name))?;
        // Two messages of one name would take each other's name. Without the lock no message is lost, but a report may
        // be.
        let _lock = lock_dead(layout, batch.label());
        if free_name(&folder, name, &claimed) != new_name {
            continue;
        }
        let report = folder.join(report_name(&new_name));
        fs::rename(&unfinished, &report).map_err(|error| SpoolError::io("write", &report, error))?;
        let to = folder.join(&new_name);
        match rename(&claimed, &to) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && same_content(&claimed, &to) => {
                return batch.remove(name);
            }
            // Somebody else has just buried another message of this name: the next number is free.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(SpoolError::io("move to dead", claimed, error)),
        }
    }
}

/// The name that a message gets in `dead`: its own, or the first free one of `<name>~2`, `~3` ….
fn free_name(folder: &Path, name: &OsStr, claimed: &Path) -> OsString {
    let mut new_name = name.to_owned();
    let mut number = 1;
    while is_taken(folder, &new_name, claimed) {
        number += 1;
        new_name = numbered(name, number);
    }
    new_name
}

fn report_of(
    worker: &str,
    batch: &Batch,
    name: &OsStr,
    letter: &DeadLetter,
    folder: &Path,
    new_name: &OsStr,
) -> DeadReport {
    let earlier = read_report(&folder.join(report_name(new_name)));
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

/// Whether a name in `dead` is taken: by a message with other content, or because the report would get the name of a
/// message that is called `….error.json`.
fn is_taken(folder: &Path, new_name: &OsStr, claimed: &Path) -> bool {
    let path = folder.join(new_name);
    let by_message = path.symlink_metadata().is_ok() && !same_content(claimed, &path);
    let report_name = report_name(new_name);
    by_message || folder.join(self::report_name(&report_name)).symlink_metadata().is_ok()
}
