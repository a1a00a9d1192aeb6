//! One worker, from its first look at the spool to its last.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use super::burials::Burials;
use super::coordinate::Coordinator;
use super::memory_budget::Budget;
use super::run_totals::Tally;
use super::stages::{self, Stages};
use super::table_states::Tables;
use super::{Settings, Shared};
use crate::signals::Stop;
use crate::spool::{Layout, SpoolError, Worker, ready_messages};
use crate::warehouse::Warehouse;

/// Files that a worker may want to open at once.
const OPEN_FILES: u64 = 8_192;

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Messages that stay in the spool although nobody writes them: they can't be read, or the warehouse did not take
    /// them.
    pub left: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Batches, connections and files being read need more than the 1,024 that a process may open by default.
fn open_files_as_allowed() {
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

/// Runs one worker on a spool until it is told to stop, or, with `once`, until nothing is left to do.
pub fn run(
    settings: Settings,
    layout: Layout,
    worker: Worker,
    warehouse: Arc<dyn Warehouse>,
    tally: Arc<Tally>,
    stop: Stop,
) -> Result<Ended, PipelineError> {
    open_files_as_allowed();
    let worker = Arc::new(worker);
    tracing::info!(worker = worker.name(), spool = %layout.root().display(), warehouse = warehouse.name(), "ready");
    let shared = Arc::new(Shared {
        worker_name: Arc::from(worker.name()),
        tables: Tables::new(Arc::clone(&warehouse), Arc::clone(&tally)),
        budget: Budget::new(settings.in_flight_bytes, Arc::clone(&tally)),
        settings,
        layout,
        tally,
        burials: Burials::default(),
        upstream: AtomicU64::new(0),
        gathering: Mutex::new(()),
        stop,
    });
    let Stages { works, threads } = stages::start(&shared, &warehouse).map_err(PipelineError::Thread)?;
    let mut coordinator = Coordinator::new(&shared, &worker, warehouse, works);
    let mut ended = coordinator.work()?;
    coordinator.finish(threads);
    drop(coordinator);
    if shared.settings.once && shared.stop.requested() {
        // What was given back, what was never claimed, and what stays claimed for the next worker.
        ended.left = ended.left.max(ready_messages(&shared.layout) + u64::from(worker.has_batches()));
    }
    match Arc::try_unwrap(worker) {
        Ok(worker) => worker.retire()?,
        Err(_) => tracing::debug!("a stage is still at work: the worker's folder stays for the next worker"),
    }
    Ok(ended)
}
