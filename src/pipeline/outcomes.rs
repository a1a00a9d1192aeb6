//! What the warehouse has answered about each message, and what must happen to its file because of it.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;

use super::ending::Ending;
use super::redelivery::less_whole_letter;
use super::run_context::RunContext;
use super::settle::{SETTLE_AT_ONCE, SettleTask};
use super::work::Ticket;
use crate::spool::{BadRowNote, DeadLetter, DeadStage, Delivered, now_ms};
use crate::warehouse::{DeliveryMessage, MessageOutcome, RefusedRow};

/// Messages of one table that the warehouse has answered about.
pub(super) struct AnsweredMessages {
    pub(super) dataset: Arc<str>,
    pub(super) messages: Vec<DeliveryMessage>,
    /// One for each message.
    pub(super) outcomes: Vec<MessageOutcome>,
    /// The letters of messages some of whose rows are bad, each with the index of its message in `messages`.
    pub(super) letters: Vec<(usize, DeadLetter)>,
}

/// Tells the settlers what became of each message.
pub(super) fn send_endings(
    run: &RunContext,
    settle: &Sender<SettleTask>,
    ticket: &Ticket,
    answered: AnsweredMessages,
) {
    let AnsweredMessages { dataset, messages, outcomes, mut letters } = answered;
    assert_eq!(outcomes.len(), messages.len(), "a warehouse answers for each message");
    run.tables.unpark(&dataset);
    let now = now_ms();
    if let Some(newest_ms) = messages.iter().map(|message| message.written_at_ms).max() {
        run.tally.figures.note_written(newest_ms);
    }
    // The settlers outlive the deliverers.
    let send = |endings| drop(settle.send(SettleTask::new(run, ticket.clone(), &dataset, endings)));
    let mut endings = Vec::with_capacity(SETTLE_AT_ONCE);
    for (index, (message, outcome)) in messages.into_iter().zip(outcomes).enumerate() {
        if matches!(outcome, MessageOutcome::Loaded | MessageOutcome::LoadedBut(_)) {
            let delay_ms = u64::try_from(now - message.written_at_ms).unwrap_or(0);
            run.tally.figures.delay.add(Duration::from_millis(delay_ms));
        }
        let letter =
            letters.iter().position(|(of, _)| *of == index).map(|found| letters.swap_remove(found).1);
        endings.push((OsString::from(&message.id), ending(&message, outcome, letter)));
        if endings.len() == SETTLE_AT_ONCE {
            send(std::mem::take(&mut endings));
        }
    }
    if !endings.is_empty() {
        send(endings);
    }
}

/// `letter`: of the rows that could not be parsed.
fn ending(message: &DeliveryMessage, outcome: MessageOutcome, letter: Option<DeadLetter>) -> Ending {
    let bytes = message.bytes;
    let (refused, letter) = match (outcome, letter) {
        // Later content has taken its place, so nobody needs its bad rows.
        (MessageOutcome::Superseded, _) => return Ending::Superseded { bytes },
        (MessageOutcome::LessWhole, letter) => return Ending::Dead(less_whole_letter(letter)),
        (MessageOutcome::AlreadyLoaded, None) => return Ending::AlreadyLoaded { bytes },
        (MessageOutcome::AlreadyLoaded, Some(letter)) => return Ending::Dead(letter),
        (MessageOutcome::Loaded, letter) => (Vec::new(), letter),
        (MessageOutcome::LoadedBut(refused), letter) => (refused, letter),
    };
    let rows = (message.rows.len() - refused.len()) as u64;
    let rescued = u64::from(message.rescued);
    let dead_rows = u64::from(message.dead) + refused.len() as u64;
    let letter = letter.map(|letter| with_good_rows(letter, rows));
    match with_refused_rows(letter, refused) {
        Some(mut letter) => {
            letter.delivered = Some(Delivered::new(message.hash, message.written_at_ms, rows));
            Ending::PartlyDead { letter, rows, rescued, dead_rows }
        }
        None => Ending::Delivered { rows, rescued, bytes },
    }
}

/// Adds to the letter how many rows were delivered.
fn with_good_rows(letter: DeadLetter, good: u64) -> DeadLetter {
    let reason = match good {
        0 => letter.reason,
        1 => format!("{} (the one good row was delivered)", letter.reason),
        _ => format!("{} ({good} good rows were delivered)", letter.reason),
    };
    DeadLetter { reason, ..letter }
}

/// Adds the rows that the warehouse refused to the letter of those that could not be parsed.
fn with_refused_rows(letter: Option<DeadLetter>, refused: Vec<RefusedRow>) -> Option<DeadLetter> {
    let Some(first) = refused.first() else { return letter };
    let mut letter = letter.unwrap_or_else(|| {
        let reason =
            format!("{} rows refused by the warehouse, the first one: {}", refused.len(), first.reason);
        DeadLetter::whole(DeadStage::Deliver, reason, None)
    });
    let notes = refused.into_iter();
    letter.rows.extend(notes.map(|row| BadRowNote { row: row.message_row, byte: None, reason: row.reason }));
    Some(letter)
}
