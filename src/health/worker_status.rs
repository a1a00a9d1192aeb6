//! What a worker publishes about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::flow::MinuteLog;

/// What a worker publishes about itself once a second, as JSON in its lock file. Workers of other versions may have
/// more or fewer fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WorkerStatus {
    /// The version of irispool.
    pub irispool: String,
    /// When the worker started, in ms since 1970 UTC.
    pub started_ms: i64,
    /// When its coordinator made its last round, in ms since 1970 UTC, or 0 before the first round.
    pub turned_ms: i64,
    /// Messages delivered since the worker started.
    pub delivered: u64,
    /// Rows of these messages.
    pub rows: u64,
    /// Messages that the worker moved to `dead`.
    pub dead: u64,
    /// Messages per second that were delivered or moved to `dead`, over the last minute.
    pub files_per_second: f64,
    /// The tables that take no rows for now, by dataset.
    #[serde(default)]
    pub parked: BTreeMap<String, Stall>,
    /// Why the worker waits for the warehouse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Stall>,
    /// Why the worker cannot pack delivered messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpacked: Option<Stall>,
    /// Why the worker cannot keep `keep_max_age` and `keep_max_bytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlimited: Option<Stall>,
    /// The address at which the worker serves metrics.
    #[serde(default)]
    pub listen: Option<String>,
    /// A mark of the settings by which the worker sends alerts ([`super::alerts::settings_mark`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<String>,
    /// When the newest message that the worker delivered was last written, in ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_ms: Option<i64>,
    /// What arrived in the minute that is not over yet, and so is not in the flow log. None if there is no flow log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minute: Option<MinuteLog>,
}

/// Something that a worker cannot go on with for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stall {
    /// The reason.
    pub why: String,
    /// What a person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether a person must mend it, because it does not pass by itself.
    pub needs_person: bool,
    /// When it began, in ms since 1970 UTC.
    pub since_ms: i64,
}

impl WorkerStatus {
    /// The status in a lock file. The end of an older, longer text may follow it.
    pub(crate) fn read(published: &[u8]) -> Option<WorkerStatus> {
        serde_json::Deserializer::from_slice(published).into_iter().next()?.ok()
    }
}
