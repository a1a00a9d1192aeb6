//! The table of settings: one row for each.
//!
//! From a row come the field of [`Config`], the flag, the environment variable, the limits, the text of `--help`,
//! `irispool.example.toml` and `docs/settings.md`. To add a setting, add a row and use its field.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::choices::{AlertFormat, KeepPolicy, LogFormat, MethodSetting, SchemaPolicy};
use super::dates::IsoDate;
use super::kind::{OrAuto, OrOff, ValueKind};
use super::numbers::{Age, Count, Percent, Rate, Size, Span, Threads};
use super::setting::{Setting, Takers, WrongValue, settings};
use super::texts::{
    Address, Choice, FilePath, FolderPath, Location, LogLevel, NamePatterns, PublicUrl, ShellCommand, Url,
};
use super::warehouse_spec::WarehouseSpec;

const EVERY: Takers = Takers::Every;
const RUN: Takers = Takers::Only(&["run", "config"]);
const VERIFY: Takers = Takers::Only(&["verify", "config"]);
const STATUS: Takers = Takers::Only(&["run", "status", "config"]);

settings! {
    group "The spool and the warehouse" {
        /// The folder with `incoming`, `claimed` and `dead`
        ///
        /// The IRIS client writes into its `incoming`.
        spool: FolderPath = "spool", flag of EVERY;

        /// Where rows go: `sqlite:PATH` or `bigquery:PROJECT.DATASET`
        warehouse: WarehouseSpec = "sqlite:irispool.db", flag of EVERY;

        /// What happens to a field or a value that does not fit its table
        schema: Choice<SchemaPolicy> = "evolve", flag of RUN;
    }

    group "Delivered and dead messages" {
        /// What happens to a delivered message
        ///
        /// See [operate.md](operate.md#keep-delivered-messages).
        keep: Choice<KeepPolicy> = "none", flag of RUN;

        /// Delete a kept message that was written longer ago than this
        ///
        /// From the archive, irispool deletes whole days.
        keep_max_age: OrOff<Age> = "off" from "1h" to "100years", flag of RUN;

        /// Delete the oldest kept messages when they take more than this
        ///
        /// Messages in `done/` and in `archive/` count together. From the archive, irispool deletes whole days, but
        /// never today.
        keep_max_bytes: OrOff<Size> = "off" from "1MiB" to "16384GiB", flag of RUN;

        /// Claim no messages while `dead/` takes more of the disk than this
        ///
        /// The reports in `dead/` count too. irispool claims messages again when you have retried or dropped some.
        /// `irispool status` warns at 90 %.
        dead_max_bytes: OrOff<Size> = "1GiB" from "1KiB" to "16384GiB", flag of STATUS;

        /// Move a message that is larger than this to `dead/` unread
        max_file_bytes: Size = "64MiB" from "1KiB" to "1GiB", flag of RUN;
    }

    group "Pace and memory" {
        /// How many bytes of messages are in memory at once
        ///
        /// A single message may be larger.
        in_flight_bytes: Size = "32MiB" from "1MiB" to "16GiB", flag of RUN;

        /// About how many rows one transaction has
        ///
        /// A message is never split between two transactions. With BigQuery, irispool gathers this many rows and then
        /// cuts them into requests.
        batch_rows: Count = 20000 from 1 to 1000000, flag of RUN;

        /// How long a row may wait for others to be sent with it
        ///
        /// `auto` is 200ms with SQLite, and 1s with BigQuery, where each table with new rows takes one request in each
        /// interval.
        flush_interval: OrAuto<Span> = "auto" from "1ms" to "1m", flag of RUN;

        /// How often irispool lists the spool, even if the file system reported nothing new
        scan_interval: Span = "5s" from "100ms" to "1h", flag of RUN;

        /// How many messages of a dataset irispool claims one by one
        ///
        /// It claims a dataset with more messages as a whole folder.
        claim_files: Count = 2000 from 1 to 100000, flag of RUN;

        /// More names of files to leave alone in `incoming` until they are renamed
        ///
        /// irispool knows [many such names](data.md) already. In a pattern, `*` stands for any characters. Write a list
        /// in the file, such as `["*.new", "upload-*"]`. In a variable or a flag, you can also put spaces between the
        /// patterns.
        temporary_names: NamePatterns = [], flag of RUN;

        /// Without file leases, take a file that nobody has written to for this long
        ///
        /// irispool cannot ask whether a file is still being written on macOS, for files of other users, or on a file
        /// system without leases. There, irispool takes a file that nobody has written to for this long.
        write_age: Span = "5s" from "100ms" to "1h", flag of RUN;

        /// How many threads read and parse messages
        ///
        /// They wait for the disk most of the time. `auto` is 4 per core, and at least 8.
        readers: Threads = "auto" from 1 to 256, flag of RUN;

        /// How many threads delete delivered files
        ///
        /// They wait for the disk too.
        settlers: Count = 32 from 1 to 256, flag of RUN;

        /// How long a worker may take to finish what it holds after SIGTERM or Ctrl-C
        ///
        /// Then it gives the rest back.
        stop_timeout: Span = "5s" from "100ms" to "1h", flag of RUN;
    }

    group "SQLite" {
        /// How long to wait for a database that another process has locked
        busy_timeout: Span = "30s" from "100ms" to "1h", flag of RUN;
    }

    group "BigQuery" {
        /// How rows go to BigQuery
        ///
        /// [bigquery.md](bigquery.md#how-rows-are-delivered) compares the three.
        method: Choice<MethodSetting> = "auto", flag of RUN;

        /// How many rows one streaming request has
        ///
        /// Google recommends 500.
        stream_rows: Count = 500 from 1 to 50000, flag of RUN;

        /// How many requests to BigQuery are under way at once, over all tables
        requests_in_flight: Count = 8 from 1 to 256, flag of RUN;

        /// How many requests a second all workers of the spool together send to BigQuery
        ///
        /// irispool sends fewer when Google asks for it. `none` means no limit.
        requests_per_second: Rate = 90 from 1 to 100000, flag of RUN;

        /// How many waiting messages make a dataset a backlog
        ///
        /// With `method = "auto"`, a dataset with more messages than this in `incoming` goes by load jobs.
        load_threshold_files: Count = 5000 from 1 to 10000000, flag of RUN;

        /// Where setup creates the BigQuery dataset, such as `US`, `EU` or `europe-west2`
        ///
        /// An existing dataset stays where it is.
        location: Location = "US", flag of EVERY;
    }

    group "Elexon's archive" {
        /// The archive of all messages that Elexon has sent, with which `irispool verify` compares
        ///
        /// It is a container of Azure Blob Storage that everybody may read. See [complete.md](complete.md).
        archive_url: PublicUrl = "https://archive.data.elexon.co.uk/iris-archive", flag of VERIFY;

        /// How many requests a second irispool sends to the archive
        ///
        /// Elexon publishes no limit, so be polite: 25 is a lot. `none` means no limit.
        archive_requests_per_second: Rate = 10 from 1 to 100000, flag of VERIFY;
    }

    group "Health" {
        /// More waiting messages than this are a warning
        status_backlog_warn: Count = 100 from 0 to 100000000, flag of STATUS;

        /// More waiting messages than this are critical
        status_backlog_critical: Count = 1000 from 0 to 100000000, flag of STATUS;

        /// A dataset without a row for this long is a warning, if its rows usually come more often
        ///
        /// A message that waits for longer than this is a warning too.
        status_stale_after: Span = "5m" from "1s" to "7days", flag of STATUS;

        /// A disk that is fuller than this percentage is critical
        ///
        /// The same holds for its inodes.
        status_disk_critical: Percent = 90 from 1 to 100, flag of STATUS;

        /// The file with the process id of Elexon's client
        ///
        /// The script that starts the client writes it. Without it, irispool looks for a process that runs `client.py`.
        /// See [operate.md](operate.md#the-client).
        client_pid_file: OrOff<FilePath> = "off", flag of STATUS;

        /// The day on which the secret of Elexon's client expires, such as `2027-10-28`
        ///
        /// A secret lasts for two years at most, and then no message comes any more. irispool warns 30 days before, and
        /// more urgently 7 days before.
        client_secret_expires: OrOff<IsoDate> = "off", flag of STATUS;

        /// Serve metrics and health over HTTP at this address, such as `127.0.0.1:9464`
        ///
        /// There is no password: everybody who reaches the address can read them. Each worker needs its own port.
        /// `run --once` uses only the flag. See [operate.md](operate.md#metrics).
        listen: OrOff<Address> = "off", flag of RUN;
    }

    group "Alerts" {
        /// Post alerts to this URL
        ///
        /// The URL is a secret. No log line shows it, but `ps` shows flags to every user, so keep it in the file or in
        /// the variable. See [operate.md](operate.md#alerts).
        alert_webhook: OrOff<Url> = "off", flag of STATUS;

        /// What irispool posts
        alert_format: Choice<AlertFormat> = "json", flag of STATUS;

        /// Run this command with `sh` for each alert
        ///
        /// It gets the alert as JSON on its stdin, and the essentials in `IRISPOOL_ALERT_LEVEL`, `IRISPOOL_ALERT_TEXT`
        /// and others. irispool kills it after 20 s.
        alert_command: OrOff<ShellCommand> = "off", flag of STATUS;

        /// How long a finding must last before irispool sends it
        ///
        /// A critical one must last for a quarter of this. An end must last for this long too.
        alert_after: Span = "2m" from "0s" to "1h", flag of STATUS;

        /// Send a finding that lasts again after this time
        alert_remind: Span = "6h" from "1s" to "30days", flag of STATUS;

        /// Request this URL again and again while data flows
        ///
        /// It is for a dead man's switch such as healthchecks.io or Uptime Kuma, which notices when the requests (GET)
        /// stop. irispool sends none while something is critical or unknown, or while no rows come. The URL is a
        /// secret.
        heartbeat_url: OrOff<Url> = "off", flag of STATUS;

        /// How often all workers of the spool together request the heartbeat URL
        heartbeat_interval: Span = "1m" from "1s" to "1day", flag of STATUS;
    }

    group "Logs and the PID file" {
        /// Write the process id to this file during a run
        ///
        /// Each worker needs its own file. `run --once` uses only the flag. See [operate.md](operate.md#the-pid-file).
        pid_file: OrOff<FilePath> = "off", flag of RUN;

        /// How log lines look
        log_format: Choice<LogFormat> = "human", flag of EVERY;

        /// Which log lines appear: `error`, `warn`, `info`, `debug`, `trace`, or directives
        ///
        /// Directives look like `info,irispool::spool=debug`.
        log_level: LogLevel = "info", flag of EVERY;

        /// Write the log lines of a run to this file as well as to stderr
        ///
        /// Several workers may write to one file. irispool rotates it at the first line of a day (UTC), and before it
        /// grows too large. See [operate.md](operate.md#logs).
        log_file: OrOff<FilePath> = "off", flag of RUN;

        /// Rotate the log file before it grows larger than this
        log_file_bytes: Size = "16MiB" from "4KiB" to "16GiB", flag of RUN;

        /// How many rotated log files irispool keeps
        ///
        /// It deletes older ones.
        log_files_kept: Count = 14 from 0 to 10000, flag of RUN;
    }
}

/// Every setting, in the order of the file and of the reference.
pub fn settings() -> &'static [Setting] {
    &SETTINGS
}

/// The setting of a name that is known to be one.
fn setting(name: &str) -> &'static Setting {
    let found = settings().iter().find(|setting| setting.name == name);
    found.unwrap_or_else(|| unreachable!("{name} is not a row"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_and_the_limits_of_each_setting_are_right() {
        for setting in settings() {
            let limits = setting.range.iter().flat_map(|(least, greatest)| [*least, *greatest]);
            for text in limits.chain([setting.default_text()]) {
                let wrong = Config::default().set(setting, &toml::Value::from(text)).err();
                assert!(wrong.is_none(), "{}: {text}", setting.name);
            }
        }
    }

    #[test]
    fn what_is_shown_reads_as_the_same_value() {
        let defaults = Config::default();
        let mut again = Config::default();
        for setting in settings() {
            assert!(again.set(setting, &defaults.value(setting)).is_ok(), "{}", setting.name);
        }
        assert_eq!(again, defaults);
    }

    #[test]
    fn each_summary_is_one_line_without_a_full_stop() {
        for Setting { name, summary, details, .. } in settings() {
            assert!(!summary.ends_with('.') && summary.len() < 100, "{name}: {summary}");
            assert!(details.is_empty() || details.ends_with('.'), "{name}: {details}");
        }
    }
}
