//! Rows on their way from a reader to the warehouse.

use super::memory_budget::MemoryPermit;
use super::work::Ticket;
use crate::spool::DeadLetter;
use crate::warehouse::Delivery;

/// Rows for one table out of some messages of one batch.
pub(super) struct Parcel {
    pub(super) delivery: Delivery,
    pub(super) ticket: Ticket,
    /// The letters of messages some of whose rows are bad, each with the index of its message in `delivery.messages`.
    pub(super) letters: Vec<(usize, DeadLetter)>,
    /// The memory that the messages may take until they are delivered.
    pub(super) permit: MemoryPermit,
}
