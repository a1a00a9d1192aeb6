//! The commands that can be typed, each with its help text.

use clap::Subcommand;

use super::archive::ArchiveCommand;
use super::args::{ConfigArgs, DemoArgs, RunArgs};
use super::check::CheckArgs;
use super::completions_and_man::{CompletionsArgs, ManArgs};
use super::dead::DeadCommand;
use super::feed::FeedArgs;
use super::prune::PruneArgs;
use super::query::QueryArgs;
use super::setup::SetupArgs;
use super::status::StatusArgs;
use crate::config::{Config, Loaded, Origin};
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

Several may run on one spool at once. Exit codes: 0 all delivered, 1 it could not run,
2 wrong usage, 3 something went to dead, 4 --once left messages that it could not take,
130 or 143 a second signal ended it at once.")]
    Run(RunArgs),
    /// Show all of it on made-up messages, in a folder of its own
    #[command(after_help = "Examples:
  irispool demo                in a fresh folder, which it names
  irispool demo /tmp/iris      in that folder, which must be empty or not exist")]
    Demo(DemoArgs),
    /// Write made-up messages into a folder, as Elexon's IRIS client does
    #[command(after_help = "Examples:
  irispool feed spool/incoming                                 1,000 messages, at once
  irispool feed --files 60000 --seed 7 spool/incoming          the same backlog each time
  irispool feed --per-second 10 --dataset FREQ --dataset MID spool/incoming")]
    Feed(FeedArgs),
    /// Make the warehouse's tables and views now; run makes what is missing by itself
    #[command(after_help = "Examples:
  irispool setup
  irispool setup --warehouse bigquery:my-project.elexon --location europe-west2
  irispool setup --warehouse bigquery:my-project.elexon --dry-run > setup.sql")]
    Setup(SetupArgs),
    /// Ask the warehouse, in its own SQL, without changing it
    #[command(after_help = "Examples:
  irispool query 'SELECT * FROM bmrs_fuelinst_unified LIMIT 5'
  irispool query --format csv 'SELECT * FROM bmrs_freq_iris' > freq.csv")]
    Query(QueryArgs),
    /// Say whether data flows: what waits, who works, when the last rows came
    #[command(after_help = "Examples:
  irispool status
  irispool status --watch
  irispool status --json | jq .findings
  5 * * * *  /usr/local/bin/irispool status --alert --config /etc/irispool.toml > /dev/null

cron knows no PATH but its own: `command -v irispool` says where the program is.

Exit codes, by the convention of Nagios: 0 healthy, 1 warning, 2 critical, 3 unknown.")]
    Status(StatusArgs),
    /// Before going live: whether everything is there that a run needs; nothing is changed
    #[command(after_help = "Examples:
  irispool check
  sudo -u iris irispool check --config /etc/irispool.toml

A line is ok (✔), warning (!: a run works, but not as well as it could), FAILED (✘: it does
not work) or unknown (?: it can't be found out without changing something).

Exit codes: 0 a run works, 1 it does not.")]
    Check(CheckArgs),
    /// Look at what can't be delivered, try it again, or delete it
    #[command(
        subcommand,
        after_help = "Examples:
  irispool dead list
  irispool dead retry --dataset FREQ --reason 'half-way'
  irispool dead drop --reason 'symbolic link'"
    )]
    Dead(DeadCommand),
    /// See what delivered messages are in the archive, or copy some out of it
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

Workers may go on meanwhile. A message goes as a whole, with its line in irispool_load_history.
Rows of historic tables and of other programs stay. What is freed in the file is used by the next
rows; --vacuum gives it back.")]
    Prune(PruneArgs),
    /// Show the settings in effect, as TOML, each with where it comes from
    #[command(after_help = "Examples:
  irispool config
  irispool config --readers 16 > new.toml")]
    Config(ConfigArgs),
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
    /// Which log lines there are: as it is set, and where nothing is, fewer for verbs that answer on stdout.
    pub fn log_level<'s>(&self, settings: &'s Loaded) -> &'s str {
        match self {
            Command::Demo(_) if matches!(settings.origin("log_level"), Origin::Default) => "error",
            Command::Setup(_) | Command::Status(_)
                if matches!(settings.origin("log_level"), Origin::Default) =>
            {
                "warn"
            }
            _ => &settings.config.log_level,
        }
    }

    /// The log file that is set, of a run; the other verbs talk to whoever typed them.
    pub fn log_file(&self, settings: &Loaded) -> Option<LogFileSettings> {
        let Command::Run(_) = self else { return None };
        let Config { log_file, log_file_bytes, log_files_kept, .. } = &settings.config;
        let path = log_file.clone()?;
        Some(LogFileSettings { path, bytes_max: *log_file_bytes, kept: *log_files_kept })
    }
}
