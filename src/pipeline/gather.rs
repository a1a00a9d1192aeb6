//! Whole batches, for warehouses that take a backlog that way: rows are gathered until the batch is complete, and then
//! delivered in one step.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::Shared;
use super::deliver::{Loaded, send_endings};
use super::failure_log::log_failure;
use super::parcel::Parcel;
use super::run_totals::Tally;
use super::settle::SettleTask;
use super::work::Work;
use crate::keeper::log_spool_failure;
use crate::spool::DeadLetter;
use crate::warehouse::{Bulk, Message, Outcome, Warehouse};

/// After a disk that would not sync.
const SYNC_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What comes to a gatherer. All parcels of a batch come before its end.
pub(super) enum Step {
    Parcel(Parcel),
    End(Arc<Work>),
}

/// A batch whose rows are all there.
pub(super) struct Gathered {
    work: Arc<Work>,
    dataset: Arc<str>,
    bulk: Box<dyn Bulk>,
    messages: Vec<Message>,
    letters: Vec<(usize, DeadLetter)>,
}

/// Gathers the batches that come, until no more will.
///
/// A batch some of whose messages stay in its folder for a later try is not delivered in this pass: the whole folder
/// must be what was delivered, or the next worker would take those messages for delivered.
pub(super) fn gather_all(
    shared: &Shared,
    warehouse: &dyn Warehouse,
    steps: &Receiver<Step>,
    complete: &Sender<Gathered>,
) {
    let mut open: HashMap<Arc<str>, Gathered> = HashMap::new();
    for step in steps {
        match step {
            Step::Parcel(parcel) => {
                let id = Arc::clone(&parcel.work.id);
                let earlier = open.remove(&id);
                if let Some(gathered) = add(shared, warehouse, earlier, parcel) {
                    open.insert(id, gathered);
                }
            }
            Step::End(work) => match open.remove(&work.id) {
                Some(gathered) if work.is_left_for_later() => leave(&gathered, Duration::ZERO),
                // The finishers outlive the gatherers.
                Some(gathered) => drop(complete.send(gathered)),
                None => {}
            },
        }
    }
}

fn add(
    shared: &Shared,
    warehouse: &dyn Warehouse,
    earlier: Option<Gathered>,
    parcel: Parcel,
) -> Option<Gathered> {
    let Parcel { delivery, work, letters, permit } = parcel;
    let begun = match earlier {
        // In the folder of no known dataset messages say what they are, and a job is for one table.
        Some(gathered) if gathered.dataset != delivery.dataset => {
            work.give_up_bulk();
            leave(&gathered, Duration::ZERO);
            None
        }
        Some(gathered) => Some(gathered),
        None if work.is_left_for_later() || !work.is_bulk() => None,
        None => warehouse.begin_bulk(&delivery.dataset, &work.id, !work.is_perhaps_delivered()).map(|bulk| {
            Gathered {
                work: Arc::clone(&work),
                dataset: Arc::clone(&delivery.dataset),
                bulk,
                messages: Vec::new(),
                letters: Vec::new(),
            }
        }),
    };
    let Some(mut gathered) = begun else {
        // Not in this pass; and where the warehouse takes no whole batches, the files go as they are read.
        if !work.is_left_for_later() {
            work.give_up_bulk();
        }
        work.leave_for_later(Duration::ZERO);
        work.end(delivery.messages.len() as u64);
        return None;
    };
    let added = gathered.bulk.add(&delivery);
    drop(permit);
    let before = gathered.messages.len();
    gathered.letters.extend(letters.into_iter().map(|(place, letter)| (before + place, letter)));
    gathered.messages.extend(delivery.messages);
    match added {
        Ok(()) => Some(gathered),
        Err(error) => {
            log_failure(&gathered.dataset, &error);
            Tally::add(&shared.tally.failed_loads, 1);
            let delay = shared.tables.park(&gathered.dataset, &error);
            gathered.work.leave_for_table(delay);
            leave(&gathered, delay);
            None
        }
    }
}

/// Delivers complete batches, until no more will come.
pub(super) fn finish_all(shared: &Shared, complete: &Receiver<Gathered>, settle: &Sender<SettleTask>) {
    for gathered in complete {
        // The batch's id is how a job is known again. After a power cut that undid the claim nobody would ask for it.
        if let Err(error) = gathered.work.batch.sync() {
            log_spool_failure(&error);
            leave(&gathered, SYNC_AGAIN_AFTER);
            continue;
        }
        let Gathered { work, dataset, bulk, messages, letters } = gathered;
        work.note_perhaps_delivered();
        match bulk.finish() {
            Ok(true) => {
                let outcomes = vec![Outcome::Loaded; messages.len()];
                send_endings(shared, settle, &work, Loaded { dataset, messages, outcomes, letters });
            }
            Ok(false) => {
                tracing::warn!(
                    dataset = &*dataset,
                    batch = &*work.id,
                    files = messages.len(),
                    "the warehouse refuses a batch because of some of its rows: it goes row by row"
                );
                work.give_up_bulk();
                work.leave_for_later(Duration::ZERO);
                work.end(messages.len() as u64);
            }
            Err(error) => {
                log_failure(&dataset, &error);
                Tally::add(&shared.tally.failed_loads, 1);
                work.leave_for_table(shared.tables.park(&dataset, &error));
                work.end(messages.len() as u64);
            }
        }
    }
}

fn leave(gathered: &Gathered, delay: Duration) {
    gathered.work.leave_for_later(delay);
    gathered.work.end(gathered.messages.len() as u64);
}
