//! `irispool dead retry` and `drop`: the ways out of `dead`.

use std::io::{self, BufRead, IsTerminal, Write};

use super::super::text::{counted, named, say, size};
use super::{DeadError, place};
use crate::exit::{Exit, Failure};
use crate::spool::{
    Dropped, Layout, Letter, Letters, Retried, drop_letter, remove_reports_alone, retry_letters,
};

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
                    Retried::NameTaken => stay.push(place(letter)),
                    Retried::LeftAlone => left_alone.push(place(letter)),
                    Retried::Gone => {}
                }
            }
        }
    }
    remove_reports_alone(&layout, found)?;
    say(&format!("{} back in incoming\n", counted(back, "message")))?;
    let left = tell_those_that_stay(
        "message",
        &left_alone,
        "in dead: no worker takes a message from a folder that is set aside, or under a temporary name; move it to \
         incoming/<DATASET>/ under its own name yourself",
    )?;
    let taken = tell_those_that_stay(
        "message",
        &stay,
        "in dead: incoming has one of that name; try again when it is delivered",
    )?;
    Ok(if taken == Exit::Left { taken } else { left })
}

fn tell_those_that_stay(what: &str, stay: &[String], why: &str) -> Result<Exit, Failure> {
    if stay.is_empty() {
        return Ok(Exit::Done);
    }
    let stays = if stay.len() == 1 { "stays" } else { "stay" };
    say(&format!("{} {stays} {why}\n{}", counted(stay.len() as u64, what), named(stay)))?;
    Ok(Exit::Left)
}

pub(super) fn drop(layout: &Layout, found: &Letters, yes: bool) -> Result<Exit, Failure> {
    let count = found.letters.len();
    let of = |count: u64, bytes| format!("{}, {}", counted(count, "dead letter"), size(bytes));
    let what = of(count as u64, found.letters.iter().map(|letter| letter.bytes).sum());
    if count > 0 && !yes && !confirmed(&what, count)? {
        say("nothing deleted\n")?;
        return Ok(Exit::Done);
    }
    let (mut deleted, mut bytes, mut stay) = (0, 0, Vec::new());
    for letter in &found.letters {
        match drop_letter(layout, letter)? {
            Dropped::Deleted => {
                deleted += 1;
                bytes += letter.bytes;
            }
            Dropped::Changed => stay.push(place(letter)),
            Dropped::Gone => {}
        }
    }
    remove_reports_alone(layout, found)?;
    say(&format!("deleted {}\n", of(deleted, bytes)))?;
    tell_those_that_stay(
        "dead letter",
        &stay,
        "in dead: not the one that was listed any more; irispool dead list",
    )
}

/// Asks on stderr, which is there even when stdout is a file. Only `y` or `yes` is a yes.
fn confirmed(what: &str, count: usize) -> Result<bool, DeadError> {
    let (stdin, mut stderr) = (io::stdin(), io::stderr());
    if !stdin.is_terminal() || !stderr.is_terminal() {
        return Err(DeadError::NobodyToAsk { count });
    }
    let _ = write!(stderr, "Delete {what} for good? [y/N] ");
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
