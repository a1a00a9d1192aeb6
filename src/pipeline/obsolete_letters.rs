//! A message that is dead comes whole later: its letter goes by itself, if the message has all that the letter has.
//!
//! The client makes a file empty, closes it, and fills it later; a power cut leaves the beginning of a file, or NULs in it;
//! a sender mends a row and sends the message again. In each case nothing of the letter is missing any more. What else is
//! in a letter is a person's to judge: it stays, and its report says that a whole message of its name has come.

use std::ffi::OsStr;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::Shared;
use super::run_totals::Tally;
use super::work::Work;
use crate::keeper::log_spool_failure;
use crate::message::{has_bytes_of, has_rows_of, is_blank};
use crate::spool::{DeadFolder, Holds, Letter, read};

/// Sees to the letters of a message that is in the warehouse, whole, and whose file is still there: should this process
/// die here, whoever delivers the message again comes here again. `dead` is what its dataset's folder of dead letters has.
pub(super) fn see_to_letters(shared: &Shared, work: &Work, dead: &DeadFolder, name: &OsStr) {
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
        let part = match contents(&letter, shared.settings.max_file_bytes) {
            Ok(part) => part,
            Err(InHand) => continue,
        };
        let holds = part.as_deref().and_then(|part| holds(&whole, written_at_ms, &letter, part));
        let done = match holds {
            Some(holds) => let_go(shared, dead, &letter, holds, part.as_deref().unwrap_or_default()),
            None => dead.note_whole(&letter, bytes).map(|noted| {
                if noted {
                    tracing::warn!(
                        folder = letter.label, message_id = letter.message_id(), letter = %letter.name.to_string_lossy(),
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

/// The letter has gone, or somebody writes it.
struct InHand;

/// None of what is no regular file, or was too large to be read.
fn contents(letter: &Letter, bytes_max: u64) -> Result<Option<Vec<u8>>, InHand> {
    if !letter.is_file || letter.bytes > bytes_max {
        return Ok(None);
    }
    letter.read(bytes_max).map(Some).ok_or(InHand)
}

/// What the message has of the letter, if it has all of it.
fn holds(whole: &[u8], written_at_ms: i64, letter: &Letter, part: &[u8]) -> Option<Holds> {
    // Somebody put it there.
    let report = letter.report.as_ref()?;
    if is_blank(part) {
        return Some(Holds::Nothing);
    }
    if has_bytes_of(whole, part) {
        return Some(Holds::Bytes);
    }
    // A bad row of a letter that was written later may be news.
    let is_later = written_at_ms >= letter.written_at_ms;
    let is_bad = |row| report.rows.iter().any(|bad| bad.row == row);
    (is_later && has_rows_of(whole, part, &is_bad)).then_some(Holds::Rows)
}

fn let_go(
    shared: &Shared,
    dead: &DeadFolder,
    letter: &Letter,
    holds: Holds,
    part: &[u8],
) -> Result<(), crate::spool::SpoolError> {
    if dead.let_go(letter, holds, xxh3_128(part), &shared.worker_name)? {
        Tally::add(&shared.tally.letters_gone, 1);
        tracing::info!(
            folder = letter.label, message_id = letter.message_id(), letter = %letter.name.to_string_lossy(),
            bytes = letter.bytes, why = holds.why(),
            "a dead letter went, as its message came whole: dead/.gone.jsonl has it"
        );
    }
    Ok(())
}
