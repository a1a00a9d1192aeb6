//! One message of a feed.

use super::fault::Fault;

/// One message, to be written to `folder/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedMessage {
    /// The message's subject, which is the dataset's name on IRIS: `E0361`, `mibm_mid`.
    pub folder: String,
    /// The message's id: `BOALF_202510271648_10262.json`.
    pub name: String,
    pub body: Vec<u8>,
    /// Rows in `body` that must arrive. A redelivered message has as many as the one before, and they stand in the place
    /// of its rows: count the last message of a name.
    pub rows: u32,
    pub fault: Option<Fault>,
}

impl FeedMessage {
    /// Whether its name has come before.
    pub fn is_redelivery(&self) -> bool {
        matches!(self.fault, Some(Fault::Redelivered | Fault::RedeliveredChanged))
    }
}
