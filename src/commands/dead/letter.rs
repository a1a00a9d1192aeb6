//! How a dead letter is named and explained on the screen.

use super::super::table::named;
use super::super::terminal::say;
use super::super::units::counted;
use crate::exit::OutputError;
use crate::spool::Letter;

/// `parse: cut off at byte 17`.
pub(super) fn reason(letter: &Letter) -> String {
    match &letter.report {
        Some(report) => format!("{}: {}", report.stage, report.reason),
        None => "no readable report".to_owned(),
    }
}

/// `FREQ/FREQ_202510280359_00001.json`, its path below `dead/`.
pub(super) fn path_in_dead(letter: &Letter) -> String {
    format!("{}/{}", letter.label, letter.name.to_string_lossy())
}

/// Prints which letters stay in `dead`, and why. Prints nothing if there are none. `what` is the word for one of them.
pub(super) fn say_left_in_dead(what: &str, letters: &[String], why: &str) -> Result<(), OutputError> {
    if letters.is_empty() {
        return Ok(());
    }
    let stay = if letters.len() == 1 { "stays" } else { "stay" };
    say(&format!("{} {stay} in dead: {why}\n{}", counted(letters.len() as u64, what), named(letters)))
}
