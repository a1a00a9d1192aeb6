//! The arguments of `irispool dead`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// The subcommands of `irispool dead`.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// Count the dead letters by dataset and reason
    #[command(after_help = "Examples:
  irispool dead list
  irispool dead list --dataset FREQ --json")]
    List(DeadListArgs),
    /// Show each message with its report and the bytes that are wrong
    #[command(after_help = "Examples:
  irispool dead show FREQ_202510280359_00001.json
  irispool dead show --reason 'half-way'")]
    Show(ShowArgs),
    /// Move messages back to incoming, so that a worker tries them again
    #[command(after_help = "Examples:
  irispool dead retry --all
  irispool dead retry --dataset FREQ --reason 'half-way'

Rows that were already delivered are not loaded twice; a repaired copy replaces them, whatever its
time. A message stays in dead if incoming has a file of the same name; the exit code is then 4.")]
    Retry(DeadSelection),
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

/// Which dead letters are meant; each option narrows the choice.
#[derive(Debug, Default, Args)]
pub struct DeadFilter {
    /// Only this dataset; can be given more than once
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<String>,
    /// Only letters with this text in their reason; # matches any number
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// The arguments of `irispool dead list`.
#[derive(Debug, Args)]
pub struct DeadListArgs {
    #[command(flatten)]
    pub filter: DeadFilter,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `irispool dead show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Ids of messages
    #[arg(value_name = "MESSAGE")]
    pub messages: Vec<String>,
    #[command(flatten)]
    pub filter: DeadFilter,
    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// Messages by their ids, or by a filter, or all.
#[derive(Debug, Args)]
pub struct DeadSelection {
    /// Ids of messages
    #[arg(value_name = "MESSAGE")]
    pub messages: Vec<String>,
    #[command(flatten)]
    pub filter: DeadFilter,
    /// All dead letters
    #[arg(long, conflicts_with_all = ["messages", "datasets", "reason"])]
    pub all: bool,
}

/// The arguments of `irispool dead drop`.
#[derive(Debug, Args)]
pub struct DropArgs {
    #[command(flatten)]
    pub selection: DeadSelection,
    /// Delete without asking
    #[arg(long)]
    pub yes: bool,
}

/// The arguments of `irispool dead export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The folder to copy to; it is created if it is missing
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    #[command(flatten)]
    pub filter: DeadFilter,
    /// All dead letters
    #[arg(long, conflicts_with_all = ["datasets", "reason"])]
    pub all: bool,
}
