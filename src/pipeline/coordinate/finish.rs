//! The end of a worker: what can be finished is, the rest goes back.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::work::Work;
use super::Coordinator;
use crate::keeper::log_spool_failure;

impl Coordinator {
    /// Lets the stages finish what they hold, as long as the stop may take, and gives everything else back.
    pub(in crate::pipeline) fn finish(&mut self, stages: Vec<JoinHandle<()>>) {
        if self.shared.stop.requested() {
            self.warehouse.stop_waiting();
        }
        let deadline = Instant::now() + self.shared.settings.stop_timeout;
        self.works = None;
        let mut all_ended = true;
        for stage in stages {
            while !stage.is_finished() && Instant::now() < deadline {
                // A batch that ends means progress; nothing to do but to look again.
                if let Ok(work) = self.ended.recv_timeout(Duration::from_millis(5)) {
                    self.underway.remove(&work.id);
                    self.keep_if_left(work);
                }
            }
            if !stage.is_finished() {
                all_ended = false;
            } else if stage.join().is_err() {
                tracing::error!("a stage panicked; its messages are given back");
            }
        }
        while let Ok(work) = self.ended.try_recv() {
            self.underway.remove(&work.id);
            self.keep_if_left(work);
        }
        let unfinished = self.underway.drain().map(|(_, work)| work);
        let left: Vec<Arc<Work>> = unfinished.chain(self.waiting.drain(..).map(|(_, work)| work)).collect();
        for work in left {
            if work.is_perhaps_delivered() {
                tracing::warn!(
                    batch = work.batch.id(),
                    "a batch is perhaps delivered: it stays claimed, and the next worker asks the warehouse"
                );
                continue;
            }
            match work.batch.give_back_all(&self.shared.layout, !all_ended) {
                Ok(0) => tracing::debug!(batch = work.batch.id(), "gave a batch back"),
                Ok(stuck) => tracing::warn!(
                    batch = work.batch.id(),
                    files = stuck,
                    "names are taken in incoming: these stay claimed for the next worker"
                ),
                Err(error) => log_spool_failure(&error),
            }
        }
    }

    fn keep_if_left(&mut self, work: Arc<Work>) {
        if !work.batch.remove_if_empty().unwrap_or(false) {
            self.waiting.push((Instant::now(), work));
        }
    }
}
