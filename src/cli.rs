//! The command line.
//!
//! A [`Cli`] is what the user typed. Its settings are the strongest layer of a [`crate::config::Config`], which the
//! commands use.

use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, ColorChoice, CommandFactory, Parser, ValueHint};

use crate::commands::Command;
use crate::config::{Flag, TypedSettings, with_flags_of_commands};
use crate::exit::{Exit, Failure};
use crate::paste;

/// The version with its commit, the commit's day and the target, such as
/// `0.1.0 (abc1234 2026-11-28, x86_64-unknown-linux-gnu)`. `build.rs` makes it.
const VERSION: &str = env!("VERSION_OF_IRISPOOL");

const EXAMPLES: &str = "Examples:
  irispool demo                   show all of it on made-up messages
  irispool run                    deliver what is in spool/incoming, and what arrives there
  irispool query 'SELECT …'       ask the warehouse
  irispool config                 show the settings in effect and where each comes from

Settings come from irispool.toml, then IRISPOOL_* variables, then flags; a later one wins.";

/// Puts Elexon IRIS messages into a warehouse: every row, once, within seconds
#[derive(Debug, Args)]
pub struct Cli {
    /// The settings that were typed as flags.
    #[command(flatten)]
    pub settings: TypedSettings,
    /// The options of every command that are not settings.
    #[command(flatten)]
    pub global: GlobalOptions,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The options of every command that are not settings.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// Read settings from this file instead of irispool.toml in the working folder
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Log more: -v is --log-level debug, -vv is --log-level trace
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "log_level")]
    pub verbose: u8,
    /// Colours on stderr; auto means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

impl CommandFactory for Cli {
    fn command() -> clap::Command {
        let command = clap::Command::new("irispool")
            .version(VERSION)
            .max_term_width(100)
            .arg_required_else_help(true)
            .after_help(EXAMPLES);
        with_flags_of_commands(Cli::augment_args(command))
    }

    fn command_for_update() -> clap::Command {
        Cli::command()
    }
}

impl Parser for Cli {}

impl Cli {
    /// Reads the arguments of the process. If they are wrong, or ask for help or the version, this prints the answer of
    /// clap and exits.
    pub fn read() -> Cli {
        Cli::try_parse().and_then(Cli::checked).unwrap_or_else(|error| with_quotes(error).exit())
    }

    /// Refuses a flag that would do nothing, because the user expects something of it.
    fn checked(self) -> Result<Cli, clap::Error> {
        let (verb, instead) = match self.command {
            Command::Demo(_) => ("demo", "it creates its own in DIR"),
            Command::Feed(_) => ("feed", "it only writes messages, into DIR"),
            _ => return Ok(self),
        };
        match self.settings.flags().iter().find(|flag| matches!(flag.name, "spool" | "warehouse")) {
            None => Ok(self),
            Some(Flag { flag, .. }) => {
                let why = format!("the argument '{flag}' cannot be used with '{verb}': {instead}");
                Err(Cli::command().error(ErrorKind::ArgumentConflict, why))
            }
        }
    }

    /// The exit code of a failure. Where the exit code of a command is its answer, that of an error would spoil it.
    pub fn exit_of_failure(&self) -> fn(&Failure) -> Exit {
        match self.command {
            Command::Status(_) => Failure::exit_of_status,
            Command::Verify(_) => Failure::exit_of_verify,
            _ => Failure::exit,
        }
    }

    /// The file of settings that the command line names.
    pub fn config_file(&self) -> Option<&Path> {
        self.global.config.as_deref()
    }

    /// The settings on the command line.
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = self.settings.flags().to_vec();
        let level = match self.global.verbose {
            0 => return flags,
            1 => "debug",
            _ => "trace",
        };
        flags.push(Flag { name: "log_level", flag: "--verbose".into(), value: level.into() });
        flags
    }
}

/// Adds a hint if one word too many follows another one: the shell may have split a path with a space in it.
fn with_quotes(mut error: clap::Error) -> clap::Error {
    let word = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter().find_map(|kind| {
        match error.get(kind)? {
            ContextValue::String(word) => Some(word.clone()),
            _ => None,
        }
    });
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let index = word.and_then(|word| words.iter().position(|other| *other == word));
    let Some(index) = index.filter(|index| *index > 1 && !words[*index].starts_with('-')) else {
        return error;
    };
    let before = words[index - 1].as_str();
    let value = match before.split_once('=') {
        Some((flag, value)) if flag.starts_with('-') => value,
        _ => before,
    };
    if !value.starts_with('-') {
        let whole = paste::word(format!("{value} {}", words[index]));
        let tip = format!("put a text with a space in it in quotes: {whole}");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}
