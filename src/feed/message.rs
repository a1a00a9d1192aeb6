//! One message of a feed.

use super::fault::FeedFault;

/// One message, to be written to `folder/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedMessage {
    /// The folder, named after the message's subject, which is the dataset's name on IRIS: `E0361`, `mibm_mid`.
    pub folder: String,
    /// The message's id: `BOALF_202510271648_10262.json`.
    pub name: String,
    /// The content of the file.
    pub body: Vec<u8>,
    /// How many rows of `body` must arrive. A redelivered message has as many as the one before, and they replace its
    /// rows: of each name, count only the last message.
    pub rows: u32,
    /// What is odd about the message.
    pub fault: Option<FeedFault>,
}

impl FeedMessage {
    /// Whether an earlier message had the same name.
    pub fn is_redelivery(&self) -> bool {
        matches!(self.fault, Some(FeedFault::Redelivered | FeedFault::RedeliveredChanged))
    }
}
