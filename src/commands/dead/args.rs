//! What can be typed behind `irispool dead`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// How many there are, by dataset and reason
    #[command(after_help = "Examples:
  irispool dead list
  irispool dead list --dataset FREQ --json")]
    List(DeadListArgs),
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

/// Which dead letters; each narrows the choice.
#[derive(Debug, Default, Args)]
pub struct DeadFilter {
    /// Only of this dataset; may be given more than once
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<String>,
    /// Only those with this text in their reason; # stands for any number
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub struct DeadListArgs {
    #[command(flatten)]
    pub filter: DeadFilter,
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
    pub filter: DeadFilter,
    /// A JSON object a line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct DeadSelection {
    /// Messages by their ids
    #[arg(value_name = "MESSAGE")]
    pub messages: Vec<String>,
    #[command(flatten)]
    pub filter: DeadFilter,
    /// All that there are
    #[arg(long, conflicts_with_all = ["messages", "datasets", "reason"])]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct DropArgs {
    #[command(flatten)]
    pub selection: DeadSelection,
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
    pub filter: DeadFilter,
    /// All that there are
    #[arg(long, conflicts_with_all = ["datasets", "reason"])]
    pub all: bool,
}
