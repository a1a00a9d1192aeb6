//! Collects parcels for one load, loads them, and sends what became of each message to the settlers.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::failure_log::log_failure;
use super::outcomes::{AnsweredMessages, send_endings};
use super::parcel::Parcel;
use super::run_context::RunContext;
use super::run_totals::Tally;
use super::settle::SettleTask;
use crate::locks::Unpoisoned;
use crate::warehouse::{Delivery, Warehouse};

/// How often a drain checks whether more rows may still come.
const CHECK_INTERVAL: Duration = Duration::from_millis(2);

/// Loads parcels, until no more will come.
pub(super) fn deliver_all(
    run: &RunContext,
    warehouse: &dyn Warehouse,
    parcels: &Receiver<Parcel>,
    settle: &Sender<SettleTask>,
) {
    while let Some(collected) = collect(run, parcels) {
        let mut deliveries = Vec::with_capacity(collected.len());
        let mut unanswered = Vec::with_capacity(collected.len());
        for parcel in collected {
            deliveries.push(parcel.delivery);
            unanswered.push(Mutex::new(Some((parcel.ticket, parcel.letters, parcel.permit))));
        }
        let failed: Mutex<HashSet<Arc<str>>> = Mutex::default();
        let began = Instant::now();
        warehouse.load_each(&deliveries, &|index, result| {
            let parcel = unanswered[index].lock().unpoisoned().take();
            let (ticket, letters, _permit) = parcel.expect("a warehouse answers once for each delivery");
            let Delivery { dataset, messages, .. } = &deliveries[index];
            match result {
                Ok(outcomes) => {
                    ticket.note_table_works();
                    let (dataset, messages) = (Arc::clone(dataset), messages.clone());
                    send_endings(
                        run,
                        settle,
                        &ticket,
                        AnsweredMessages { dataset, messages, outcomes, letters },
                    );
                }
                Err(error) => {
                    // The rows are dropped. The files stay claimed and are read again when the table is tried again.
                    if failed.lock().unpoisoned().insert(Arc::clone(dataset)) {
                        log_failure(dataset, &error);
                        Tally::add(&run.tally.failed_loads, 1);
                    }
                    ticket.leave_for_table(run.tables.park(dataset, &error));
                }
            }
        });
        run.tally.figures.load.add(began.elapsed());
        let is_answered = |parcel: &Mutex<Option<_>>| parcel.lock().unpoisoned().is_none();
        assert!(unanswered.iter().all(is_answered), "a warehouse answers for each delivery");
        // At the end of a drain, while the last files are deleted.
        if run.settings.once && run.upstream.load(Ordering::Acquire) == 0 && parcels.is_empty() {
            warehouse.rest();
        }
    }
}

/// Waits for a parcel, and then for more of them until there are enough rows or the first one has waited long enough.
/// `None` when no more will come.
fn collect(run: &RunContext, parcels: &Receiver<Parcel>) -> Option<Vec<Parcel>> {
    let _collecting = run.collecting.lock().unpoisoned();
    let first = parcels.recv().ok()?;
    let until = Instant::now() + run.settings.flush_interval;
    let weight = |parcel: &Parcel| parcel.delivery.rows.len() + parcel.delivery.messages.len();
    let mut total = weight(&first);
    let mut collected = vec![first];
    while total < run.settings.batch_rows as usize {
        let nothing_comes =
            run.stop.requested() || run.settings.once && run.upstream.load(Ordering::Acquire) == 0;
        let parcel = match parcels.try_recv() {
            Ok(parcel) => parcel,
            Err(_) if nothing_comes || Instant::now() >= until => break,
            // Only for a moment: nothing wakes this thread when a drain has read its last message.
            Err(_) => match parcels.recv_deadline(until.min(Instant::now() + CHECK_INTERVAL)) {
                Ok(parcel) => parcel,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            },
        };
        total += weight(&parcel);
        collected.push(parcel);
    }
    Some(collected)
}
