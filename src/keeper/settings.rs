//! What a user can set about the keeper.

use std::time::Duration;

use crate::spool::Retention;

/// What a keeper does with delivered messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeeperSettings {
    /// Whether delivered messages are deleted, kept in `done/`, or packed into the archive.
    pub keep: Retention,
    /// Delivered messages that are older than this are deleted. `None`: they may be of any age.
    pub max_age: Option<Duration>,
    /// The oldest delivered messages are deleted while all of them take more bytes than this. `None`: there is no
    /// limit.
    pub max_bytes: Option<u64>,
    /// How often the keeper looks whether there is work.
    pub interval: Duration,
}
