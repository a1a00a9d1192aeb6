//! `irispool dead`: what can't be delivered, and what a person does about it.

mod export;
mod list;
mod settle;
mod show;

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::args::{is_of, refuse_unknown, spool_of};
use crate::config::Config;
use crate::exit::{Exit, Explain, Failure};
use crate::spool::{Layout, Letter, Letters, dead_bytes, dead_letters, gone_letters, reason_group};

#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// How many there are, by dataset and reason
    #[command(after_help = "Examples:
  irispool dead list
  irispool dead list --dataset FREQ --json")]
    List(ListArgs),
    /// Each message with its report, and the place in it that is bad
    #[command(after_help = "Examples:
  irispool dead show FREQ_202510280359_00001.json
  irispool dead show --reason 'half-way'")]
    Show(ShowArgs),
    /// Move messages back to incoming, to be tried again
    #[command(after_help = "Examples:
  irispool dead retry --all
  irispool dead retry --dataset FREQ --reason 'half-way'

What was delivered of them is not doubled; a mended copy replaces it, whatever its time. A message
stays where incoming has one of its name: then the exit code is 4.")]
    Retry(Selection),
    /// Delete messages and their reports for good; asks first
    #[command(after_help = "Examples:
  irispool dead drop FREQ_202510280359_00001.json
  irispool dead drop --reason 'symbolic link' --yes")]
    Drop(DropArgs),
    /// Copy messages and their reports into a folder; they stay in dead
    #[command(after_help = "Examples:
  irispool dead export --all /tmp/for-elexon
  irispool dead export --dataset FREQ /tmp/freq && tar czf freq.tar.gz -C /tmp freq")]
    Export(ExportArgs),
}

/// Which dead letters; each narrows the choice.
#[derive(Debug, Default, Args)]
pub struct Filter {
    /// Only of this dataset; may be given more than once
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<String>,
    /// Only those with this text in their reason; # stands for any number
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub filter: Filter,
    /// As one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Messages by their ids
    #[arg(value_name = "MESSAGE")]
    pub messages: Vec<String>,
    #[command(flatten)]
    pub filter: Filter,
    /// A JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Selection {
    /// Messages by their ids
    #[arg(value_name = "MESSAGE")]
    pub messages: Vec<String>,
    #[command(flatten)]
    pub filter: Filter,
    /// All that there are
    #[arg(long, conflicts_with_all = ["messages", "datasets", "reason"])]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct DropArgs {
    #[command(flatten)]
    pub selection: Selection,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Where to; made where it lacks
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    #[command(flatten)]
    pub filter: Filter,
    /// All that there are
    #[arg(long, conflicts_with_all = ["datasets", "reason"])]
    pub all: bool,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum DeadError {
    #[error("no dead letter was chosen")]
    NoChoice,
    #[error("there is nobody to ask whether {count} dead letters may be deleted")]
    NobodyToAsk { count: usize },
    #[error("not in dead: {messages}")]
    NotThere { messages: String },
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Copy { action: &'static str, path: PathBuf, source: io::Error },
}

impl Explain for DeadError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            DeadError::NoChoice => {
                "name messages, or choose by --dataset and --reason, or say --all".to_owned()
            }
            DeadError::NobodyToAsk { .. } => "add --yes to delete them without being asked".to_owned(),
            DeadError::NotThere { .. } => {
                "irispool dead list; or has somebody retried it already?".to_owned()
            }
            DeadError::Copy { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                "nothing is overwritten: export into an empty folder".to_owned()
            }
            DeadError::Copy { .. } => return None,
        })
    }

    fn exit(&self) -> Exit {
        match self {
            DeadError::NoChoice | DeadError::NobodyToAsk { .. } => Exit::Usage,
            DeadError::NotThere { .. } | DeadError::Copy { .. } => Exit::CannotRun,
        }
    }
}

/// `irispool dead`.
///
/// # Errors
/// When the spool can't be read, or what the verb does fails.
pub(super) fn run(config: &Config, command: &DeadCommand) -> Result<Exit, Failure> {
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
            let (found, missing) = args.choose(&layout)?;
            none_missing(&missing, settle::retry(&layout, &found)?)
        }
        DeadCommand::Drop(args) => {
            let (found, missing) = args.selection.choose(&layout)?;
            none_missing(&missing, settle::drop(&layout, &found, args.yes)?)
        }
        DeadCommand::Export(args) => {
            refuse_no_choice(&[], &args.filter, args.all)?;
            export::run(&find(&layout, &args.filter)?.letters, &args.dir)
        }
    }
}

impl Selection {
    /// What was chosen, and the names that are not there.
    fn choose(&self, layout: &Layout) -> Result<(Letters, Vec<&str>), Failure> {
        refuse_no_choice(&self.messages, &self.filter, self.all)?;
        Ok(only(find(layout, &self.filter)?, &self.messages))
    }
}

fn refuse_no_choice(messages: &[String], filter: &Filter, all: bool) -> Result<(), DeadError> {
    let chosen = all || !messages.is_empty() || !filter.datasets.is_empty() || filter.reason.is_some();
    if chosen { Ok(()) } else { Err(DeadError::NoChoice) }
}

fn find(layout: &Layout, filter: &Filter) -> Result<Letters, Failure> {
    let mut found = dead_letters(layout)?;
    let labels: Vec<&str> = found.letters.iter().map(|letter| letter.label.as_str()).collect();
    refuse_unknown(&filter.datasets, &labels)?;
    found.letters.retain(|letter| filter.takes(letter));
    Ok(found)
}

/// Those of these ids, or of these names in `dead`, and the names that no letter has; all where none is named.
fn only(mut found: Letters, messages: &[String]) -> (Letters, Vec<&str>) {
    let is_of =
        |letter: &Letter, name: &str| name == letter.message_id() || name == letter.name.to_string_lossy();
    let mut missing: Vec<&str> = messages.iter().map(String::as_str).collect();
    missing.retain(|name| !found.letters.iter().any(|letter| is_of(letter, name)));
    found.letters.retain(|letter| messages.is_empty() || messages.iter().any(|name| is_of(letter, name)));
    (found, missing)
}

/// What could be done with the others is done by then.
fn none_missing(missing: &[&str], exit: Exit) -> Result<Exit, Failure> {
    if missing.is_empty() {
        Ok(exit)
    } else {
        Err(DeadError::NotThere { messages: missing.join(", ") }.into())
    }
}

impl Filter {
    fn takes(&self, letter: &Letter) -> bool {
        let by_reason = self.reason.as_ref().is_none_or(|text| {
            let reason = reason(letter);
            reason.contains(text.as_str()) || reason_group(&reason).contains(text.as_str())
        });
        is_of(&self.datasets, &letter.label) && by_reason
    }
}

/// `parse: cut off at byte 17`.
fn reason(letter: &Letter) -> String {
    match &letter.report {
        Some(report) => format!("{}: {}", report.stage, report.reason),
        None => "no report that can be read".to_owned(),
    }
}

/// `FREQ/FREQ_202510280359_00001.json`, as it lies in dead.
fn place(letter: &Letter) -> String {
    format!("{}/{}", letter.label, letter.name.to_string_lossy())
}
