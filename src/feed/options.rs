//! What a feed is to be like.

use jiff::Timestamp;

use super::mix::Mix;
use crate::catalog::Dataset;

/// What a feed is to be like.
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// The seed of its random numbers.
    pub seed: u64,
    /// The time of the first message.
    pub start: Timestamp,
    /// In what proportions the datasets come.
    pub mix: Mix,
    /// The datasets that the feed has. Empty means all that the mix has.
    pub datasets: Vec<&'static Dataset>,
    /// How many messages come in a second of the feed's own clock. `None` means as many as on IRIS.
    pub per_second: Option<f64>,
    /// The share of messages with a fault, from 0 to 1.
    pub fault_share: f64,
}

impl Default for FeedOptions {
    fn default() -> Self {
        let start = Timestamp::constant(1_761_609_600, 0); // 2025-10-28T00:00:00Z
        FeedOptions {
            seed: 1,
            start,
            mix: Mix::Backlog,
            datasets: Vec::new(),
            per_second: None,
            fault_share: 0.0,
        }
    }
}
