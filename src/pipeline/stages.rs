//! Starts the threads of the stages behind the coordinator, with the channels between them.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, bounded, unbounded};

use super::deliver::deliver_all;
use super::finish::finish_all;
use super::gather::gather_all;
use super::list::list_all;
use super::outlets::Outlets;
use super::run_context::RunContext;
use super::settle::settle_all;
use super::table_lookup::TableLookups;
use super::work::Ticket;
use crate::warehouse::Warehouse;

/// Parcels that wait for the deliverers, and for each gatherer. 192 would be about 2 % faster and cost 15 MiB.
const PARCELS_WAITING_MAX: usize = 64;

/// Threads that collect the rows of whole batches.
const GATHERERS: usize = 2;

/// Threads that deliver whole batches, and so the most batches that are delivered at once.
const FINISHERS: usize = 8;

/// Settle tasks that wait for a free thread.
const SETTLE_TASKS_WAITING_MAX: usize = 512;

/// The way into the stages, and their threads. The threads end when the sender is dropped and they have done what they
/// hold.
pub(super) struct Stages {
    pub(super) batches: Sender<Ticket>,
    pub(super) threads: Vec<JoinHandle<()>>,
}

/// Starts every thread of the stages.
///
/// # Errors
/// When the system starts no more threads.
pub(super) fn start(run: &Arc<RunContext>, warehouse: &Arc<dyn Warehouse>) -> io::Result<Stages> {
    let (batch_sender, batches) = unbounded::<Ticket>();
    let (parcel_sender, parcels) = bounded(PARCELS_WAITING_MAX);
    let (settle_sender, settle_tasks) = bounded(SETTLE_TASKS_WAITING_MAX);
    let mut threads = Vec::new();
    let mut start = |name: String, body: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name).spawn(body).map(|thread| threads.push(thread))
    };
    let readers = rayon::ThreadPoolBuilder::new()
        .num_threads(run.settings.readers)
        .thread_name(|number| format!("read-{number}"))
        .build()
        .map_err(io::Error::other)?;
    let mut outlets = Outlets { parcels: parcel_sender, steps: Vec::new(), settle: settle_sender.clone() };
    let (complete_sender, complete) = bounded(FINISHERS);
    for number in 0..GATHERERS {
        let (step_sender, steps) = bounded(PARCELS_WAITING_MAX);
        outlets.steps.push(step_sender);
        let (run, warehouse) = (Arc::clone(run), Arc::clone(warehouse));
        let complete = complete_sender.clone();
        start(
            format!("gather-{number}"),
            Box::new(move || gather_all(&run, &*warehouse, &steps, &complete)),
        )?;
    }
    drop(complete_sender);
    for number in 0..FINISHERS {
        let (run, complete, settle) = (Arc::clone(run), complete.clone(), settle_sender.clone());
        start(format!("finish-{number}"), Box::new(move || finish_all(&run, &complete, &settle)))?;
    }
    let lister_run = Arc::clone(run);
    let lookups = TableLookups::new(warehouse.tables_at_once())?;
    start("list".to_owned(), Box::new(move || list_all(&lister_run, lookups, &readers, &batches, &outlets)))?;
    for number in 0..warehouse.parallelism() {
        let (run, warehouse) = (Arc::clone(run), Arc::clone(warehouse));
        let (parcels, settle) = (parcels.clone(), settle_sender.clone());
        start(
            format!("deliver-{number}"),
            Box::new(move || deliver_all(&run, &*warehouse, &parcels, &settle)),
        )?;
    }
    for number in 0..run.settings.settlers {
        let (run, tasks) = (Arc::clone(run), settle_tasks.clone());
        start(format!("settle-{number}"), Box::new(move || settle_all(&run, &tasks)))?;
    }
    Ok(Stages { batches: batch_sender, threads })
}
