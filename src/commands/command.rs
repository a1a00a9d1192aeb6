//! The commands that can be typed, each with its help text.

use clap::Subcommand;

use super::archive::ArchiveCommand;
use super::args::{DemoArgs, RunArgs};
use super::check::CheckArgs;
use super::completions_and_man::{CompletionsArgs, ManArgs};
use super::dead::DeadCommand;
use super::feed::FeedArgs;
use super::migrate::MigrateArgs;
use super::prune::PruneArgs;
use super::query::QueryArgs;
use super::setup::SetupArgs;
use super::status::StatusArgs;
use super::verify::VerifyArgs;
use crate::config::{Config, LoadedConfig, SettingOrigin};
use crate::observe::log_file::LogFileSettings;

/// A command with its arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deliver the messages in the spool, and those that arrive, until told to stop
    #[command(after_help = "Examples:
  irispool run                                  run until SIGTERM or Ctrl-C
  irispool run --once                           deliver what is there, then exit
  irispool run --spool /srv/iris --keep done    keep delivered files under /srv/iris/done/
  */15 * * * *  /usr/local/bin/irispool run --once --config /etc/irispool.toml

Several workers may run on one spool at once. Exit codes: 0 it delivered everything, 1 it could not
run, 2 the command line is wrong, 3 a message went to dead, 4 --once left messages that it could
not take, 130 or 143 a second signal ended it at once.")]
    Run(RunArgs),
    /// Show how irispool works, with made-up messages in a new folder
    #[command(after_help = "Examples:
  irispool demo                in a new folder, whose path it prints
  irispool demo /tmp/iris      in this folder, which must be empty or not exist")]
    Demo(DemoArgs),
    /// Write made-up messages into a folder, as Elexon's IRIS client does
    #[command(after_help = "Examples:
  irispool feed spool/incoming                                 1,000 messages, at once
  irispool feed --files 60000 --seed 7 spool/incoming          the same messages each time
  irispool feed --per-second 10 --dataset FREQ --dataset MID spool/incoming")]
    Feed(FeedArgs),
    /// Create the warehouse's tables and views now; run creates missing ones by itself
    #[command(after_help = "Examples:
  irispool setup
  irispool setup --warehouse bigquery:my-project.elexon --location europe-west2
  irispool setup --warehouse bigquery:my-project.elexon --dry-run > setup.sql")]
    Setup(SetupArgs),
    /// Query the warehouse in its own SQL; this changes nothing
    #[command(after_help = "Examples:
  irispool query --list
  irispool query --named generation_mix_now
  irispool query 'SELECT publishTime, fuelType, generation FROM bmrs_fuelinst_unified LIMIT 5'
  irispool query --format csv 'SELECT * FROM bmrs_freq_iris' > freq.csv")]
    Query(QueryArgs),
    /// Show whether data flows: waiting messages, workers, and when the last rows came
    #[command(after_help = "Examples:
  irispool status
  irispool status --watch
  irispool status --json | jq .findings
  5 * * * *  /usr/local/bin/irispool status --alert --config /etc/irispool.toml > /dev/null

cron has a PATH of its own: `command -v irispool` prints the full path to use.

Exit codes, by the convention of Nagios: 0 healthy, 1 warning, 2 critical, 3 unknown.")]
    Status(StatusArgs),
    /// Check whether a run has everything it needs; this changes nothing
    #[command(after_help = "Examples:
  irispool check
  sudo -u iris irispool check --config /etc/irispool.toml

Each check is ok (✔), a warning (!, a run works, but not as well as it could), FAILED (✘, a run
does not work) or unknown (?, irispool cannot find out without changing something).

Exit codes: 0 a run works, 1 it does not work.")]
    Check(CheckArgs),
    /// Compare with Elexon's archive whether every message that was sent is here; this changes no data
    #[command(after_help = "Examples:
  irispool verify                            the last three days, UTC
  irispool verify --dataset FREQ --day 2025-10-28
  irispool verify --since 2025-10-01 --until 2025-10-31 --json | jq '.days[].missing_ids[]'

It works with SQLite. What was sent in the last 15 minutes is not judged. Days that are complete and
older than three days are noted in the spool and not listed again. The days are those of UTC.

Exit codes: 0 complete, 1 something is missing or dead, 3 it could not find out.")]
    Verify(VerifyArgs),
    /// Show the way from a script of your own to irispool, step by step; this changes nothing without --apply
    #[command(after_help = "Examples:
  irispool migrate --from '/Users/ann/GB Power'
  irispool migrate --from /srv/old --warehouse bigquery:my-project.elexon
  irispool migrate --from /srv/old --apply

Exit codes: 0 done, 1 a step failed or the old script still runs, 4 messages stayed in the old
folder, because incoming has one of that name or no worker would take them.")]
    Migrate(MigrateArgs),
    /// List messages that could not be delivered, retry them, or delete them
    #[command(
        subcommand,
        after_help = "Examples:
  irispool dead list
  irispool dead retry --dataset FREQ --reason 'half-way'
  irispool dead drop --reason 'symbolic link'"
    )]
    Dead(DeadCommand),
    /// List the delivered messages in the archive, or copy some of them out
    #[command(
        subcommand,
        after_help = "Examples:
  irispool archive list --dataset FREQ
  irispool archive restore --dataset FREQ --day 2025-10-28 --to /tmp/freq"
    )]
    Archive(ArchiveCommand),
    /// Delete old rows from a SQLite warehouse
    #[command(after_help = "Examples:
  irispool prune --older-than 90d --dry-run
  irispool prune --older-than 90d
  irispool prune --older-than 30d --dataset FREQ --dataset BOALF
  30 3 * * *  /usr/local/bin/irispool prune --older-than 90d --config /etc/irispool.toml > /dev/null

Workers may run meanwhile. prune deletes all rows of a message together, with its line in
irispool_load_history. It keeps the rows of historic tables and of other programs. New rows reuse
the space that this frees in the file; --vacuum returns the space to the disk.")]
    Prune(PruneArgs),
    /// Show the settings in effect as TOML, with the source of each
    #[command(after_help = "Examples:
  irispool config
  irispool config --readers 16 > new.toml")]
    Config,
    /// Print completions for a shell
    #[command(after_help = "Examples:
  irispool completions bash > ~/.local/share/bash-completion/completions/irispool
  irispool completions zsh > ~/.zfunc/_irispool")]
    Completions(CompletionsArgs),
    /// Print the man page, or write one for each command
    #[command(after_help = "Examples:
  irispool man | man -l -
  irispool man /usr/local/share/man/man1")]
    Man(ManArgs),
}

impl Command {
    /// The log level that is set. The default is higher for commands whose answer on stdout is what the user wants.
    pub fn log_level<'s>(&self, settings: &'s LoadedConfig) -> &'s str {
        match self {
            Command::Demo(_) if matches!(settings.origin("log_level"), SettingOrigin::Default) => "error",
            Command::Setup(_) | Command::Status(_) | Command::Verify(_)
                if matches!(settings.origin("log_level"), SettingOrigin::Default) =>
            {
                "warn"
            }
            _ => &settings.config.log_level,
        }
    }

    /// The log file, which only `run` writes; other commands talk to the person who typed them.
    pub fn log_file(&self, settings: &LoadedConfig) -> Option<LogFileSettings> {
        let Command::Run(_) = self else { return None };
        let Config { log_file, log_file_bytes, log_files_kept, .. } = &settings.config;
        let path = log_file.clone()?;
        Some(LogFileSettings { path, bytes_max: *log_file_bytes, kept: *log_files_kept })
    }
}
