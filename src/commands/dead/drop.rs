//! `irispool dead drop`: deletes letters for good.

use std::io::{self, BufRead, IsTerminal, Write};

use super::super::terminal::say;
use super::super::units::{counted, size};
use super::error::DeadError;
use super::letter::{path_in_dead, say_left_in_dead};
use crate::exit::{Exit, Failure};
use crate::spool::{Dropped, Layout, Letters, drop_letter, remove_reports_alone};

pub(super) fn drop_letters(layout: &Layout, found: &Letters, yes: bool) -> Result<Exit, Failure> {
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
            Dropped::Changed => stay.push(path_in_dead(letter)),
            Dropped::Gone => {}
        }
    }
    remove_reports_alone(layout, found)?;
    say(&format!("deleted {}\n", of(deleted, bytes)))?;
    say_left_in_dead("dead letter", &stay, "it was replaced meanwhile; see irispool dead list")?;
    Ok(if stay.is_empty() { Exit::Done } else { Exit::Left })
}

/// Asks on stderr, because stdout may be a file. Only `y` and `yes` mean yes.
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
