//! Where rows go. The pipeline knows a warehouse only by the trait [`Warehouse`].
//!
//! - `bulk`: a whole batch on its way to the warehouse
//! - `delivery`: what the pipeline hands to a warehouse, and what the warehouse answers
//! - `error`: why a warehouse did not do what it was asked to do
//! - `query`: queries in the warehouse's own SQL
//! - `set_up`: what a set-up created
//! - `left_alone`: the user's own tables and views that irispool leaves as they are
//! - `replace`: which of the user's views may be replaced, and where their SQL is saved
//! - `mark`: how irispool recognises its own views
//! - `view_columns`: the columns of the views, the same for every warehouse
//! - `template`: the SQL templates
//! - [`sqlite`], [`bigquery`]: the warehouses

pub mod bigquery;
mod bulk;
mod delivery;
mod error;
mod left_alone;
mod mark;
mod query;
mod replace;
mod set_up;
pub mod sqlite;
mod template;
mod view_columns;

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{Field, Schema};
use crate::metrics::MetricFamily;

pub use bulk::{Bulk, BulkOutcome};
pub use delivery::{Delivery, DeliveryMessage, LoadResult, MessageOutcome, RefusedRow};
pub(crate) use delivery::{folder_of_batch, id_in_folder};
pub use error::{DISK_FULL, WarehouseError};
pub use left_alone::LeftAlone;
pub(crate) use query::each_row;
pub use query::{Query, QueryError, QueryValue, RowSink};
pub use replace::{Replace, Replaced};
pub use set_up::SetupChanges;

/// Something that takes rows.
pub trait Warehouse: Send + Sync {
    /// What the warehouse is and where, for messages to people: `sqlite:/home/ann/iris.db`.
    fn name(&self) -> String;

    /// How many threads may profitably call [`Self::load`] at once.
    fn parallelism(&self) -> usize;

    /// How many tables the pipeline may profitably ask about at once before it reads their rows. 0 if the warehouse
    /// answers at once.
    fn tables_at_once(&self) -> usize {
        0
    }

    /// The columns of the dataset's table as they are. Creates the table and its views if they are missing.
    fn schema(&self, dataset: &str) -> Result<Arc<Schema>, WarehouseError>;

    /// Adds the columns that are missing, and returns all columns as they are then. Another worker may have added
    /// some of them in the meantime. Leaves out a field that the table cannot take: its values will be rescued.
    fn add_fields(&self, dataset: &str, fields: &[Field]) -> Result<Arc<Schema>, WarehouseError>;

    /// Takes rows durably. Returns one result for each delivery: an outcome for each of its messages, or why the
    /// delivery must be repeated. If the warehouse took a part of a delivery that failed, it takes that part only
    /// once when the delivery is repeated.
    fn load(&self, deliveries: &[Delivery]) -> Vec<LoadResult>;

    /// Like [`Self::load`], but calls `tell` with the index and the result of each delivery as soon as its result is
    /// known. It does so once for each delivery, from any thread, so that a slow delivery holds up no other.
    fn load_each(&self, deliveries: &[Delivery], tell: &(dyn Fn(usize, LoadResult) + Sync)) {
        for (delivery, result) in self.load(deliveries).into_iter().enumerate() {
            tell(delivery, result);
        }
    }

    /// Nothing more comes for now: this is the moment for work that rows would otherwise have to wait for.
    fn rest(&self) {}

    /// How many workers share the spool now. They share what the warehouse allows.
    fn set_workers(&self, _workers: u32) {}

    /// The program is about to stop: a call that waits before another try gives up now, and so does every later call.
    fn stop_waiting(&self) {}

    /// What the warehouse counted of its own work since it was opened, such as requests, waits and rows. The name of
    /// each family begins with `irispool_warehouse_`.
    fn metric_families(&self) -> Vec<MetricFamily> {
        Vec::new()
    }

    /// Decides how a backlog of `files` messages of a dataset goes, just before they are claimed, and notes the claim.
    /// `Some`: as whole batches of at most so many files, by [`Self::begin_bulk`]. `None`: by [`Self::load`], as it is
    /// read.
    fn book_bulk_claim(&self, _dataset: &str, _files: u64) -> Option<u64> {
        None
    }

    /// For how long a running worker leaves a dataset's messages in `incoming`, so that they become fewer deliveries.
    /// `None` if it takes them at once. A worker that drains the spool does not ask.
    fn claim_wait(&self, _dataset: &str) -> Option<Duration> {
        None
    }

    /// Starts the bulk delivery of a whole batch. `is_new` says that nobody has tried to deliver this batch. If it is
    /// false, a crash may have ended the first delivery, and this one must find out what the first one came to.
    fn begin_bulk(&self, _dataset: &str, _batch: &str, _is_new: bool) -> Option<Box<dyn Bulk>> {
        None
    }
}
