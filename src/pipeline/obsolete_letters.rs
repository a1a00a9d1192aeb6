//! Deletes dead letters whose message has arrived whole, if the message has everything that the letter has.
//!
//! The client may create an empty file, close it and fill it later. A power cut may leave the beginning of a file, or
//! NULs in it. A sender may correct a row and send the message again. In each case nothing of the letter is missing any
//! more. A letter that has anything else stays for a person to judge, and its report says that a whole message of its
//! name has come.

use std::ffi::OsStr;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::run_context::RunContext;
use super::run_totals::Tally;
use super::work::Work;
use crate::keeper::log_spool_failure;
use crate::message::{has_bytes_of, has_rows_of, is_blank};
use crate::spool::{DeadFolder, Letter, SpoolError, WhyGone, read};

/// Deletes the obsolete letters of a message that the warehouse has whole. `dead`: the dead letters of its dataset.
///
/// The message's file must still be there. If this process dies here, the worker that delivers the message again comes
/// here again.
pub(super) fn delete_obsolete_letters(run: &RunContext, work: &Work, dead: &DeadFolder, name: &OsStr) {
    let letters = dead.letters_of(name);
    if letters.is_empty() {
        return;
    }
    let Ok(file) = read(&work.batch, name, Duration::ZERO) else { return };
    let (bytes, written_at_ms) = (file.bytes(), file.written_at_ms());
    let mut whole = Vec::new();
    if file.read_into(&mut whole).is_err() {
        return;
    }
    for letter in letters {
        let part = match contents(&letter, run.settings.max_file_bytes) {
            Ok(part) => part,
            Err(InUse) => continue,
        };
        let holds = part.as_deref().and_then(|part| holds(&whole, written_at_ms, &letter, part));
        let done = match holds {
            Some(holds) => delete(run, dead, &letter, holds, part.as_deref().unwrap_or_default()),
            None => dead.note_whole(&letter, bytes).map(|noted| {
                if noted {
                    tracing::warn!(
                        folder = letter.label.as_str(), message_id = letter.message_id(), letter = %letter.name.to_string_lossy(),
                        "a message came whole that lacks something of its dead letter: the letter stays"
                    );
                }
            }),
        };
        if let Err(error) = done {
            log_spool_failure(&error);
        }
    }
}

/// The letter has gone, or somebody is writing it.
struct InUse;

/// What is in a letter. `None`: it is not a regular file, or was too large to be read.
fn contents(letter: &Letter, bytes_max: u64) -> Result<Option<Vec<u8>>, InUse> {
    if !letter.is_file || letter.bytes > bytes_max {
        return Ok(None);
    }
    letter.read(bytes_max).map(Some).ok_or(InUse)
}

/// In which way the message has everything that the letter has, if it does.
fn holds(whole: &[u8], written_at_ms: i64, letter: &Letter, part: &[u8]) -> Option<WhyGone> {
    // A letter without a report: a person put the file there.
    let report = letter.report.as_ref()?;
    if is_blank(part) {
        return Some(WhyGone::Empty);
    }
    if has_bytes_of(whole, part) {
        return Some(WhyGone::Bytes);
    }
    // If the letter was written later than the message, its bad rows may be new data.
    let is_later = written_at_ms >= letter.written_at_ms;
    let is_bad = |row| report.rows.iter().any(|bad| bad.row == row);
    (is_later && has_rows_of(whole, part, &is_bad)).then_some(WhyGone::Rows)
}

fn delete(
    run: &RunContext,
    dead: &DeadFolder,
    letter: &Letter,
    holds: WhyGone,
    part: &[u8],
) -> Result<(), SpoolError> {
    if dead.remove_letter(letter, holds, xxh3_128(part), &run.worker_name)? {
        Tally::add(&run.tally.letters_gone, 1);
        tracing::info!(
            folder = letter.label.as_str(), message_id = letter.message_id(), letter = %letter.name.to_string_lossy(),
            bytes = letter.bytes, why = holds.as_str(),
            "a dead letter went, as its message came whole: dead/.gone.jsonl has it"
        );
    }
    Ok(())
}
