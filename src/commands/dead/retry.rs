//! `irispool dead retry`: moves letters back to `incoming`.

use super::super::terminal::say;
use super::super::units::counted;
use super::letter::{path_in_dead, say_left_in_dead};
use crate::exit::{Exit, Failure};
use crate::spool::{Layout, Letter, Letters, Retried, remove_reports_alone, retry_letters};

/// Letters moved under one lock of their dataset. While it is held, no worker claims from that dataset.
const RETRIED_AT_ONCE: usize = 200;

pub(super) fn retry(layout: &Layout, found: &Letters) -> Result<Exit, Failure> {
    // `open` checks the spool's folders before anything is moved.
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
        "workers skip folders that are set aside and files with temporary names; move it to incoming/<DATASET>/ under its own name",
    )?;
    say_left_in_dead(
        "message",
        &stay,
        "incoming has a file of the same name; try again when that one is delivered",
    )?;
    Ok(if stay.is_empty() && left_alone.is_empty() { Exit::Done } else { Exit::Left })
}
