//! The command line of `irispool migrate`, and what it does in which order.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::apply;
use super::error::MigrateError;
use super::guide::Guide;
use super::survey::Survey;
use crate::commands::terminal::say;
use crate::config::LoadedConfig;
use crate::exit::{Exit, Failure};

/// Shows the way from a script of your own to irispool.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// The folder of the old set-up: its script, Elexon's client, the messages that wait
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    from: PathBuf,
    /// Take the steps that irispool can take: make the spool, move the messages into it, write irispool.toml, and point
    /// the client's settings at the spool. Without it nothing is changed
    #[arg(long)]
    apply: bool,
}

/// `irispool migrate`.
///
/// # Errors
/// When the folder can't be read, stdout does not take the guide, or a step of `--apply` fails.
pub(crate) fn run(settings: &LoadedConfig, args: &MigrateArgs) -> Result<Exit, Failure> {
    let from = args
        .from
        .canonicalize()
        .map_err(|source| MigrateError::Folder { path: args.from.clone(), source })?;
    let config = &settings.config;
    let survey = Survey::of(&from, &config.spool)?;
    if !args.apply {
        say(&Guide { survey: &survey, settings }.text())?;
        return Ok(Exit::Done);
    }
    let applied = apply::apply(&survey, settings)?;
    say(&applied.text())?;
    Ok(if applied.is_whole() { Exit::Done } else { Exit::Left })
}
