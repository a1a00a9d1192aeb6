//! A message that was delivered without its bad rows, and arrives again with other content.
//!
//! The report of its dead letter says what was delivered. The pipeline reads it there and does not ask the warehouse,
//! because BigQuery has no ledger: in its views, the rows that are dated later hide the others.

use std::ffi::OsStr;

use super::work::Work;
use crate::keeper::log_spool_failure;
use crate::spool::{DeadFolder, DeadLetter, DeadStage, set_written_at};
use crate::warehouse::DeliveryMessage;

/// Dates a message so that it replaces what was delivered under its name without some rows, if it completes that.
/// False: it is older and does not complete it, so it must not be delivered.
pub(super) fn win_over_delivered(work: &Work, dead: &DeadFolder, message: &mut DeliveryMessage) -> bool {
    let name = OsStr::new(&message.id);
    let Some((delivered, bad_rows)) = dead.delivered(name) else { return true };
    let Some(written_at_ms) = delivered.time_to_win(message.hash, message.written_at_ms) else { return true };
    let is_same = written_at_ms == delivered.written_at_ms;
    let is_older = message.written_at_ms < delivered.written_at_ms;
    if is_older && !is_same && !message.mends(delivered.rows, bad_rows) {
        return false;
    }
    message.written_at_ms = written_at_ms;
    // If the file can't be dated, the next try finds the report again.
    if let Err(error) = set_written_at(&work.batch, name, written_at_ms) {
        log_spool_failure(&error);
    }
    true
}

/// The letter of a message that does not complete what is in the warehouse.
pub(super) fn less_whole_letter(letter: Option<DeadLetter>) -> DeadLetter {
    let mut letter = letter.unwrap_or_else(|| DeadLetter::whole(DeadStage::Deliver, "", None));
    let bad =
        if letter.reason.is_empty() { String::new() } else { format!("; in this one: {}", letter.reason) };
    letter.reason = format!(
        "not loaded: other content under this name, written later, is in the table; it lacks rows, and this one adds \
         none. Touch this one before a retry to load it in that one's place{bad}"
    );
    letter
}
