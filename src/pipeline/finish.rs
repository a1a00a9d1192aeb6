//! Delivers whole batches, each in one step.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::failure_log::log_failure;
use super::gather::WholeBatch;
use super::outcomes::{AnsweredMessages, send_endings};
use super::run_context::RunContext;
use super::run_totals::Tally;
use super::settle::SettleTask;
use crate::keeper::log_spool_failure;
use crate::warehouse::{BulkOutcome, MessageOutcome};

/// After a disk failed to sync, a batch waits this long.
const SYNC_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Delivers complete batches, until no more will come.
pub(super) fn finish_all(run: &RunContext, complete: &Receiver<WholeBatch>, settle: &Sender<SettleTask>) {
    for batch in complete {
        let WholeBatch { ticket, dataset, bulk, messages, letters } = batch;
        // A load job is known again by the batch's id. After a power cut that undid the claim, nobody would ask for it.
        if let Err(error) = ticket.batch.sync() {
            log_spool_failure(&error);
            ticket.leave_for_later(SYNC_AGAIN_AFTER);
            continue;
        }
        ticket.note_perhaps_delivered();
        match bulk.finish() {
            Ok(BulkOutcome::Loaded) => {
                let outcomes = vec![MessageOutcome::Loaded; messages.len()];
                send_endings(run, settle, &ticket, AnsweredMessages { dataset, messages, outcomes, letters });
            }
            Ok(BulkOutcome::Refused) => {
                tracing::warn!(
                    dataset = &*dataset,
                    batch = &*ticket.id,
                    files = messages.len(),
                    "the warehouse refuses a batch because of some of its rows: it goes row by row"
                );
                ticket.stream_from_now_on();
                ticket.leave_for_later(Duration::ZERO);
            }
            Err(error) => {
                log_failure(&dataset, &error);
                Tally::add(&run.tally.failed_loads, 1);
                ticket.leave_for_table(run.tables.park(&dataset, &error));
            }
        }
    }
}
