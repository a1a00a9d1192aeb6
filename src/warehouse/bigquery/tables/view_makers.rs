//! Threads that create views, so that rows do not wait for them.

use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::known_tables::KnownTables;
use super::table_resource::BqTable;
use super::view_upkeep::ViewUpkeep;
use crate::locks::Unpoisoned;

/// How many threads create views. BigQuery takes a second or two for each view.
const THREADS_MAX: usize = 16;

/// A dataset whose views a thread should see to, and its table.
type Task = (String, Arc<BqTable>);

/// The threads that create views. Each starts when there is something for it to do.
///
/// Dropping this waits until all views are created, unless the program is to stop. Then the next process creates them
/// when it reads the tables.
pub(crate) struct ViewMakers {
    upkeep: Arc<ViewUpkeep>,
    /// `None` once no more tasks will come.
    tasks: Option<Sender<Task>>,
    waiting: Receiver<Task>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl ViewMakers {
    /// No thread runs yet.
    pub(crate) fn new(tables: Arc<KnownTables>) -> ViewMakers {
        let (tasks, waiting) = unbounded();
        let upkeep = Arc::new(ViewUpkeep::new(tables));
        ViewMakers { upkeep, tasks: Some(tasks), waiting, threads: Mutex::default() }
    }

    /// Has a thread see to the views of the table, unless one has done so since the table's last change.
    pub(crate) fn see_to(&self, dataset: &str, table: &Arc<BqTable>) {
        let Some(tasks) = self.tasks.as_ref().filter(|_| self.upkeep.is_needed(dataset)) else {
            return;
        };
        // Sending can't fail, because `self` has the receiver too.
        let _ = tasks.send((dataset.to_owned(), Arc::clone(table)));
        let mut threads = self.threads.lock().unpoisoned();
        if threads.len() < THREADS_MAX {
            let (upkeep, waiting) = (Arc::clone(&self.upkeep), self.waiting.clone());
            let work = move || {
                for (dataset, table) in waiting {
                    if upkeep.is_stopped() {
                        return;
                    }
                    upkeep.see_to_views(&dataset, &table);
                }
            };
            match thread::Builder::new().name(format!("view-{}", threads.len())).spawn(work) {
                Ok(thread) => threads.push(thread),
                Err(error) => tracing::warn!(%error, "views wait: cannot start a thread for them"),
            }
        }
    }
}

impl Drop for ViewMakers {
    fn drop(&mut self) {
        self.tasks = None;
        for thread in self.threads.get_mut().unpoisoned().drain(..) {
            if !self.upkeep.is_stopped() && thread.join().is_err() {
                tracing::error!("a thread that makes views panicked");
            }
        }
    }
}
