//! The delivery of a whole batch in one step.

use super::{Delivery, WarehouseError};

/// The delivery of one whole batch in one step.
pub trait Bulk: Send {
    /// Adds rows to what will be delivered. The warehouse does not keep them in memory.
    ///
    /// # Errors
    /// If the rows can't be kept. The batch must be delivered again.
    fn add(&mut self, delivery: &Delivery) -> Result<(), WarehouseError>;

    /// Delivers all rows that were added, exactly once, however often the same batch is delivered. Waits until it is
    /// known what became of them.
    ///
    /// # Errors
    /// If it is not known what became of them. The batch must be delivered again, with the same id.
    fn finish(self: Box<Self>) -> Result<BulkOutcome, WarehouseError>;
}

/// What became of a batch that was delivered in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkOutcome {
    /// All its rows are in.
    Loaded,
    /// The warehouse does not take the batch as a whole, and has taken nothing of it. [`super::Warehouse::load`] must
    /// deliver it.
    Refused,
}
