//! `irispool dead retry` and `drop`: the ways out of `dead`.

use std::io::{self, BufRead, IsTerminal, Write};

use super::super::text::{counted, size};
use super::{DeadError, place, say};
use crate::exit::{Exit, Failure};
use crate::observe::plain;
use crate::spool::{Layout, Letter, Letters, Retried, drop_letter, remove_reports_alone, retry_letters};

/// Letters that go back under one lock; meanwhile no worker claims their dataset.
const RETRIED_AT_ONCE: usize = 200;

/// Letters named one by one when they stay.
const NAMED_MAX: usize = 20;

pub(super) fn retry(layout: &Layout, found: &Letters) -> Result<Exit, Failure> {
    // Where the spool's folders are not right, nothing may be moved in it.
    let layout = Layout::open(layout.root())?;
    let (mut back, mut stay) = (0_u64, Vec::new());
    for of_folder in found.letters.chunk_by(|one, other| one.label == other.label) {
        for letters in of_folder.chunks(RETRIED_AT_ONCE) {
            let letters: Vec<&Letter> = letters.iter().collect();
            for (letter, result) in letters.iter().zip(retry_letters(&layout, &letters)?) {
                match result {
                    Retried::Back => back += 1,
                    Retried::NameTaken => stay.push(place(letter)),
                    Retried::Gone => {}
                }
            }
        }
    }
    remove_reports_alone(found)?;
    say(&format!("{} back in incoming\n", counted(back, "message")))?;
    if stay.is_empty() {
        return Ok(Exit::Done);
    }
    let stays = if stay.len() == 1 { "stays" } else { "stay" };
    let what = counted(stay.len() as u64, "message");
    say(&format!("{what} {stays} in dead: incoming has one of that name; try again when it is delivered\n"))?;
    for name in stay.iter().take(NAMED_MAX) {
        say(&format!("  {}\n", plain(name)))?;
    }
    if stay.len() > NAMED_MAX {
        say(&format!("  … and {} more\n", stay.len() - NAMED_MAX))?;
    }
    Ok(Exit::Left)
}

pub(super) fn drop(found: &Letters, yes: bool) -> Result<Exit, Failure> {
    let count = found.letters.len();
    let bytes = found.letters.iter().map(|letter| letter.bytes).sum();
    let what = format!("{}, {}", counted(count as u64, "dead letter"), size(bytes));
    if count > 0 && !yes && !confirmed(&what, count)? {
        say("nothing deleted\n")?;
        return Ok(Exit::Done);
    }
    found.letters.iter().try_for_each(drop_letter)?;
    remove_reports_alone(found)?;
    say(&format!("deleted {what}\n"))?;
    Ok(Exit::Done)
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
