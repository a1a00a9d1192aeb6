//! Tables are asked about when a batch for them is claimed, several at a time, so that the readers, who are few, do not
//! wait for one answer after the other.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use rayon::ThreadPool;

use super::Shared;
use super::read::is_of_one_table;
use crate::catalog;

/// Asks about tables that are not known.
pub(super) struct Ahead {
    /// None where the warehouse answers at once.
    pool: Option<ThreadPool>,
    /// The last question about each, and whether it is answered.
    asked: HashMap<String, Arc<AtomicBool>>,
    answer_sender: Sender<()>,
    answers: Receiver<()>,
}

/// Whether a table has been asked about, whatever the answer was.
#[derive(Clone)]
pub(super) struct Known(Arc<AtomicBool>);

impl Known {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Ahead {
    /// `tables_at_once`: see [`crate::warehouse::Warehouse::tables_at_once`].
    pub(super) fn new(tables_at_once: usize) -> io::Result<Ahead> {
        let pool = (tables_at_once > 0).then(|| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(tables_at_once)
                .thread_name(|number| format!("table-{number}"))
                .build()
        });
        let (answer_sender, answers) = unbounded();
        let pool = pool.transpose().map_err(io::Error::other)?;
        Ok(Ahead { pool, asked: HashMap::new(), answer_sender, answers })
    }

    /// Sees to it that the table of the batches from this folder becomes known.
    pub(super) fn ask(&mut self, shared: &Arc<Shared>, label: &str) -> Known {
        let Some(pool) = &self.pool else { return Known(Arc::new(AtomicBool::new(true))) };
        let dataset = catalog::dataset_name(label);
        // Which table a message is for that came in no known dataset's folder, only its rows tell.
        if !is_of_one_table(label) || shared.tables.is_known(&dataset) {
            return Known(Arc::new(AtomicBool::new(true)));
        }
        if let Some(asked) = self.asked.get(&dataset).filter(|asked| !asked.load(Ordering::Acquire)) {
            return Known(Arc::clone(asked));
        }
        let known = Arc::new(AtomicBool::new(false));
        self.asked.insert(dataset.clone(), Arc::clone(&known));
        let (shared, answered, sender) = (Arc::clone(shared), Arc::clone(&known), self.answer_sender.clone());
        pool.spawn(move || {
            // A failure is logged and parks the table; the readers learn of it there.
            let _ = shared.tables.schema(&dataset);
            answered.store(true, Ordering::Release);
            let _ = sender.send(());
        });
        Known(known)
    }

    /// Something comes out of this whenever a table has become known.
    pub(super) fn answers(&self) -> &Receiver<()> {
        &self.answers
    }
}
