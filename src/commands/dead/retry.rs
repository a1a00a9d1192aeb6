//! `irispool dead retry`: moves letters back to `incoming`.

use super::super::terminal::say;
use super::super::units::counted;
use super::letter::{path_in_dead, say_left_in_dead};
use crate::exit::{Exit, Failure};
use crate::spool::{Layout, Letter, Letters, Retried, remove_reports_alone, retry_letters};

/// Letters that go back under one lock; meanwhile no worker claims their dataset.
const RETRIED_AT_ONCE: usize = 200;

pub(super) fn retry(layout: &Layout, found: &Letters) -> Result<Exit, Failure> {
    // Where the spool's folders are not right, nothing may be moved in it.
    let layout = Layout::open(layout.root())?.with_temporary_names(layout.temporary_names().clone());
    let (mut back, mut stay, mut left_alone) = (0_u64, Vec::new(), Vec::new());
    for of_folder in found.letters.chunk_by(|one, other| one.label == other.label) {
        for letters in of_folder.chunks(RETRIED_AT_ONCE) {
            let letters: Vec<&Letter> = letters.iter().collect();
            for (letter, result) in letters.iter().zip(retry_letters(&layout, &letters)?) {
                match result {
                    Retried::Back => back += 1,
                    Retried::NameTaken => stay.push(path_in_dead(letter)),
                    Retried::LeftAlone => left_alone.push(path_in_dead(letter)),
                    Retried::Gone => {}
                }
            }
        }
    }
    remove_reports_alone(&layout, found)?;
    say(&format!("{} back in incoming\n", counted(back, "message")))?;
    say_left_in_dead(
        "message",
        &left_alone,
        "no worker takes a message from a folder that is set aside, or under a temporary name; move it to \
         incoming/<DATASET>/ under its own name yourself",
    )?;
    say_left_in_dead("message", &stay, "incoming has one of that name; try again when it is delivered")?;
    Ok(if stay.is_empty() && left_alone.is_empty() { Exit::Done } else { Exit::Left })
}
