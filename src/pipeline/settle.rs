//! Settles messages: deletes, keeps or buries their files. That waits for the disk, so many threads do it.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::burials::LettersOfDataset;
use super::ending::Ending;
use super::obsolete_letters::delete_obsolete_letters;
use super::run_context::RunContext;
use super::run_details::DatasetFigures;
use super::work::{Ticket, Work};
use crate::keeper::log_spool_failure;
use crate::spool::{self, DeadLetter, SpoolError};

/// A message that could not be settled is tried again after this time.
const SETTLE_RETRY: Duration = Duration::from_secs(10);

/// How long a message waits for the burial of an earlier one of its name.
const AFTER_BURIAL: Duration = Duration::from_millis(100);

/// The most messages in one task.
pub(super) const SETTLE_AT_ONCE: usize = 32;

/// About what a report takes of the disk. The next count of `dead` corrects it.
const REPORT_BYTES: u64 = 4_096;

/// Nice value: 0 is normal, 19 the lowest priority. Rows that are in the warehouse can wait. With the normal value, two
/// cores would take half as long again to claim a backlog.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Messages of one table, and what became of each.
pub(super) struct SettleTask {
    ticket: Ticket,
    dataset: Arc<str>,
    endings: Vec<(OsString, Ending)>,
}

impl SettleTask {
    pub(super) fn new(
        run: &RunContext,
        ticket: Ticket,
        dataset: &Arc<str>,
        endings: Vec<(OsString, Ending)>,
    ) -> SettleTask {
        run.burials.begin(ticket.batch.label(), &endings);
        SettleTask { ticket, dataset: Arc::clone(dataset), endings }
    }
}

/// Settles messages, until no more will come.
pub(super) fn settle_all(run: &RunContext, tasks: &Receiver<SettleTask>) {
    // On Linux this changes the calling thread only.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "settlers can't be made nice");
    }
    for SettleTask { ticket, dataset, endings } in tasks {
        let label = ticket.batch.label();
        let mut letters = LettersOfDataset::new(&run.burials, &run.layout, label);
        let mut settled = DatasetFigures::default();
        for (name, ending) in endings {
            if ending.is_whole() {
                if run.burials.is_under_way(label, &name) {
                    ticket.keep_unsettled(name, ending, AFTER_BURIAL);
                    continue;
                }
                if let Some(dead) = letters.folder() {
                    delete_obsolete_letters(run, &ticket, dead, &name);
                }
            }
            match settle(run, &ticket, &name, &ending) {
                Ok(()) => settled.add(&ending),
                Err(error) => {
                    log_spool_failure(&error);
                    run.tables.files_stuck(&dataset, &error);
                    ticket.keep_unsettled(name, ending, SETTLE_RETRY);
                }
            }
        }
        // Before the ticket is dropped: the coordinator ends a drain by these numbers.
        run.tally.figures.add(&dataset, settled);
    }
}

fn settle(run: &RunContext, work: &Work, name: &OsStr, ending: &Ending) -> Result<(), SpoolError> {
    if let Some(letter) = ending.letter() {
        let buried = bury(run, work, name, letter);
        run.burials.end(work.batch.label(), name);
        return buried;
    }
    spool::settle_delivered(&run.layout, &work.batch, name, run.settings.keep)?;
    if let Ending::Superseded { bytes } = ending {
        tracing::info!(
            folder = work.batch.label().as_str(), message_id = %name.to_string_lossy(), bytes,
            "not loaded: other content under its name that was written later is in; irispool_superseded has it"
        );
    }
    Ok(())
}

fn bury(run: &RunContext, work: &Work, name: &OsStr, letter: &DeadLetter) -> Result<(), SpoolError> {
    let found = work.batch.path().join(name).symlink_metadata();
    let bytes = found.map_or(0, |found| spool::disk_bytes(found.len(), found.blocks()));
    spool::bury(&run.layout, &run.worker_name, &work.batch, name, letter)?;
    run.tally.figures.keeper.dead.add_buried(bytes + REPORT_BYTES);
    tracing::warn!(
        folder = work.batch.label().as_str(), message_id = %name.to_string_lossy(), stage = letter.stage.as_str(), reason = letter.reason,
        "a message went to dead"
    );
    Ok(())
}
