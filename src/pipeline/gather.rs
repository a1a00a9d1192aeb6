//! Collects the rows of whole batches, for warehouses that take a backlog that way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::failure_log::log_failure;
use super::outlets::GatherStep;
use super::parcel::Parcel;
use super::run_context::RunContext;
use super::run_totals::Tally;
use super::work::Ticket;
use crate::spool::DeadLetter;
use crate::warehouse::{Bulk, DeliveryMessage, Warehouse};

/// A batch and the rows of all of its messages that have been read.
pub(super) struct WholeBatch {
    pub(super) ticket: Ticket,
    pub(super) dataset: Arc<str>,
    pub(super) bulk: Box<dyn Bulk>,
    pub(super) messages: Vec<DeliveryMessage>,
    /// The letters of messages some of whose rows are bad, each with the index of its message in `messages`.
    pub(super) letters: Vec<(usize, DeadLetter)>,
}

/// Collects batches until no more will come, and sends each one on when it is complete.
///
/// A batch is not delivered in this pass if some of its messages stay in its folder for a later one. Only the whole
/// folder may be delivered under the batch's id, because the next worker takes all messages in it for delivered.
pub(super) fn gather_all(
    run: &RunContext,
    warehouse: &dyn Warehouse,
    steps: &Receiver<GatherStep>,
    complete: &Sender<WholeBatch>,
) {
    let mut open: HashMap<Arc<str>, WholeBatch> = HashMap::new();
    for step in steps {
        match step {
            GatherStep::Parcel(parcel) => {
                let id = Arc::clone(&parcel.ticket.id);
                let begun = open.remove(&id);
                if let Some(batch) = add(run, warehouse, begun, parcel) {
                    open.insert(id, batch);
                }
            }
            GatherStep::End(ticket) => {
                if let Some(batch) = open.remove(&ticket.id)
                    && !ticket.is_left_for_later()
                {
                    // The finishers outlive the gatherers.
                    let _ = complete.send(batch);
                }
            }
        }
    }
}

/// Adds a parcel to its batch. `None`: the batch is not delivered as a whole in this pass.
fn add(
    run: &RunContext,
    warehouse: &dyn Warehouse,
    begun: Option<WholeBatch>,
    parcel: Parcel,
) -> Option<WholeBatch> {
    let Parcel { delivery, ticket, letters, permit } = parcel;
    let begun = match begun {
        // The messages of a folder of no known dataset may be of several, and a bulk delivery is for one table.
        Some(batch) if batch.dataset != delivery.dataset => {
            ticket.stream_from_now_on();
            None
        }
        Some(batch) => Some(batch),
        None if ticket.is_left_for_later() || !ticket.is_whole() => None,
        None => {
            let begun = warehouse.begin_bulk(&delivery.dataset, &ticket.id, !ticket.is_perhaps_delivered());
            if begun.is_none() {
                // The warehouse takes no batches as a whole.
                ticket.stream_from_now_on();
            }
            begun.map(|bulk| WholeBatch {
                ticket: ticket.clone(),
                dataset: Arc::clone(&delivery.dataset),
                bulk,
                messages: Vec::new(),
                letters: Vec::new(),
            })
        }
    };
    let Some(mut batch) = begun else {
        ticket.leave_for_later(Duration::ZERO);
        return None;
    };
    let added = batch.bulk.add(&delivery);
    drop(permit);
    let before = batch.messages.len();
    batch.letters.extend(letters.into_iter().map(|(index, letter)| (before + index, letter)));
    batch.messages.extend(delivery.messages);
    match added {
        Ok(()) => Some(batch),
        Err(error) => {
            log_failure(&batch.dataset, &error);
            Tally::add(&run.tally.failed_loads, 1);
            ticket.leave_for_table(run.tables.park(&batch.dataset, &error));
            None
        }
    }
}
