//! What is delivered is deleted (or kept), what can't be is buried. Deleting waits for the disk, so many threads do it.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::Shared;
use super::burials::Dead;
use super::obsolete_letters::see_to_letters;
use super::run_details::DatasetFigures;
use super::run_totals::Tally;
use super::work::Work;
use crate::keeper::log_spool_failure;
use crate::spool::{self, DeadLetter};

/// A message that could not be settled is tried again after this.
const SETTLE_RETRY: Duration = Duration::from_secs(10);

/// A message waits so long for the burial of an earlier one of its name.
const AFTER_BURIAL: Duration = Duration::from_millis(100);

/// Messages settled by one thread at a time.
pub(super) const SETTLE_AT_ONCE: usize = 32;

/// What a report takes of the disk, mostly; the next count knows better.
const REPORT_BYTES: u64 = 4_096;

pub(super) struct SettleTask {
    work: Arc<Work>,
    dataset: Arc<str>,
    endings: Vec<(OsString, Ending)>,
}

impl SettleTask {
    pub(super) fn new(
        shared: &Shared,
        work: &Arc<Work>,
        dataset: &Arc<str>,
        endings: Vec<(OsString, Ending)>,
    ) -> SettleTask {
        shared.burials.begin(work.batch.label(), &endings);
        SettleTask { work: Arc::clone(work), dataset: Arc::clone(dataset), endings }
    }
}

#[derive(Debug)]
pub(super) enum Ending {
    /// Its rows are in the warehouse.
    Delivered {
        rows: u64,
        rescued: u64,
        bytes: u64,
    },
    AlreadyLoaded {
        bytes: u64,
    },
    Superseded {
        bytes: u64,
    },
    /// All of it, or some of its rows, can't be delivered; `rows` of it are.
    Dead(DeadLetter),
    /// The same, with what was delivered.
    PartlyDead {
        letter: DeadLetter,
        rows: u64,
        rescued: u64,
        dead_rows: u64,
    },
}

impl Ending {
    /// All that the message has is in the warehouse.
    fn is_whole(&self) -> bool {
        matches!(self, Ending::Delivered { .. } | Ending::AlreadyLoaded { .. })
    }

    pub(super) fn is_dead(&self) -> bool {
        matches!(self, Ending::Dead(_) | Ending::PartlyDead { .. })
    }
}

/// What a settler yields of the processor to the threads before it, as a nice value: rows that are in can wait, and on
/// two cores the claims of a backlog would take half as long again.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

pub(super) fn settle_all(shared: &Shared, tasks: &Receiver<SettleTask>) {
    // On Linux this is about the calling thread only.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "settlers can't be made nice");
    }
    for task in tasks {
        let count = task.endings.len() as u64;
        let mut settled = DatasetFigures::default();
        let label = task.work.batch.label();
        let mut dead = Dead::of(shared, label);
        for (name, ending) in task.endings {
            if ending.is_whole() {
                if shared.burials.is_under_way(label, &name) {
                    task.work.keep_unsettled(name, ending, AFTER_BURIAL);
                    continue;
                }
                if let Some(dead) = dead.folder() {
                    see_to_letters(shared, &task.work, dead, &name);
                }
            }
            settle(shared, &task.work, &task.dataset, name, ending, &mut settled);
        }
        shared.tally.figures.add(&task.dataset, settled);
        task.work.end(count);
    }
}

fn settle(
    shared: &Shared,
    work: &Work,
    dataset: &str,
    name: OsString,
    ending: Ending,
    settled: &mut DatasetFigures,
) {
    let layout = &shared.layout;
    let bury = |letter: &DeadLetter| {
        let found = work.batch.path().join(&name).symlink_metadata();
        let bytes = found.map_or(0, |found| spool::disk_bytes(found.len(), found.blocks()));
        spool::bury(layout, &shared.worker_name, &work.batch, &name, letter)?;
        shared.tally.figures.keeper.dead.add_buried(bytes + REPORT_BYTES);
        tracing::warn!(
            folder = work.batch.label(), message_id = %name.to_string_lossy(), stage = letter.stage, reason = letter.reason,
            "a message went to dead"
        );
        Ok(())
    };
    let result = match &ending {
        Ending::Dead(letter) | Ending::PartlyDead { letter, .. } => {
            let buried = bury(letter);
            shared.burials.end(work.batch.label(), &name);
            buried
        }
        _ => spool::settle_delivered(layout, &work.batch, &name, shared.settings.keep),
    };
    if let Err(error) = result {
        log_spool_failure(&error);
        shared.tables.files_stuck(dataset, &error);
        work.keep_unsettled(name, ending, SETTLE_RETRY);
        return;
    }
    count(&shared.tally, &ending);
    if let Ending::Superseded { bytes } = ending {
        tracing::info!(
            folder = work.batch.label(), message_id = %name.to_string_lossy(), bytes,
            "not loaded: other content under its name that was written later is in; irispool_superseded has it"
        );
    }
    match ending {
        Ending::Delivered { rows, rescued, bytes } => {
            settled.delivered += 1;
            settled.rows += rows;
            settled.rescued_rows += rescued;
            settled.bytes += bytes;
        }
        Ending::AlreadyLoaded { bytes } | Ending::Superseded { bytes } => {
            settled.delivered += 1;
            settled.bytes += bytes;
        }
        Ending::Dead(letter) => settled.add_dead(letter.stage, &letter.reason),
        Ending::PartlyDead { letter, rows, rescued, .. } => {
            settled.add_dead(letter.stage, &letter.reason);
            settled.rows += rows;
            settled.rescued_rows += rescued;
        }
    }
}

fn count(tally: &Tally, ending: &Ending) {
    match *ending {
        Ending::Delivered { rows, rescued, bytes } => {
            Tally::add(&tally.delivered, 1);
            Tally::add(&tally.rows, rows);
            Tally::add(&tally.rescued_rows, rescued);
            Tally::add(&tally.bytes, bytes);
        }
        Ending::AlreadyLoaded { bytes } => {
            Tally::add(&tally.delivered, 1);
            Tally::add(&tally.already_loaded, 1);
            Tally::add(&tally.bytes, bytes);
        }
        Ending::Superseded { bytes } => {
            Tally::add(&tally.delivered, 1);
            Tally::add(&tally.superseded, 1);
            Tally::add(&tally.bytes, bytes);
        }
        Ending::Dead(_) => Tally::add(&tally.dead, 1),
        Ending::PartlyDead { rows, rescued, dead_rows, .. } => {
            Tally::add(&tally.dead, 1);
            Tally::add(&tally.rows, rows);
            Tally::add(&tally.rescued_rows, rescued);
            Tally::add(&tally.dead_rows, dead_rows);
        }
    }
}
