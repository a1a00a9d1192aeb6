//! What can be typed behind each verb.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::config::RunSettings;

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

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where; a fresh folder when left out
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct FeedArgs {
    /// Where the client downloads to: messages go to DIR/DATASET/
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
    /// How rows are printed [default: table on a terminal, else csv]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

/// How `query` prints rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate: Option<f64> = text.parse().ok();
    rate.filter(|rate| (0.001..=1_000_000.0).contains(rate)).ok_or("from 0.001 to 1000000")
}
