//! The settings as flags. Each field has the name of its key in [`super::Config`], and its flag is spelt by clap's
//! rule; values are checked with those of the other layers, but for choices, which clap lists and checks.

use clap::{Args, ValueHint};
use serde::Serialize;

use super::{AlertFormat, Flag, Keep, LogFormat, Method, SchemaPolicy};

/// Settings that every command takes.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Global options")]
pub struct GlobalSettings {
    /// The folder with incoming/, claimed/ and dead/ [default: spool]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub spool: Option<String>,
    /// sqlite:PATH or bigquery:PROJECT.DATASET [default: sqlite:irispool.db]
    #[arg(long, global = true, value_name = "WAREHOUSE")]
    pub warehouse: Option<String>,
    /// Where setup makes a BigQuery dataset: US, EU, europe-west2 … [default: US]
    #[arg(long, global = true, value_name = "LOCATION")]
    pub location: Option<String>,
    /// How log lines look [default: human]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// error, warn, info, debug, trace, or directives such as info,irispool::spool=debug [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// Settings of a run.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Settings")]
pub struct RunSettings {
    /// What happens to fields and values that a table has no place for [default: evolve]
    #[arg(long, value_name = "POLICY")]
    pub schema: Option<SchemaPolicy>,
    /// What happens to a file whose rows are in [default: none]
    #[arg(long, value_name = "WHAT")]
    pub keep: Option<Keep>,
    /// What is kept for longer than this is removed [default: off]
    #[arg(long, value_name = "DURATION")]
    pub keep_max_age: Option<String>,
    /// Of what is kept, the oldest is removed when it is more than this [default: off]
    #[arg(long, value_name = "SIZE")]
    pub keep_max_bytes: Option<String>,
    /// Messages over this go to dead unread [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_file_bytes: Option<String>,
    /// Bytes of messages held in memory at once [default: 32MiB]
    #[arg(long, value_name = "SIZE")]
    pub in_flight_bytes: Option<String>,
    /// Rows in one transaction, about [default: 20000]
    #[arg(long, value_name = "N")]
    pub batch_rows: Option<String>,
    /// How long a row may wait for others; auto is 200ms, with BigQuery 1s [default: auto]
    #[arg(long, value_name = "DURATION")]
    pub flush_interval: Option<String>,
    /// How often the spool is listed, besides when something arrives [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub scan_interval: Option<String>,
    /// Messages claimed one by one; a dataset with more is claimed as a whole [default: 2000]
    #[arg(long, value_name = "N")]
    pub claim_files: Option<String>,
    /// Names left alone in incoming until they are renamed, such as '*.new upload-*' [default: []]
    #[arg(long, value_name = "LIST")]
    pub temporary_names: Option<String>,
    /// Where file leases do not work, take files not written for so long [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub write_age: Option<String>,
    /// How long to wait for a database that another process has locked [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub busy_timeout: Option<String>,
    /// How rows go to BigQuery [default: auto]
    #[arg(long, value_name = "METHOD")]
    pub method: Option<Method>,
    /// Rows in a streaming request [default: 500]
    #[arg(long, value_name = "N")]
    pub stream_rows: Option<String>,
    /// Requests to BigQuery under way at once [default: 8]
    #[arg(long, value_name = "N")]
    pub requests_in_flight: Option<String>,
    /// Requests to BigQuery a second, by all workers on the spool together, or none for no limit [default: 90]
    #[arg(long, value_name = "N")]
    pub requests_per_second: Option<String>,
    /// A dataset with more messages is a backlog, which goes by load jobs [default: 5000]
    #[arg(long, value_name = "N")]
    pub load_threshold_files: Option<String>,
    /// Threads that read and parse, or auto for 4 a core [default: auto]
    #[arg(long, value_name = "N")]
    pub readers: Option<String>,
    /// Threads that delete delivered files [default: 32]
    #[arg(long, value_name = "N")]
    pub settlers: Option<String>,
    /// After a request to stop, how long to finish what is in flight [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub stop_timeout: Option<String>,
    /// Serve metrics and health over HTTP at this address, such as 127.0.0.1:9464 [default: off]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Write the process id to FILE while it runs; each worker needs its own [default: off]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub pid_file: Option<String>,
    /// Write log lines to FILE, too; it is put aside each day, and before it grows too large [default: off]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log_file: Option<String>,
    /// The log file is put aside before it grows over this [default: 16MiB]
    #[arg(long, value_name = "SIZE")]
    pub log_file_bytes: Option<String>,
    /// Log files put aside that are kept [default: 14]
    #[arg(long, value_name = "N")]
    pub log_files_kept: Option<String>,
}

/// What counts as healthy.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Health")]
pub struct StatusSettings {
    /// More waiting messages than this are a warning [default: 100]
    #[arg(long, value_name = "N")]
    pub status_backlog_warn: Option<String>,
    /// More than this are critical [default: 1000]
    #[arg(long, value_name = "N")]
    pub status_backlog_critical: Option<String>,
    /// No row for so long, though some usually come, is a warning [default: 5m]
    #[arg(long, value_name = "DURATION")]
    pub status_stale_after: Option<String>,
    /// With more than this in dead/, nothing more is claimed [default: 1GiB]
    #[arg(long, value_name = "SIZE")]
    pub dead_max_bytes: Option<String>,
    /// A disk fuller than so many percent is critical [default: 90]
    #[arg(long, value_name = "PERCENT")]
    pub status_disk_critical: Option<String>,
}

/// Who is told of what is not healthy. `ps` shows flags to everybody: secrets are better in the file or the environment.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Alerts")]
pub struct AlertSettings {
    /// Post what becomes wrong, worse or well again to this address [default: off]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub alert_webhook: Option<String>,
    /// What is posted [default: json]
    #[arg(long, value_name = "FORMAT")]
    pub alert_format: Option<AlertFormat>,
    /// Run this by sh, with the alert as JSON on its stdin [default: off]
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub alert_command: Option<String>,
    /// Tell what lasts so long; what is critical, after a quarter of it [default: 2m]
    #[arg(long, value_name = "DURATION")]
    pub alert_after: Option<String>,
    /// Tell it again after so long [default: 6h]
    #[arg(long, value_name = "DURATION")]
    pub alert_remind: Option<String>,
    /// Get this address again and again while data flows [default: off]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub heartbeat_url: Option<String>,
    /// How often [default: 1m]
    #[arg(long, value_name = "DURATION")]
    pub heartbeat_interval: Option<String>,
}

impl AlertSettings {
    /// Those that were typed.
    pub fn typed(&self) -> Vec<Flag> {
        typed(self)
    }
}

impl StatusSettings {
    /// Those that were typed.
    pub fn typed(&self) -> Vec<Flag> {
        typed(self)
    }
}

impl GlobalSettings {
    /// Those that were typed.
    pub fn typed(&self) -> Vec<Flag> {
        typed(self)
    }
}

impl RunSettings {
    /// Those that were typed.
    pub fn typed(&self) -> Vec<Flag> {
        typed(self)
    }
}

fn typed(settings: &impl Serialize) -> Vec<Flag> {
    let table = toml::Table::try_from(settings).expect("flags are text");
    let flags = table.into_iter().map(|(key, value)| {
        let flag = format!("--{}", key.replace('_', "-"));
        let value = value.as_str().map(str::to_owned).expect("flags are text");
        Flag { key, flag, value }
    });
    flags.collect()
}
