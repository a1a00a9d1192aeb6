//! Where the readers send what they have read.

use std::sync::Arc;

use crossbeam_channel::Sender;
use xxhash_rust::xxh3::xxh3_64;

use super::parcel::Parcel;
use super::settle::SettleTask;
use super::work::{Ticket, Work};

/// What comes to a gatherer. All parcels of a batch come before its end.
pub(super) enum GatherStep {
    Parcel(Parcel),
    /// Every message of the batch has been read.
    End(Ticket),
}

/// Held by the listing of a batch and by each list of its entries that is not read. Whoever holds the last clone has
/// read the last messages of the batch.
pub(super) type Reading = Arc<Ticket>;

/// Where the readers send what they have read. Every receiver outlives the readers.
#[derive(Clone)]
pub(super) struct Outlets {
    pub(super) parcels: Sender<Parcel>,
    /// One for each gatherer. All steps of a batch go to the same one.
    pub(super) steps: Vec<Sender<GatherStep>>,
    pub(super) settle: Sender<SettleTask>,
}

impl Outlets {
    /// Sends rows on. Waits while the next stage is behind.
    pub(super) fn send(&self, parcel: Parcel) {
        if parcel.ticket.is_whole() {
            let _ = self.gatherer(&parcel.ticket).send(GatherStep::Parcel(parcel));
        } else {
            let _ = self.parcels.send(parcel);
        }
    }

    /// A part of a batch is read and its rows are sent on. After the last part, tells the gatherer that the batch is
    /// complete.
    pub(super) fn end_reading(&self, reading: Reading) {
        if let Some(ticket) = Arc::into_inner(reading)
            && ticket.batch.is_bulk()
        {
            let _ = self.gatherer(&ticket).send(GatherStep::End(ticket));
        }
    }

    fn gatherer(&self, work: &Work) -> &Sender<GatherStep> {
        let index = xxh3_64(work.id.as_bytes()) as usize % self.steps.len();
        &self.steps[index]
    }
}
