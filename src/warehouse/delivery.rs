//! What the pipeline hands to a warehouse, and what the warehouse answers.

use std::ops::Range;
use std::sync::Arc;

use super::error::WarehouseError;
use crate::catalog::Schema;
use crate::message::Rows;

/// Rows of one dataset from some messages of one batch, encoded for `schema`.
#[derive(Debug)]
pub struct Delivery {
    /// The dataset's canonical name, such as `BOALF`.
    pub dataset: Arc<str>,
    /// The batch's id. It stays the same when another worker takes the batch over.
    pub batch: Arc<str>,
    /// The name of the folder of the worker that delivers.
    pub worker: Arc<str>,
    /// The columns for which `rows` are encoded.
    pub schema: Arc<Schema>,
    /// The messages that `rows` come from.
    pub messages: Vec<DeliveryMessage>,
    /// The rows of all messages.
    pub rows: Rows,
}

/// The label of the folder that a batch's messages came from. The batch's id contains it.
pub(crate) fn folder_of_batch(batch: &str) -> Option<&str> {
    batch.split_once('.').map(|(_, folder)| folder)
}

/// The id of a message if another folder of its dataset has a file of the same name and other content: `m.json/freq`.
/// No file's name contains a slash. The folder comes last, so that messages sort by the names of their files.
pub(crate) fn id_in_folder(id: &str, folder: &str) -> String {
    format!("{id}/{folder}")
}

/// One message of a [`Delivery`].
#[derive(Clone, Debug)]
pub struct DeliveryMessage {
    /// The file's name, which becomes the `message_id` of its rows. If another folder of the dataset has a file of
    /// the same name, the id has the folder's name behind it (`id_in_folder`).
    pub id: String,
    /// XXH3 (128 bits) of the file's bytes.
    pub hash: u128,
    /// The file's size.
    pub bytes: u64,
    /// Which of [`Delivery::rows`] are its good rows.
    pub rows: Range<usize>,
    /// How many of these have a value in `rescued`.
    pub rescued: u32,
    /// How many further rows become dead letters.
    pub dead: u32,
    /// When the file was last written, in ms since 1970 UTC. Of two contents under one id, the later one wins.
    pub written_at_ms: i64,
    /// When the batch was claimed, in ms since 1970 UTC.
    pub claimed_at_ms: i64,
}

impl DeliveryMessage {
    /// Whether this message completes, at least in part, content that was loaded without some of its rows: `rows` of
    /// it are in, and `dead` of it are not.
    ///
    /// If so, the message replaces that content even if it was written earlier. A mended copy has the time of its
    /// original if it was copied with it (`cp -p`, `rsync -a`, `tar x`).
    pub fn mends(&self, rows: u64, dead: u64) -> bool {
        u64::from(self.dead) < dead && self.rows.len() as u64 >= rows
    }
}

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    /// Its rows are in, durably.
    Loaded,
    /// Its rows are in, except for these, which the warehouse will never take: they become dead letters.
    LoadedBut(Vec<RefusedRow>),
    /// It was in already, with the same content.
    AlreadyLoaded,
    /// Content under the same id that was written later is in, complete. The warehouse did not load this message, and
    /// has recorded that.
    Superseded,
    /// Content under the same id that was written later is in. It lacks rows, and this message does not mend that
    /// ([`DeliveryMessage::mends`]). The warehouse did not load this message: a person must choose.
    LessWhole,
}

/// A row that the warehouse refuses for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// The row's number in its message, from 0.
    pub message_row: u32,
    /// Why, in the warehouse's words.
    pub reason: String,
}

/// What became of a delivery: an outcome for each of its messages, or why it must be repeated.
pub type LoadResult = Result<Vec<MessageOutcome>, WarehouseError>;
