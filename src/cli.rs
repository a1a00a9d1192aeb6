//! The command line: what can be typed, as data. What was typed is a [`Cli`]; what is ready to use is a
//! [`crate::config::Config`], which takes [`Cli::flags`] as its strongest layer.

use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, ColorChoice, CommandFactory, Parser, ValueHint};

use crate::commands::{Command, ConfigArgs, RunArgs, StatusArgs};
use crate::config::{Flag, GlobalSettings};
use crate::paste;

/// The version with its commit, the commit's day and the target, such as
/// `0.1.0 (abc1234 2026-11-28, x86_64-unknown-linux-gnu)`. `build.rs` makes it.
const VERSION: &str = env!("VERSION_OF_IRISPOOL");

/// Puts Elexon IRIS messages into a warehouse: every row, once, within seconds
#[derive(Debug, Parser)]
#[command(name = "irispool", version = VERSION, max_term_width = 100, arg_required_else_help = true)]
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

impl Cli {
    /// Reads the process's arguments. Where they are wrong, or ask for help or the version, this prints what clap has
    /// to say and exits.
    pub fn read() -> Cli {
        Cli::try_parse().and_then(Cli::checked).unwrap_or_else(|error| with_quotes(error).exit())
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

    /// Whether the exit code is an answer, which an error's own would garble.
    pub fn is_status(&self) -> bool {
        matches!(self.command, Command::Status(_))
    }

    /// The file of settings that the command line names.
    pub fn config_file(&self) -> Option<&Path> {
        self.global.config.as_deref()
    }

    /// The settings that were typed.
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = self.global.settings.typed();
        match &self.command {
            Command::Run(RunArgs { settings, health, alerts, .. })
            | Command::Config(ConfigArgs { settings, health, alerts }) => {
                flags.extend(settings.typed());
                flags.extend(health.typed());
                flags.extend(alerts.typed());
            }
            Command::Status(StatusArgs { health, alerts, .. }) => {
                flags.extend(health.typed());
                flags.extend(alerts.typed());
            }
            Command::Demo(_)
            | Command::Feed(_)
            | Command::Setup(_)
            | Command::Query(_)
            | Command::Dead(_)
            | Command::Archive(_)
            | Command::Prune(_)
            | Command::Check(_)
            | Command::Completions(_)
            | Command::Man(_) => {}
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

/// Where a word too many follows another one, the shell may have made two of a path with a space in it.
fn with_quotes(mut error: clap::Error) -> clap::Error {
    let word = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter().find_map(|kind| {
        match error.get(kind)? {
            ContextValue::String(word) => Some(word.clone()),
            _ => None,
        }
    });
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let place = word.and_then(|word| words.iter().position(|other| *other == word));
    let Some(place) = place.filter(|place| *place > 1 && !words[*place].starts_with('-')) else {
        return error;
    };
    let before = words[place - 1].as_str();
    let value = match before.split_once('=') {
        Some((flag, value)) if flag.starts_with('-') => value,
        _ => before,
    };
    if !value.starts_with('-') {
        let whole = paste::word(format!("{value} {}", words[place]));
        let tip = format!("what has a space in it needs quotes: {whole}");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}
