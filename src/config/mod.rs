//! The settings: one [`Config`], out of defaults < `irispool.toml` < `IRISPOOL_*` < flags, every value checked at
//! start.
//!
//! - `irispool.toml` is looked for in the working folder; `--config` or `IRISPOOL_CONFIG` names another, which must
//!   exist.
//! - A relative path in that file is meant from the file's folder; one in the environment, on the command line, or by
//!   default, from the working folder.
//! - A key is the same word everywhere: `batch_rows`, `IRISPOOL_BATCH_ROWS`, `--batch-rows`. Values are text in the
//!   environment and on the command line; in the file, numbers may stand without quotes.
//! - Nobody is ignored: an unknown key or variable, or a value out of range, is a [`ConfigError`] that says where it
//!   stands and what would be right.
//!
//! `irispool.example.toml` documents every key; a test keeps it in step with [`Config`].

mod error;
mod flags;
mod guess;
mod limits;
mod load;
mod secret;
mod show;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use error::{BadValue, ConfigError};
pub use flags::{AlertSettings, GlobalSettings, RunSettings, StatusSettings};
pub use load::{Flag, HOOK_VARIABLES, Loaded, Origin, load};
pub use secret::Secret;
pub use values::{Listen, WarehouseSpec};

pub use crate::observe::logs::LogFormat;
use crate::spool::TemporaryNames;

/// Every setting, checked and ready to use. Written as TOML it has each key of `irispool.toml`, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder with `incoming`, `claimed` and `dead`.
    #[serde(with = "values::path")]
    pub spool: PathBuf,
    /// Where rows go.
    pub warehouse: WarehouseSpec,
    /// What happens to fields and values that a table has no place for.
    pub schema: SchemaPolicy,
    /// What happens to files whose rows are in.
    pub keep: Keep,
    /// What is kept for longer is removed; none: it stays.
    #[serde(with = "values::duration_or_off")]
    pub keep_max_age: Option<Duration>,
    /// Of what is kept, the oldest is removed when it is more than this; none: it stays.
    #[serde(with = "values::bytes_or_off")]
    pub keep_max_bytes: Option<u64>,
    /// With more than this in `dead`, nothing more is claimed; none: there is no limit.
    #[serde(with = "values::bytes_or_off")]
    pub dead_max_bytes: Option<u64>,
    /// A message over this goes to dead unread.
    #[serde(with = "values::bytes")]
    pub max_file_bytes: u64,
    /// Bytes of messages held in memory at once. One message alone may be larger.
    #[serde(with = "values::bytes")]
    pub in_flight_bytes: u64,
    /// Rows in one transaction, about: a message is never split.
    #[serde(deserialize_with = "values::count")]
    pub batch_rows: usize,
    /// How long a row may wait for others to be sent with; see [`Config::flush_interval`].
    #[serde(with = "values::duration_or_auto")]
    pub flush_interval: Option<Duration>,
    /// How often `incoming` is listed, whether or not the file system told of anything new.
    #[serde(with = "values::duration")]
    pub scan_interval: Duration,
    /// Messages claimed by single renames at once; a dataset with more is claimed as a whole folder.
    #[serde(deserialize_with = "values::count")]
    pub claim_files: usize,
    /// Names that are left alone in `incoming` until they are renamed, besides the known ones.
    #[serde(with = "values::temporary_names")]
    pub temporary_names: TemporaryNames,
    /// Where file leases do not work, a file is taken when it was not written for so long.
    #[serde(with = "values::duration")]
    pub write_age: Duration,
    /// How long to wait for a database that another process has locked.
    #[serde(with = "values::duration")]
    pub busy_timeout: Duration,
    /// How rows go to BigQuery.
    pub method: Method,
    /// Rows in one streaming request.
    #[serde(deserialize_with = "values::count")]
    pub stream_rows: usize,
    /// Requests to BigQuery under way at once, over all tables.
    #[serde(deserialize_with = "values::count")]
    pub requests_in_flight: usize,
    /// Requests a second of the whole project; `None`: as fast as they go.
    #[serde(with = "values::rate")]
    pub requests_per_second: Option<u32>,
    /// More messages of one dataset than this are a backlog, which goes by load jobs.
    #[serde(deserialize_with = "values::count")]
    pub load_threshold_files: usize,
    /// Where `setup` makes a BigQuery dataset that is not there.
    #[serde(deserialize_with = "values::location")]
    pub location: String,
    /// Threads that read and parse messages.
    #[serde(deserialize_with = "values::readers")]
    pub readers: usize,
    /// Threads that delete delivered files.
    #[serde(deserialize_with = "values::count")]
    pub settlers: usize,
    /// After a request to stop, how long what is in flight may take to finish before it is given back.
    #[serde(with = "values::duration")]
    pub stop_timeout: Duration,
    /// More waiting messages than this are a warning.
    #[serde(deserialize_with = "values::count")]
    pub status_backlog_warn: usize,
    /// More than this are critical.
    #[serde(deserialize_with = "values::count")]
    pub status_backlog_critical: usize,
    /// No row for so long, though some usually come in that time, is a warning; so is a message that waits for longer.
    #[serde(with = "values::duration")]
    pub status_stale_after: Duration,
    /// A disk fuller than so many percent is critical.
    #[serde(deserialize_with = "values::count")]
    pub status_disk_critical: usize,
    /// Where a run serves metrics and health over HTTP.
    pub listen: Listen,
    /// Where alerts are posted.
    #[serde(with = "secret::url_or_off")]
    pub alert_webhook: Option<Secret>,
    /// What is posted there.
    pub alert_format: AlertFormat,
    /// What the shell runs for each alert.
    #[serde(with = "secret::command_or_off")]
    pub alert_command: Option<Secret>,
    /// What is wrong for so long is told, and what is over for so long is told to be over; what is critical, after a
    /// quarter of it.
    #[serde(with = "values::duration")]
    pub alert_after: Duration,
    /// What lasts is told again after so long.
    #[serde(with = "values::duration")]
    pub alert_remind: Duration,
    /// What is asked for while data flows.
    #[serde(with = "secret::url_or_off")]
    pub heartbeat_url: Option<Secret>,
    /// How often.
    #[serde(with = "values::duration")]
    pub heartbeat_interval: Duration,
    /// Where a run writes its process id.
    #[serde(with = "values::path_or_off")]
    pub pid_file: Option<PathBuf>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines there are: a level, or directives as of tracing's `EnvFilter`.
    #[serde(deserialize_with = "values::log_level")]
    pub log_level: String,
    /// Where a run writes its log lines, besides stderr.
    #[serde(with = "values::path_or_off")]
    pub log_file: Option<PathBuf>,
    /// A log file is put aside before it grows over this.
    #[serde(with = "values::bytes")]
    pub log_file_bytes: u64,
    /// How many that were put aside are kept.
    #[serde(deserialize_with = "values::count")]
    pub log_files_kept: usize,
}

/// What happens to fields and values that a table has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SchemaPolicy {
    /// A new field becomes a column; a value that does not fit its column goes into `rescued`
    Evolve,
    /// Both go into `rescued`
    Rescue,
    /// The row goes to dead
    Strict,
}

/// What is posted to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum AlertFormat {
    /// An object with every change, its level, its hint and since when
    Json,
    /// The same in words, as Slack, Mattermost and Discord (with /slack behind its URL) take them
    Slack,
}

/// How rows go to BigQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Backlogs by load jobs, the rest streamed
    Auto,
    /// All rows streamed
    Stream,
    /// All rows by load jobs, as long as a table's jobs of the day last
    Load,
}

/// What happens to a file whose rows are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// It is deleted
    None,
    /// It is moved to `done/` in the spool
    Done,
    /// It is packed into a file a day in `archive/` in the spool
    Archive,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl Default for Config {
    fn default() -> Config {
        Config {
            spool: PathBuf::from("spool"),
            warehouse: WarehouseSpec::Sqlite(PathBuf::from("irispool.db")),
            schema: SchemaPolicy::Evolve,
            keep: Keep::None,
            keep_max_age: None,
            keep_max_bytes: None,
            dead_max_bytes: Some(GIB),
            max_file_bytes: 64 * MIB,
            in_flight_bytes: 32 * MIB,
            batch_rows: 20_000,
            flush_interval: None,
            scan_interval: Duration::from_secs(5),
            claim_files: 2_000,
            temporary_names: TemporaryNames::default(),
            write_age: Duration::from_secs(5),
            busy_timeout: Duration::from_secs(30),
            method: Method::Auto,
            stream_rows: 500,
            requests_in_flight: 8,
            requests_per_second: Some(90),
            load_threshold_files: 5_000,
            location: "US".to_owned(),
            readers: default_readers(),
            settlers: 32,
            stop_timeout: Duration::from_secs(5),
            status_backlog_warn: 100,
            status_backlog_critical: 1_000,
            status_stale_after: Duration::from_secs(300),
            status_disk_critical: 90,
            listen: Listen(None),
            alert_webhook: None,
            alert_format: AlertFormat::Json,
            alert_command: None,
            alert_after: Duration::from_secs(120),
            alert_remind: Duration::from_secs(6 * 3600),
            heartbeat_url: None,
            heartbeat_interval: Duration::from_secs(60),
            pid_file: None,
            log_format: LogFormat::Human,
            log_level: "info".to_owned(),
            log_file: None,
            log_file_bytes: 16 * MIB,
            log_files_kept: 14,
        }
    }
}

impl Config {
    /// The same with paths that mean the same in every folder: those that are printed can be pasted anywhere, and those
    /// in keys and labels are the same to every process.
    pub fn with_whole_paths(mut self) -> Config {
        let whole = |path: &mut PathBuf| {
            if let Ok(absolute) = std::path::absolute(&*path) {
                *path = absolute;
            }
        };
        whole(&mut self.spool);
        if let WarehouseSpec::Sqlite(file) = &mut self.warehouse {
            whole(file);
        }
        self.pid_file.iter_mut().chain(&mut self.log_file).for_each(whole);
        self
    }

    /// How long a row may wait for others to be sent with. Unless it is set: 200 ms for SQLite, 1 s for BigQuery. There
    /// each table with new rows takes a request in each interval; with some sixty of them busy all the time that stays
    /// under 90 requests a second.
    pub fn flush_interval(&self) -> Duration {
        self.flush_interval.unwrap_or(match self.warehouse {
            WarehouseSpec::Sqlite(_) => Duration::from_millis(200),
            WarehouseSpec::BigQuery { .. } => Duration::from_secs(1),
        })
    }
}

/// Four for each core, as a cold backlog waits for the disk, and at least eight.
fn default_readers() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    (4 * cores).clamp(8, 256)
}
