//! Asks the warehouse about tables before the rows for them are read.
//!
//! The coordinator claims batches of many datasets at once, and there are few readers. Without this, the readers would
//! wait for one answer after the other.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use rayon::ThreadPool;

use super::folder_dataset::is_of_one_table;
use super::run_context::RunContext;
use crate::catalog;

/// Asks about tables whose columns are not known.
pub(super) struct TableLookups {
    /// The threads `table-N`. `None` where the warehouse answers at once.
    pool: Option<ThreadPool>,
    /// The last lookup of each dataset's table.
    lookups: HashMap<String, TableLookup>,
    done_sender: Sender<()>,
    done: Receiver<()>,
}

/// One question about a table.
#[derive(Clone)]
pub(super) struct TableLookup(Arc<AtomicBool>);

impl TableLookup {
    fn new(is_done: bool) -> TableLookup {
        TableLookup(Arc::new(AtomicBool::new(is_done)))
    }

    /// Whether the warehouse has answered, whatever the answer was.
    pub(super) fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl TableLookups {
    /// `tables_at_once`: see [`crate::warehouse::Warehouse::tables_at_once`].
    pub(super) fn new(tables_at_once: usize) -> io::Result<TableLookups> {
        let pool = (tables_at_once > 0).then(|| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(tables_at_once)
                .thread_name(|number| format!("table-{number}"))
                .build()
        });
        let (done_sender, done) = unbounded();
        let pool = pool.transpose().map_err(io::Error::other)?;
        Ok(TableLookups { pool, lookups: HashMap::new(), done_sender, done })
    }

    /// Asks about the table of the messages in a dataset's folder, unless that is not needed or already under way.
    pub(super) fn look_up(&mut self, run: &Arc<RunContext>, label: &str) -> TableLookup {
        let Some(pool) = &self.pool else { return TableLookup::new(true) };
        let dataset = catalog::dataset_name(label);
        // Which tables the messages of other folders are for, only their rows tell.
        if !is_of_one_table(label) || run.tables.is_known(&dataset) {
            return TableLookup::new(true);
        }
        if let Some(lookup) = self.lookups.get(&dataset).filter(|lookup| !lookup.is_done()) {
            return lookup.clone();
        }
        let lookup = TableLookup::new(false);
        self.lookups.insert(dataset.clone(), lookup.clone());
        let (run, asked, done_sender) = (Arc::clone(run), lookup.clone(), self.done_sender.clone());
        pool.spawn(move || {
            // A failure is logged and parks the table. The readers see that there.
            let _ = run.tables.schema(&dataset);
            asked.0.store(true, Ordering::Release);
            let _ = done_sender.send(());
        });
        lookup
    }

    /// Receives something whenever a lookup is done.
    pub(super) fn done(&self) -> &Receiver<()> {
        &self.done
    }
}
