//! What can be typed behind each verb.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::catalog;
use crate::config::{AlertSettings, RunSettings, StatusSettings};

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Deliver what is there, then exit
    #[arg(long)]
    pub once: bool,
    #[command(flatten)]
    pub settings: RunSettings,
    #[command(flatten)]
    pub health: StatusSettings,
    #[command(flatten)]
    pub alerts: AlertSettings,
}

#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    pub settings: RunSettings,
    #[command(flatten)]
    pub health: StatusSettings,
    #[command(flatten)]
    pub alerts: AlertSettings,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where; a fresh folder when left out
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// Whether a folder of that label is one of the datasets that were named, by whichever of their names; all are where none
/// was.
pub(super) fn is_of(datasets: &[String], label: &str) -> bool {
    let dataset = catalog::dataset_name(label);
    let is_it = |name: &String| {
        name.eq_ignore_ascii_case(label) || catalog::dataset_name(name).eq_ignore_ascii_case(&dataset)
    };
    datasets.is_empty() || datasets.iter().any(is_it)
}
