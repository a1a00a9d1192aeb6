//! What can be typed behind each verb.

use std::path::PathBuf;

use clap::{Args, ValueHint};

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
