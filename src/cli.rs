//! The command line: what can be typed, as data. What was typed is a [`Cli`]; what is ready to use is a
//! [`crate::config::Config`], which takes [`Cli::flags`] as its strongest layer.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{ArgAction, Args, ColorChoice, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};
use serde::Serialize;

use crate::config::{Flag, Keep, LogFormat, SchemaPolicy};

/// Puts Elexon IRIS messages into a warehouse: every row, once, within seconds
#[derive(Debug, Parser)]
#[command(name = "irispool", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Examples:
  irispool demo                   show all of it on made-up messages
  irispool run                    deliver what is in spool/incoming, and what arrives there
  irispool query 'SELECT …'       ask the warehouse
  irispool config                 show the settings in effect and where each comes from

Settings come from irispool.toml, then IRISPOOL_* variables, then flags; the later wins.")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Read settings from FILE, not from irispool.toml in the working folder
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub settings: GlobalSettings,
    /// Log more: -v is --log-level debug, -vv is --log-level trace
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "log_level")]
    pub verbose: u8,
    /// Colours on stderr; auto means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

/// Settings that every command takes. Each field has the name of its key in the configuration.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Global options")]
pub struct GlobalSettings {
    /// The folder with incoming/, claimed/ and dead/ [default: spool]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub spool: Option<String>,
    /// sqlite:PATH or bigquery:PROJECT.DATASET [default: sqlite:irispool.db]
    #[arg(long, global = true, value_name = "WAREHOUSE")]
    pub warehouse: Option<String>,
    /// How log lines look [default: human]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// error, warn, info, debug, trace, or directives such as info,irispool::spool=debug [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deliver the messages in the spool, and those that arrive, until told to stop
    #[command(after_help = "Examples:
  irispool run                                  run until SIGTERM or Ctrl-C
  irispool run --once                           deliver what is there, then exit
  irispool run --spool /srv/iris --keep done    keep delivered files under /srv/iris/done/

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
  irispool setup --warehouse sqlite:/srv/iris.db")]
    Setup,
    /// Ask the warehouse, in its own SQL, without changing it
    #[command(after_help = "Examples:
  irispool query 'SELECT * FROM bmrs_fuelinst_unified LIMIT 5'
  irispool query --format csv 'SELECT * FROM bmrs_freq_iris' > freq.csv")]
    Query(QueryArgs),
    /// Show the settings in effect, as TOML, each with where it comes from
    #[command(after_help = "Examples:
  irispool config
  irispool config --readers 16 > new.toml")]
    Config(ConfigArgs),
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Deliver what is there, then exit
    #[arg(long)]
    pub once: bool,
    #[command(flatten)]
    pub settings: RunSettings,
}

#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    pub settings: RunSettings,
}

/// Settings of a run. Each field has the name of its key in the configuration.
#[derive(Debug, Default, Args, Serialize)]
#[command(next_help_heading = "Settings")]
pub struct RunSettings {
    /// What happens to fields and values that a table has no place for [default: evolve]
    #[arg(long, value_name = "POLICY")]
    pub schema: Option<SchemaPolicy>,
    /// What happens to a file whose rows are in [default: none]
    #[arg(long, value_name = "WHAT")]
    pub keep: Option<Keep>,
    /// Messages over this go to dead unread [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_file_bytes: Option<String>,
    /// Bytes of messages held in memory at once [default: 32MiB]
    #[arg(long, value_name = "SIZE")]
    pub in_flight_bytes: Option<String>,
    /// Rows in one transaction, at most [default: 20000]
    #[arg(long, value_name = "N")]
    pub batch_rows: Option<String>,
    /// How long a row may wait for others [default: 200ms]
    #[arg(long, value_name = "DURATION")]
    pub flush_interval: Option<String>,
    /// How often the spool is listed, besides when something arrives [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub scan_interval: Option<String>,
    /// Messages claimed one by one; a dataset with more is claimed as a whole [default: 2000]
    #[arg(long, value_name = "N")]
    pub claim_files: Option<String>,
    /// Where file leases do not work, take files not written for so long [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub write_age: Option<String>,
    /// How long to wait for a database that another process has locked [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub busy_timeout: Option<String>,
    /// Threads that read and parse, or auto for 4 a core [default: auto]
    #[arg(long, value_name = "N")]
    pub readers: Option<String>,
    /// Threads that delete delivered files [default: 32]
    #[arg(long, value_name = "N")]
    pub settlers: Option<String>,
    /// After a request to stop, how long to finish what is in flight [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub stop_timeout: Option<String>,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where; a fresh folder when left out
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct FeedArgs {
    /// Where the client downloads to: messages go to DIR/<DATASET>/
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// How many messages
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub files: u64,
    /// At what pace; as fast as it can when left out
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub per_second: Option<f64>,
    /// Only messages of this dataset; may be given again for others
    #[arg(long, value_name = "NAME")]
    pub dataset: Vec<String>,
    /// The same seed makes the same messages
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Make a small share truncated, redelivered or odd
    #[arg(long)]
    pub faults: bool,
}

#[derive(Debug, Args)]
pub struct QueryArgs {
    /// One statement that reads
    pub sql: String,
    /// How rows are printed; a table is for people
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: QueryFormat,
}

/// How `query` prints rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    Table,
    Csv,
    Json,
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| (0.001..=1_000_000.0).contains(rate)).ok_or("from 0.001 to 1000000")
}

impl Cli {
    /// Reads the process's arguments. Where they are wrong, or ask for help or the version, this prints what clap has
    /// to say and exits.
    pub fn read() -> Cli {
        Cli::try_parse().and_then(Cli::checked).unwrap_or_else(|error| error.exit())
    }

    /// A flag that would do nothing is refused: who typed it expects something of it.
    fn checked(self) -> Result<Cli, clap::Error> {
        let (verb, instead) = match self.command {
            Command::Demo(_) => ("demo", "it makes its own in DIR"),
            Command::Feed(_) => ("feed", "it only writes messages, into DIR"),
            _ => return Ok(self),
        };
        let settings = &self.global.settings;
        let idle = [("--spool", &settings.spool), ("--warehouse", &settings.warehouse)];
        match idle.iter().find(|(_, value)| value.is_some()) {
            None => Ok(self),
            Some((flag, _)) => {
                let why = format!("the argument '{flag}' cannot be used with '{verb}': {instead}");
                Err(Cli::command().error(ErrorKind::ArgumentConflict, why))
            }
        }
    }

    /// The file of settings that the command line names.
    pub fn config_file(&self) -> Option<&Path> {
        self.global.config.as_deref()
    }

    /// The settings that were typed.
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = typed(&self.global.settings);
        match &self.command {
            Command::Run(RunArgs { settings, .. }) | Command::Config(ConfigArgs { settings }) => {
                flags.extend(typed(settings));
            }
            Command::Demo(_) | Command::Feed(_) | Command::Setup | Command::Query(_) => {}
        }
        let level = match self.global.verbose {
            0 => return flags,
            1 => "debug",
            _ => "trace",
        };
        flags.push(Flag { key: "log_level".into(), flag: "--verbose".into(), value: level.into() });
        flags
    }
}

/// Those of the settings that were typed; a field's name is its key, and its flag is spelt by clap's rule.
fn typed(settings: &impl Serialize) -> Vec<Flag> {
    let table = toml::Table::try_from(settings).expect("flags are text");
    let flags = table.into_iter().map(|(key, value)| {
        let flag = format!("--{}", key.replace('_', "-"));
        let value = value.as_str().map(str::to_owned).expect("flags are text");
        Flag { key, flag, value }
    });
    flags.collect()
}
