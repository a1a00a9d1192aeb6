//! Where rows go. The pipeline knows a warehouse only by [`Warehouse`].

pub mod bigquery;
mod left_alone;
mod mark;
mod measure;
mod query;
pub mod sqlite;
mod view_columns;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{Field, Schema};
use crate::message::Rows;

pub use left_alone::{LeftAlone, Replace, Replaced};
pub use measure::{Histogram, Measure, MeasureKind, Reading};
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

/// The label of the folder that a batch's messages came from, which is in the batch's id.
pub(crate) fn folder_of_batch(batch: &str) -> Option<&str> {
    batch.split_once('.').map(|(_, folder)| folder)
}

/// What a message is called whose file's name another folder of its dataset has for other content: `m.json/freq`. No file's
/// name has a slash in it. The folder comes last, so that messages sort as by their files' names.
pub(crate) fn id_in_folder(id: &str, folder: &str) -> String {
    format!("{id}/{folder}")
}

/// One message of a [`Delivery`].
#[derive(Clone, Debug)]
pub struct Message {
    /// The file's name: the `message_id` of its rows, unless another folder of the dataset has a file of that name; see
    /// [`id_in_folder`].
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

impl Message {
    /// Whether it completes, at least in part, content that was loaded without some of its rows: of that, so many `rows`
    /// are in, and so many were `dead`. Then it is loaded in its place, though it may have been written earlier: a mended
    /// copy has its original's time wherever it was copied with it (`cp -p`, `rsync -a`, `tar x`).
    pub fn mends(&self, rows: u64, dead: u64) -> bool {
        u64::from(self.dead) < dead && self.rows.len() as u64 >= rows
    }
}

/// What of a warehouse that is a file can't be written has as its reason.
pub const DISK_FULL: &str = "the disk is full";

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its rows are in, durably.
    Loaded,
    /// Its rows are in, but for these, which the warehouse will never take: they go to dead.
    LoadedBut(Vec<RefusedRow>),
    /// It was in already, with the same content.
    AlreadyLoaded,
    /// Content under the same id that was written later is in, whole; this one was not loaded, and the warehouse has
    /// noted that.
    Superseded,
    /// Content under the same id that was written later is in. It lacks rows, and this one does not mend that
    /// ([`Message::mends`]): it was not loaded, and a person must choose.
    LessWhole,
}

/// What became of a whole batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkOutcome {
    /// All of its rows are in, durably.
    Loaded,
    /// The warehouse refuses the batch as a whole and has taken nothing of it. Its rows are to be delivered by
    /// [`Warehouse::load`].
    Refused,
}

/// A row that the warehouse refuses for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// Its place in the message, from 0.
    pub message_row: u32,
    /// In the warehouse's words.
    pub reason: String,
}

/// Why a delivery did not happen. Its files stay, and it is made again, with the same ids, until it succeeds.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WarehouseError {
    /// It will pass: busy, full disk, no network. Try again after `after`.
    #[error("{why}")]
    Later { why: String, after: Duration },
    /// A person is needed: no permission, no such place, not a database.
    #[error("{why}")]
    Setup { why: String, hint: String },
}

/// What became of a delivery: an outcome for each of its messages, or why it must be made again.
pub type LoadResult = Result<Vec<Outcome>, WarehouseError>;

/// What was done to bring tables and views about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    pub tables: usize,
    pub columns: usize,
    pub views: usize,
    /// Views of the user's that gave way to irispool's own, which are counted in `views` too.
    pub replaced: Vec<Replaced>,
    /// What was found and stays as it is.
    pub left: Vec<LeftAlone>,
}

/// A place that takes rows.
pub trait Warehouse: Send + Sync {
    /// What it is and where, for messages to people: `sqlite:/home/ann/iris.db`.
    fn name(&self) -> String;

    /// How many threads may call [`Self::load`] at once with profit.
    fn parallelism(&self) -> usize;

    /// How many tables can be asked about at once with profit before their rows come; none where they answer at once.
    fn tables_at_once(&self) -> usize {
        0
    }

    /// The columns of the dataset's table as they are; makes table and view where they lack.
    fn schema(&self, dataset: &str) -> Result<Arc<Schema>, WarehouseError>;

    /// Adds columns where they lack (another worker may have added them meanwhile) and gives the columns as they are
    /// then. A field that the table can't take is left out: its values will be rescued.
    fn add_fields(&self, dataset: &str, fields: &[Field]) -> Result<Arc<Schema>, WarehouseError>;

    /// Takes rows durably. The answer has one entry for each delivery: one outcome for each of its messages, or why
    /// the delivery must be made again. What a warehouse took of a delivery that failed, it must take only once when
    /// the delivery is made again.
    fn load(&self, deliveries: &[Delivery]) -> Vec<LoadResult>;

    /// The same, and what became of each delivery, by its place, is told as soon as it is known, from any thread, once:
    /// one that takes long holds up no other.
    fn load_each(&self, deliveries: &[Delivery], tell: &(dyn Fn(usize, LoadResult) + Sync)) {
        for (place, result) in self.load(deliveries).into_iter().enumerate() {
            tell(place, result);
        }
    }

    /// Nothing more comes for now: the moment for what rows would have to wait for otherwise.
    fn rest(&self) {}

    /// How many workers share the spool now, and so what the warehouse allows them all together.
    fn set_workers(&self, _workers: u32) {}

    /// The program is to stop: a call that waits for another try gives up now, and so does every later one.
    fn stop_waiting(&self) {}

    /// What it counts of its own work since it was opened: requests, waits, rows.
    fn measures(&self) -> Vec<Measure> {
        Vec::new()
    }

    /// How a backlog of `files` messages of a dataset is to be delivered: by [`Self::load`] as it is read (none), or
    /// as whole batches of at most so many files. Asked when so many are to be claimed.
    fn bulk_files_max(&self, _dataset: &str, _files: u64) -> Option<u64> {
        None
    }

    /// For how long a running worker leaves a dataset's messages where they are, so that they become few deliveries;
    /// none: not at all. Who drains a spool does not ask.
    fn claim_wait(&self, _dataset: &str) -> Option<Duration> {
        None
    }

    /// Starts the bulk delivery of a whole batch. The same batch id again, after a crash, must find out what the first
    /// delivery came to; `is_new`: nobody has tried to deliver this one.
    fn begin_bulk(&self, _dataset: &str, _batch: &str, _is_new: bool) -> Option<Box<dyn Bulk>> {
        None
    }
}

/// The delivery of one whole batch in one step.
pub trait Bulk: Send {
    /// Adds rows to what will be delivered. They are not kept in memory as they are.
    fn add(&mut self, delivery: &Delivery) -> Result<(), WarehouseError>;

    /// Delivers all rows added, exactly once, however often the same batch is delivered. Waits until it is known what
    /// became of them.
    fn finish(self: Box<Self>) -> Result<BulkOutcome, WarehouseError>;
}
