//! The threads of the stages behind the coordinator, and the channels between them.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, bounded, unbounded};

use super::parcel::Outlets;
use super::table_lookup::Ahead;
use super::work::Work;
use super::{Shared, deliver, gather, list, settle};
use crate::warehouse::Warehouse;

/// Parcels waiting for delivery, or to be put into a bulk batch. Three times as many gain some two parts in a hundred of the
/// time, and take 15 MiB more.
const PARCELS_WAITING_MAX: usize = 64;

/// Threads that put bulk batches together.
const GATHERERS: usize = 2;

/// Bulk batches that are being delivered at once.
const FINISHERS: usize = 8;

/// Settle tasks waiting for a free thread.
const SETTLE_TASKS_WAITING_MAX: usize = 512;

/// The way into the stages, and their threads: they end when nothing can come in any more.
pub(super) struct Stages {
    pub(super) works: Sender<Arc<Work>>,
    pub(super) threads: Vec<JoinHandle<()>>,
}

pub(super) fn start(shared: &Arc<Shared>, warehouse: &Arc<dyn Warehouse>) -> io::Result<Stages> {
    let (works_sender, works) = unbounded::<Arc<Work>>();
    let (parcel_sender, parcels) = bounded(PARCELS_WAITING_MAX);
    let (settle_sender, settle_tasks) = bounded(SETTLE_TASKS_WAITING_MAX);
    let mut threads = Vec::new();
    let mut start = |name: String, body: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name).spawn(body).map(|thread| threads.push(thread))
    };
    let readers = rayon::ThreadPoolBuilder::new()
        .num_threads(shared.settings.readers)
        .thread_name(|number| format!("read-{number}"))
        .build()
        .map_err(io::Error::other)?;
    let mut outlets = Outlets { parcels: parcel_sender, steps: Vec::new(), settle: settle_sender.clone() };
    let (complete_sender, complete) = bounded(FINISHERS);
    for number in 0..GATHERERS {
        let (step_sender, steps) = bounded(PARCELS_WAITING_MAX);
        outlets.steps.push(step_sender);
        let (shared, warehouse) = (Arc::clone(shared), Arc::clone(warehouse));
        let complete = complete_sender.clone();
        start(
            format!("gather-{number}"),
            Box::new(move || gather::gather_all(&shared, &*warehouse, &steps, &complete)),
        )?;
    }
    drop(complete_sender);
    for number in 0..FINISHERS {
        let (shared, complete, settle) = (Arc::clone(shared), complete.clone(), settle_sender.clone());
        start(format!("finish-{number}"), Box::new(move || gather::finish_all(&shared, &complete, &settle)))?;
    }
    let lister_shared = Arc::clone(shared);
    let ahead = Ahead::new(warehouse.tables_at_once())?;
    start(
        "list".to_owned(),
        Box::new(move || list::list_all(&lister_shared, ahead, &readers, &works, &outlets)),
    )?;
    for number in 0..warehouse.parallelism() {
        let (shared, warehouse) = (Arc::clone(shared), Arc::clone(warehouse));
        let (parcels, settle) = (parcels.clone(), settle_sender.clone());
        start(
            format!("deliver-{number}"),
            Box::new(move || deliver::deliver_all(&shared, &*warehouse, &parcels, &settle)),
        )?;
    }
    for number in 0..shared.settings.settlers {
        let (shared, tasks) = (Arc::clone(shared), settle_tasks.clone());
        start(format!("settle-{number}"), Box::new(move || settle::settle_all(&shared, &tasks)))?;
    }
    Ok(Stages { works: works_sender, threads })
}
