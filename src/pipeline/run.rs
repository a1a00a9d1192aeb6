//! One worker, from its first look at the spool to its last.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use super::burials::Burials;
use super::coordinator::Coordinator;
use super::memory_budget::MemoryBudget;
use super::run_context::RunContext;
use super::run_totals::Tally;
use super::settings::Settings;
use super::stages::{self, Stages};
use super::table_states::TableStates;
use crate::signals::Stop;
use crate::spool::{Layout, SpoolError, Worker, ready_messages};
use crate::warehouse::Warehouse;

/// Files that a worker may want to open at once.
const OPEN_FILES: u64 = 8_192;

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Messages that stay in the spool although nobody is writing them: they can't be read, or the warehouse did not
    /// take them.
    pub left: u64,
}

/// Why a worker can't run at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PipelineError {
    /// The spool can't be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The system starts no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Runs one worker on a spool until it is told to stop, or, with `once`, until nothing is left to do.
///
/// # Errors
/// When the spool can't be used at the start, or the system starts no more threads.
pub(crate) fn run(
    settings: Settings,
    layout: Layout,
    worker: Worker,
    warehouse: Arc<dyn Warehouse>,
    tally: Arc<Tally>,
    stop: Stop,
) -> Result<Ended, PipelineError> {
    raise_open_files_limit();
    let worker = Arc::new(worker);
    tracing::info!(worker = worker.name(), spool = %layout.root().display(), warehouse = warehouse.name(), "ready");
    let run = Arc::new(RunContext {
        worker_name: Arc::from(worker.name()),
        tables: TableStates::new(Arc::clone(&warehouse), Arc::clone(&tally)),
        budget: MemoryBudget::new(settings.in_flight_bytes, Arc::clone(&tally)),
        settings,
        layout,
        tally,
        burials: Burials::default(),
        upstream: AtomicU64::new(0),
        collecting: Mutex::new(()),
        stop,
    });
    let Stages { batches, threads } = stages::start(&run, &warehouse).map_err(PipelineError::Thread)?;
    let mut coordinator = Coordinator::new(&run, &worker, warehouse, batches);
    let mut left = coordinator.go_rounds()?;
    coordinator.finish(threads);
    drop(coordinator);
    if run.settings.once && run.stop.requested() {
        // What was given back, what was never claimed, and what stays claimed for the next worker.
        left = left.max(ready_messages(&run.layout) + u64::from(worker.has_batches()));
    }
    match Arc::try_unwrap(worker) {
        Ok(worker) => worker.retire()?,
        Err(_) => tracing::debug!("a stage is still at work: the worker's folder stays for the next worker"),
    }
    Ok(Ended { left })
}

/// Batches, connections and files being read need more than the 1,024 that a process may open by default.
fn raise_open_files_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted =
        Rlimit { current: limit.maximum.or(Some(OPEN_FILES)).map(|most| most.min(OPEN_FILES)), ..limit };
    if limit.current.is_some_and(|now| now < OPEN_FILES)
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
