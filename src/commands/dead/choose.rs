//! Finds the dead letters that the user chose.

use super::super::args::{is_of, refuse_unknown};
use super::args::{DeadFilter, DeadSelection};
use super::error::DeadError;
use super::letter::reason;
use crate::exit::Failure;
use crate::spool::{Layout, Letter, Letters, dead_letters, reason_group};

/// The letters that were chosen, and the names that no letter has.
pub(super) fn choose<'a>(
    layout: &Layout,
    selection: &'a DeadSelection,
) -> Result<(Letters, Vec<&'a str>), Failure> {
    refuse_no_choice(&selection.messages, &selection.filter, selection.all)?;
    Ok(only(find(layout, &selection.filter)?, &selection.messages))
}

pub(super) fn refuse_no_choice(messages: &[String], filter: &DeadFilter, all: bool) -> Result<(), DeadError> {
    let chosen = all || !messages.is_empty() || !filter.datasets.is_empty() || filter.reason.is_some();
    if chosen { Ok(()) } else { Err(DeadError::NoChoice) }
}

pub(super) fn find(layout: &Layout, filter: &DeadFilter) -> Result<Letters, Failure> {
    let mut found = dead_letters(layout)?;
    let labels: Vec<&str> = found.letters.iter().map(|letter| letter.label.as_str()).collect();
    refuse_unknown(&filter.datasets, &labels)?;
    found.letters.retain(|letter| takes(filter, letter));
    Ok(found)
}

/// The letters with these message ids or file names, and the names that no letter has. Without names it keeps all
/// letters.
pub(super) fn only(mut found: Letters, messages: &[String]) -> (Letters, Vec<&str>) {
    let is_of =
        |letter: &Letter, name: &str| name == letter.message_id() || name == letter.name.to_string_lossy();
    let mut missing: Vec<&str> = messages.iter().map(String::as_str).collect();
    missing.retain(|name| !found.letters.iter().any(|letter| is_of(letter, name)));
    found.letters.retain(|letter| messages.is_empty() || messages.iter().any(|name| is_of(letter, name)));
    (found, missing)
}

fn takes(filter: &DeadFilter, letter: &Letter) -> bool {
    let by_reason = filter.reason.as_ref().is_none_or(|text| {
        let reason = reason(letter);
        reason.contains(text.as_str()) || reason_group(&reason).contains(text.as_str())
    });
    is_of(&filter.datasets, &letter.label) && by_reason
}
