//! Parcels are gathered into one load, the load is made, and what became of each message goes to the settlers.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use super::Shared;
use super::parse::Parcel;
use super::settle::{Ending, SETTLE_AT_ONCE, SettleTask};
use super::tables::log_failure;
use super::tally::Tally;
use super::work::Work;
use crate::spool::DeadLetter;
use crate::warehouse::{Delivery, Message, Outcome, Warehouse, WarehouseError};

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
            rest.push((parcel.work, parcel.letters, parcel.permit));
        }
        match warehouse.load(&deliveries) {
            Ok(outcomes) => {
                assert_eq!(outcomes.len(), deliveries.len(), "a warehouse answers for each delivery");
                for ((delivery, outcomes), (work, letters, permit)) in deliveries.into_iter().zip(outcomes).zip(rest) {
                    send_endings(settle, &work, delivery, outcomes, letters);
                    drop(permit);
                }
            }
            Err(error) => {
                Tally::add(&shared.tally.failed_loads, 1);
                leave_for_later(shared, &deliveries, rest.iter().map(|(work, ..)| work), &error);
            }
        }
    }
}

/// The first parcel, and what comes until there are enough rows or the first one has waited long enough. None when no
/// more will come.
fn gather(shared: &Shared, parcels: &Receiver<Parcel>) -> Option<Vec<Parcel>> {
    let first = parcels.recv().ok()?;
    let until = Instant::now() + shared.settings.flush_interval;
    let weight = |parcel: &Parcel| parcel.delivery.rows.len() + parcel.delivery.messages.len();
    let mut total = weight(&first);
    let mut gathered = vec![first];
    while total < shared.settings.batch_rows as usize {
        // What is there already comes without waiting; when stopping, nothing more is waited for.
        let next = match parcels.try_recv() {
            Ok(parcel) => Ok(parcel),
            Err(_) if shared.stop.requested() => break,
            Err(_) => parcels.recv_deadline(until),
        };
        let Ok(parcel) = next else { break };
        total += weight(&parcel);
        gathered.push(parcel);
    }
    Some(gathered)
}

fn send_endings(
    settle: &Sender<SettleTask>,
    work: &Arc<Work>,
    delivery: Delivery,
    outcomes: Vec<Outcome>,
    mut letters: Vec<(usize, DeadLetter)>,
) {
    assert_eq!(outcomes.len(), delivery.messages.len(), "a warehouse answers for each message");
    let mut endings = Vec::with_capacity(SETTLE_AT_ONCE);
    for (place, (message, outcome)) in delivery.messages.into_iter().zip(outcomes).enumerate() {
        let letter = letters
            .iter()
            .position(|(of, _)| *of == place)
            .map(|found| letters.swap_remove(found).1);
        endings.push((OsString::from(&message.id), ending(&message, outcome, letter)));
        if endings.len() == SETTLE_AT_ONCE {
            // The settlers outlive the deliverers.
            let _ = settle.send(SettleTask { work: Arc::clone(work), endings: std::mem::take(&mut endings) });
        }
    }
    if !endings.is_empty() {
        let _ = settle.send(SettleTask { work: Arc::clone(work), endings });
    }
}

fn ending(message: &Message, outcome: Outcome, letter: Option<DeadLetter>) -> Ending {
    let (rows, rescued) = (message.rows.len() as u64, u64::from(message.rescued));
    match (outcome, letter) {
        // What is dead of older content needs nobody any more.
        (Outcome::Superseded, _) => Ending::Superseded { bytes: message.bytes },
        (Outcome::Loaded, Some(letter)) => {
            Ending::PartlyDead { letter, rows, rescued, dead_rows: u64::from(message.dead) }
        }
        (Outcome::AlreadyLoaded, Some(letter)) => Ending::Dead(letter),
        (Outcome::Loaded, None) => Ending::Delivered { rows, rescued, bytes: message.bytes },
        (Outcome::AlreadyLoaded, None) => Ending::AlreadyLoaded { bytes: message.bytes },
    }
}

/// The rows are dropped, the files stay claimed and are read again when the table is tried again.
fn leave_for_later<'a>(
    shared: &Shared,
    deliveries: &[Delivery],
    works: impl Iterator<Item = &'a Arc<Work>>,
    error: &WarehouseError,
) {
    let mut logged: Vec<&str> = Vec::new();
    for (delivery, work) in deliveries.iter().zip(works) {
        let dataset = &*delivery.dataset;
        if !logged.contains(&dataset) {
            logged.push(dataset);
            log_failure(dataset, error);
        }
        work.leave_for_later(shared.tables.park(dataset, error));
        work.end(delivery.messages.len() as u64);
    }
}
