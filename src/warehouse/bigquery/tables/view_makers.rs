//! Views are made by threads of their own: rows don't wait for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::table_resource::Table;
use crate::warehouse::bigquery::Shared;

/// Views made at once. BigQuery takes a second or two for each.
const MAKERS: usize = 16;

/// A table whose views are to be seen to.
type Task = (String, Arc<Table>);

/// The threads, started when there is something for them to do. Dropped, this waits until all views are made, unless
/// the program is to stop: then they are made when the next process reads the tables.
pub(in crate::warehouse::bigquery) struct ViewMakers {
    shared: Arc<Shared>,
    /// None when no more will come.
    tasks: Option<Sender<Task>>,
    waiting: Receiver<Task>,
    makers: Mutex<Vec<JoinHandle<()>>>,
}

impl ViewMakers {
    pub(in crate::warehouse::bigquery) fn new(shared: Arc<Shared>) -> ViewMakers {
        let (tasks, waiting) = unbounded();
        ViewMakers { shared, tasks: Some(tasks), waiting, makers: Mutex::default() }
    }

    /// Sees to the views of the table, unless that has been done since its last change.
    pub(in crate::warehouse::bigquery) fn see_to(&self, dataset: &str, table: &Arc<Table>) {
        let Some(tasks) = self.tasks.as_ref().filter(|_| self.shared.tables.wants_views(dataset)) else {
            return;
        };
        // The other end lives as long as this one.
        let _ = tasks.send((dataset.to_owned(), Arc::clone(table)));
        let mut makers = self.makers.lock().unwrap_or_else(PoisonError::into_inner);
        if makers.len() < MAKERS {
            let (shared, waiting) = (Arc::clone(&self.shared), self.waiting.clone());
            let make = move || {
                for (dataset, table) in waiting {
                    if shared.client.waits.is_stopped() {
                        return;
                    }
                    shared.see_to_views(&dataset, &table);
                }
            };
            match thread::Builder::new().name(format!("view-{}", makers.len())).spawn(make) {
                Ok(maker) => makers.push(maker),
                Err(error) => tracing::warn!(%error, "views wait: cannot start a thread for them"),
            }
        }
    }
}

impl Drop for ViewMakers {
    fn drop(&mut self) {
        self.tasks = None;
        for maker in self.makers.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if !self.shared.client.waits.is_stopped() && maker.join().is_err() {
                tracing::error!("a thread that makes views panicked");
            }
        }
    }
}
