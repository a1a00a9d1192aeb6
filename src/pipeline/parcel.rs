//! Rows on their way from a reader to the warehouse.

use std::sync::Arc;

use crossbeam_channel::Sender;
use xxhash_rust::xxh3::xxh3_64;

use super::gather::Step;
use super::memory_budget::Permit;
use super::settle::SettleTask;
use super::work::Work;
use crate::spool::DeadLetter;
use crate::warehouse::Delivery;

/// Rows on their way to one table, and what they came from.
pub(super) struct Parcel {
    pub(super) delivery: Delivery,
    pub(super) work: Arc<Work>,
    /// For messages some of whose rows are bad: their place in `delivery.messages`, and the letter.
    pub(super) letters: Vec<(usize, DeadLetter)>,
    /// The memory that the messages may take until they are delivered.
    pub(super) permit: Permit,
}

/// Where a reader's work goes.
#[derive(Clone)]
pub(super) struct Outlets {
    pub(super) parcels: Sender<Parcel>,
    /// One for each gatherer of bulk batches; a batch goes to one of them.
    pub(super) steps: Vec<Sender<Step>>,
    pub(super) settle: Sender<SettleTask>,
}

impl Outlets {
    /// Sends rows on; waits while the next stage is behind. The next stage outlives the readers.
    pub(super) fn send(&self, parcel: Parcel) {
        if parcel.work.is_bulk() {
            let _ = self.gatherer(&parcel.work).send(Step::Parcel(parcel));
        } else {
            let _ = self.parcels.send(parcel);
        }
    }

    /// So many things of a batch are parsed and their rows sent on; the last ones complete a bulk batch.
    pub(super) fn parsed(&self, work: &Arc<Work>, count: u64) {
        if work.parsed(count) && work.batch.is_bulk() {
            let _ = self.gatherer(work).send(Step::End(Arc::clone(work)));
        }
    }

    fn gatherer(&self, work: &Work) -> &Sender<Step> {
        let place = xxh3_64(work.id.as_bytes()) as usize % self.steps.len();
        &self.steps[place]
    }
}
