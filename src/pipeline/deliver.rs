//! Parcels are gathered into one load, the load is made, and what became of each message goes to the settlers.

use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::Shared;
use super::failure_log::log_failure;
use super::parcel::Parcel;
use super::redelivery::less_whole;
use super::run_totals::Tally;
use super::settle::{Ending, SETTLE_AT_ONCE, SettleTask};
use super::work::Work;
use crate::spool::{BadRowNote, DeadLetter, Delivered, now_ms};
use crate::warehouse::{Delivery, Message, Outcome, RefusedRow, Warehouse};

/// While more may come, it is looked so often whether it still may.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

pub(super) fn deliver_all(
    shared: &Shared,
    warehouse: &dyn Warehouse,
    parcels: &Receiver<Parcel>,
    settle: &Sender<SettleTask>,
) {
    while let Some(gathered) = gather(shared, parcels) {
        let mut deliveries = Vec::with_capacity(gathered.len());
        let mut rest = Vec::with_capacity(gathered.len());
        for parcel in gathered {
            deliveries.push(parcel.delivery);
            rest.push(Mutex::new(Some((parcel.work, parcel.letters, parcel.permit))));
        }
        let failed: Mutex<HashSet<Arc<str>>> = Mutex::default();
        let began = Instant::now();
        warehouse.load_each(&deliveries, &|place, result| {
            let rest = rest[place].lock().unwrap_or_else(PoisonError::into_inner).take();
            let (work, letters, _permit) = rest.expect("a warehouse answers once for each delivery");
            let Delivery { dataset, messages, .. } = &deliveries[place];
            match result {
                Ok(outcomes) => {
                    work.note_taken();
                    let (dataset, messages) = (Arc::clone(dataset), messages.clone());
                    send_endings(shared, settle, &work, Loaded { dataset, messages, outcomes, letters });
                }
                Err(error) => {
                    // The rows are dropped; the files stay claimed and are read again when the table is tried again.
                    if failed.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(dataset)) {
                        log_failure(dataset, &error);
                        Tally::add(&shared.tally.failed_loads, 1);
                    }
                    work.leave_for_table(shared.tables.park(dataset, &error));
                    work.end(messages.len() as u64);
                }
            }
        });
        shared.tally.figures.load.add(began.elapsed());
        let is_answered =
            |rest: &Mutex<Option<_>>| rest.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        assert!(rest.iter().all(is_answered), "a warehouse answers for each delivery");
        // At the end of a drain, while the last files are deleted.
        if shared.settings.once && shared.upstream.load(Ordering::Acquire) == 0 && parcels.is_empty() {
            warehouse.rest();
        }
    }
}

/// The first parcel, and what comes until there are enough rows or the first one has waited long enough. None when no
/// more will come.
fn gather(shared: &Shared, parcels: &Receiver<Parcel>) -> Option<Vec<Parcel>> {
    let _turn = shared.gathering.lock().unwrap_or_else(PoisonError::into_inner);
    let first = parcels.recv().ok()?;
    let until = Instant::now() + shared.settings.flush_interval;
    let weight = |parcel: &Parcel| parcel.delivery.rows.len() + parcel.delivery.messages.len();
    let mut total = weight(&first);
    let mut gathered = vec![first];
    while total < shared.settings.batch_rows as usize {
        // What is there already comes without waiting; when stopping, nothing more is waited for.
        let nothing_comes =
            shared.stop.requested() || shared.settings.once && shared.upstream.load(Ordering::Acquire) == 0;
        let parcel = match parcels.try_recv() {
            Ok(parcel) => parcel,
            Err(_) if nothing_comes || Instant::now() >= until => break,
            // A drain looks again soon: the last parcel of all has no one to wait for.
            Err(_) => match parcels.recv_deadline(until.min(Instant::now() + LOOK_AGAIN)) {
                Ok(parcel) => parcel,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            },
        };
        total += weight(&parcel);
        gathered.push(parcel);
    }
    Some(gathered)
}

/// Messages that the warehouse has answered for.
pub(super) struct Loaded {
    pub(super) dataset: Arc<str>,
    pub(super) messages: Vec<Message>,
    /// One for each message.
    pub(super) outcomes: Vec<Outcome>,
    /// For messages some of whose rows are bad: their place in `messages`, and the letter.
    pub(super) letters: Vec<(usize, DeadLetter)>,
}

/// What became of each message of a delivery, to the settlers.
pub(super) fn send_endings(shared: &Shared, settle: &Sender<SettleTask>, work: &Arc<Work>, loaded: Loaded) {
    let Loaded { dataset, messages, outcomes, mut letters } = loaded;
    assert_eq!(outcomes.len(), messages.len(), "a warehouse answers for each message");
    shared.tables.unpark(&dataset);
    let now = now_ms();
    // The settlers outlive the deliverers.
    let send = |endings| drop(settle.send(SettleTask::new(shared, work, &dataset, endings)));
    let mut endings = Vec::with_capacity(SETTLE_AT_ONCE);
    for (place, (message, outcome)) in messages.into_iter().zip(outcomes).enumerate() {
        if matches!(outcome, Outcome::Loaded | Outcome::LoadedBut(_)) {
            let delay_ms = u64::try_from(now - message.written_at_ms).unwrap_or(0);
            shared.tally.figures.delay.add(Duration::from_millis(delay_ms));
        }
        let letter =
            letters.iter().position(|(of, _)| *of == place).map(|found| letters.swap_remove(found).1);
        endings.push((OsString::from(&message.id), ending(&message, outcome, letter)));
        if endings.len() == SETTLE_AT_ONCE {
            send(std::mem::take(&mut endings));
        }
    }
    if !endings.is_empty() {
        send(endings);
    }
}

fn ending(message: &Message, outcome: Outcome, letter: Option<DeadLetter>) -> Ending {
    let bytes = message.bytes;
    let (refused, letter) = match (outcome, letter) {
        // What is dead of older content needs nobody any more.
        (Outcome::Superseded, _) => return Ending::Superseded { bytes },
        (Outcome::LessWhole, letter) => return Ending::Dead(less_whole(letter)),
        (Outcome::AlreadyLoaded, None) => return Ending::AlreadyLoaded { bytes },
        (Outcome::AlreadyLoaded, Some(letter)) => return Ending::Dead(letter),
        (Outcome::Loaded, letter) => (Vec::new(), letter),
        (Outcome::LoadedBut(refused), letter) => (refused, letter),
    };
    let rows = (message.rows.len() - refused.len()) as u64;
    let rescued = u64::from(message.rescued);
    let dead_rows = u64::from(message.dead) + refused.len() as u64;
    let letter = letter.map(|letter| telling_good(letter, rows));
    match with_refused(letter, refused) {
        Some(mut letter) => {
            letter.delivered = Some(Delivered::new(message.hash, message.written_at_ms, rows));
            Ending::PartlyDead { letter, rows, rescued, dead_rows }
        }
        None => Ending::Delivered { rows, rescued, bytes },
    }
}

/// The letter of the rows that could not be parsed says how many could.
fn telling_good(letter: DeadLetter, good: u64) -> DeadLetter {
    let reason = match good {
        0 => letter.reason,
        1 => format!("{} (the one good row was delivered)", letter.reason),
        _ => format!("{} ({good} good rows were delivered)", letter.reason),
    };
    DeadLetter { reason, ..letter }
}

/// The letter of the rows that could not be parsed, with those that the warehouse refused.
fn with_refused(letter: Option<DeadLetter>, refused: Vec<RefusedRow>) -> Option<DeadLetter> {
    let Some(first) = refused.first() else { return letter };
    let mut letter = letter.unwrap_or_else(|| {
        let reason =
            format!("{} rows refused by the warehouse, the first one: {}", refused.len(), first.reason);
        DeadLetter::whole("deliver", reason, None)
    });
    let notes = refused.into_iter();
    letter.rows.extend(notes.map(|row| BadRowNote { row: row.message_row, byte: None, reason: row.reason }));
    Some(letter)
}
