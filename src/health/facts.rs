//! What is known of a spool and its warehouse at one moment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::client_facts::ClientFacts;
use super::drain_history::DrainHistory;
use super::flow::{DatasetFlow, Rhythm};
use super::worker_status::WorkerStatus;
use crate::spool::{Sighting, SpoolPart};
use crate::warehouse::LeftAlone;

/// A worker whose status is older than this, or whose last round is, hangs.
const ROUND_AGE_MAX: Duration = Duration::from_secs(60);

/// Everything that is known at one moment. `irispool status --json` prints it, with the level and the findings before
/// it. Later versions may add fields, but they remove none.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Facts {
    /// When the facts were collected, in ms since 1970 UTC.
    pub at_ms: i64,
    /// The spool's path as it is configured.
    pub spool: PathBuf,
    /// The parts of the spool that could not be read completely, each with the reason. They may hold more than is
    /// counted.
    pub unread: BTreeMap<SpoolPart, String>,
    /// Files and links directly in `incoming`, and folders there that are set aside. No worker takes them.
    pub stray: Sighting,
    /// Folders inside datasets' folders that hold something. No worker looks into them.
    pub too_deep: Sighting,
    /// Files in `incoming` that have a temporary name and are at least an hour old. No worker takes them.
    pub temporary: Sighting,
    /// The datasets, by the name that the warehouse has for them: all that have messages in the spool or ever had rows.
    pub datasets: BTreeMap<String, DatasetFacts>,
    /// Messages of all datasets that wait in `incoming`.
    pub ready: u64,
    /// Messages that a worker has claimed, whether it is alive or dead.
    pub claimed: u64,
    /// Messages in `dead`.
    pub dead: u64,
    /// Bytes on disk that `dead` takes, with its reports.
    pub dead_bytes: u64,
    /// When the oldest message that waits or is claimed was written, in ms since 1970 UTC.
    pub oldest_ms: Option<i64>,
    /// The messages that wait or are claimed, by age. Each message is in one class, and the youngest class comes first.
    pub backlog_ages: Vec<AgeClass>,
    /// The workers that have a folder in `claimed`. A dead worker's folder stays until another worker has finished its
    /// work.
    pub workers: Vec<WorkerFacts>,
    /// The last drains, or none if no drain has ended yet.
    pub drains: Option<DrainHistory>,
    /// Elexon's client, which writes the messages.
    pub client: ClientFacts,
    /// What the warehouse answered, and when rows arrived.
    pub warehouse: WarehouseFacts,
    /// Whether it is known when rows arrived.
    #[serde(skip)]
    pub is_flow_known: bool,
    /// The file systems of the spool and of a warehouse that is a file.
    pub disks: Vec<DiskFacts>,
}

/// The messages and rows of one dataset.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct DatasetFacts {
    /// Messages that wait in `incoming`.
    pub ready: u64,
    /// Messages that a worker has claimed, whether it is alive or dead.
    pub claimed: u64,
    /// Bytes of all messages that wait or are claimed.
    pub backlog_bytes: u64,
    /// When the oldest of these messages was written, in ms since 1970 UTC.
    pub oldest_ms: Option<i64>,
    /// Messages in `dead`.
    pub dead: u64,
    /// When rows arrived, or none if that is not known.
    pub flow: Option<DatasetFlow>,
}

/// How many messages of about one age are not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AgeClass {
    /// The messages are younger than this many seconds and not in an earlier class. The oldest class has no limit.
    pub up_to_s: Option<u64>,
    /// The number of messages.
    pub messages: u64,
}

/// One worker, as other processes see it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WorkerFacts {
    /// The name of its folder, `host-pid-random`.
    pub name: String,
    /// The host, which is the first part of its name.
    pub host: String,
    /// Its process id on its host, or none if its name has none.
    pub pid: Option<u32>,
    /// Whether a process holds the lock of its folder.
    pub alive: bool,
    /// When it started, in ms since 1970 UTC, or none if that is not known.
    pub since_ms: Option<i64>,
    /// Messages that it has claimed.
    pub claimed: u64,
    /// What it published about itself, or none if nothing can be read.
    #[serde(rename = "news")]
    pub status: Option<WorkerStatus>,
}

impl WorkerFacts {
    /// For how long a live worker has made no round, if that is so long that it hangs. `at_ms`: now, in ms since 1970
    /// UTC.
    pub(crate) fn hangs_for(&self, at_ms: i64) -> Option<Duration> {
        let turned_ms = self.status.as_ref().filter(|_| self.alive)?.turned_ms;
        let age = Duration::from_millis(u64::try_from(at_ms - turned_ms).unwrap_or(0));
        (turned_ms > 0 && age > ROUND_AGE_MAX).then_some(age)
    }
}

/// What the warehouse answered, and the rows of all datasets together.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct WarehouseFacts {
    /// The warehouse as it is configured, `sqlite:irispool.db` or `bigquery:project.dataset`.
    pub name: String,
    /// Whether it exists. The first run makes a SQLite file.
    pub there: bool,
    /// Why it did not answer.
    pub error: Option<String>,
    /// What to do about the error.
    pub hint: Option<String>,
    /// How long the answer took in ms, or none if there was no answer, or no file to ask.
    pub answered_ms: Option<u64>,
    /// The location of a BigQuery dataset.
    pub location: Option<String>,
    /// When the last row of any dataset arrived, in ms since 1970 UTC.
    pub last_row_ms: Option<i64>,
    /// The user's tables and views that stand where irispool's views would be, or that irispool leaves out of its
    /// views.
    pub left_alone: Vec<LeftAlone>,
    /// How often rows of any dataset usually arrive, or none without enough history.
    pub rhythm: Option<Rhythm>,
    /// Contents of messages that were never loaded, because content that was written later was loaded first. They are
    /// in `irispool_superseded`. None if the warehouse has no ledger.
    pub superseded: Option<u64>,
}

/// One file system.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DiskFacts {
    /// What is on it: the spool, or the folder of the database.
    pub path: PathBuf,
    /// The share of the space, or of the inodes if that is larger, that is used, in percent.
    pub percent_used: u32,
    /// Bytes that this user may still write.
    pub free_bytes: u64,
}
