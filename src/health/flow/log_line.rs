//! A line of the flow log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(super) const MINUTE_MS: i64 = 60_000;

/// What arrived of one dataset in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MinuteArrivals {
    /// Messages delivered.
    #[serde(rename = "m")]
    pub messages: u64,
    /// Rows of these messages.
    #[serde(rename = "r")]
    pub rows: u64,
    /// When the last row arrived, in ms since 1970 UTC, or 0 if no row did.
    #[serde(rename = "at")]
    pub last_row_ms: i64,
}

/// What one worker delivered in one minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MinuteLog {
    /// The minute, counted from 1970 UTC.
    pub minute: i64,
    /// The warehouse that took the rows, such as `bigquery:my-project.elexon`.
    pub warehouse: String,
    /// What arrived, by dataset.
    pub flow: BTreeMap<String, MinuteArrivals>,
}

/// A line of the flow log.
#[derive(Serialize, Deserialize)]
pub(super) struct LogLine {
    pub(super) worker: String,
    /// What the worker delivered.
    pub(super) came: MinuteLog,
}
