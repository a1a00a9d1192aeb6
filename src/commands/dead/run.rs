//! `irispool dead`: runs the subcommand that was typed.

use super::super::args::spool_of;
use super::args::DeadCommand;
use super::choose::{choose, find, only, refuse_no_choice};
use super::drop::drop_letters;
use super::error::DeadError;
use super::retry::retry;
use super::{export, list, show};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::spool::{dead_bytes, gone_letters};

/// `irispool dead`.
///
/// # Errors
/// If the spool cannot be read, or the subcommand fails.
pub(in crate::commands) fn run(config: &Config, command: &DeadCommand) -> Result<Exit, Failure> {
    let layout = spool_of(config)?;
    match command {
        DeadCommand::List(args) => {
            let found = find(&layout, &args.filter)?;
            let disk_bytes = dead_bytes(&layout, &|| false)?.unwrap_or(0);
            let disk = list::Disk { bytes: disk_bytes, bytes_max: config.dead_max_bytes };
            list::run(&found, disk, gone_letters(&layout), args.json)
        }
        DeadCommand::Show(args) => {
            refuse_no_choice(&args.messages, &args.filter, false)?;
            let (found, missing) = only(find(&layout, &args.filter)?, &args.messages);
            none_missing(&missing, show::run(&found.letters, args.json)?)
        }
        DeadCommand::Retry(args) => {
            let (found, missing) = choose(&layout, args)?;
            none_missing(&missing, retry(&layout, &found)?)
        }
        DeadCommand::Drop(args) => {
            let (found, missing) = choose(&layout, &args.selection)?;
            none_missing(&missing, drop_letters(&layout, &found, args.yes)?)
        }
        DeadCommand::Export(args) => {
            refuse_no_choice(&[], &args.filter, args.all)?;
            export::run(&find(&layout, &args.filter)?.letters, &args.dir)
        }
    }
}

/// Reports names that no letter has, after the others were handled.
fn none_missing(missing: &[&str], exit: Exit) -> Result<Exit, Failure> {
    if missing.is_empty() {
        Ok(exit)
    } else {
        Err(DeadError::NotThere { messages: missing.join(", ") }.into())
    }
}
