//! Where rows go. The pipeline knows a warehouse only by [`Warehouse`].

mod query;
pub mod sqlite;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{Field, Schema};
use crate::message::Rows;

pub use query::{Answer, Query, QueryError, Value};

/// Rows of one dataset out of some messages of one batch, encoded for `schema`.
#[derive(Debug)]
pub struct Delivery {
    /// The dataset's canonical name, such as `BOALF`.
    pub dataset: Arc<str>,
    /// The batch's id; the same again when another worker takes the batch over.
    pub batch: Arc<str>,
    /// Who delivers it: the name of the worker's folder.
    pub worker: Arc<str>,
    pub schema: Arc<Schema>,
    pub messages: Vec<Message>,
    pub rows: Rows,
}

/// One message of a [`Delivery`].
#[derive(Clone, Debug)]
pub struct Message {
    /// The file's name: the `message_id` of its rows.
    pub id: String,
    /// XXH3 (128 bits) of the file's bytes.
    pub hash: u128,
    /// The file's size.
    pub bytes: u64,
    /// Its good rows, as places in [`Delivery::rows`].
    pub rows: Range<usize>,
    /// Rows with a value in `rescued`.
    pub rescued: u32,
    /// Rows that go to dead.
    pub dead: u32,
    /// When the file was last written, in ms since 1970 UTC: of two contents under one id the later wins.
    pub written_at_ms: i64,
    /// When the batch was claimed, in ms since 1970 UTC.
    pub claimed_at_ms: i64,
}

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its rows are in, durably.
    Loaded,
    /// It was in already, with the same content.
    AlreadyLoaded,
    /// Newer content under the same id was in already; this one was not loaded.
    Superseded,
}

/// Why a delivery did not happen. Nothing of it is in the warehouse, and its files stay.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// It will pass: busy, full disk, no network. Try again after `after`.
    #[error("{why}")]
    Later { why: String, after: Duration },
    /// A person is needed: no permission, no such place, not a database.
    #[error("{why}")]
    Setup { why: String, hint: String },
}

/// A place that takes rows.
pub trait Warehouse: Send + Sync {
    /// What it is and where, for messages to people: `sqlite:/home/ann/iris.db`.
    fn name(&self) -> String;

    /// How many threads may call [`Self::load`] at once with profit.
    fn parallelism(&self) -> usize;

    /// The columns of the dataset's table as they are; makes table and view where they lack.
    fn schema(&self, dataset: &str) -> Result<Arc<Schema>, WarehouseError>;

    /// Adds columns where they lack (another worker may have added them meanwhile) and gives the columns as they are
    /// then. A field that the table can't take is left out: its values will be rescued.
    fn add_fields(&self, dataset: &str, fields: &[Field]) -> Result<Arc<Schema>, WarehouseError>;

    /// Takes rows durably, all or none. The answer has one list for each delivery, one outcome for each message.
    fn load(&self, deliveries: &[Delivery]) -> Result<Vec<Vec<Outcome>>, WarehouseError>;
}
