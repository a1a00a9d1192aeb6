//! `irispool config`: prints the settings in effect.

use std::io::{Write, stdout};

use crate::config::LoadedConfig;
use crate::exit::{Exit, Failure, OutputError};

/// Prints every setting as TOML, with a comment that says where it comes from.
///
/// # Errors
/// If stdout cannot be written.
pub(super) fn run(settings: &LoadedConfig) -> Result<Exit, Failure> {
    stdout().write_all(settings.to_toml().as_bytes()).map_err(OutputError::from)?;
    Ok(Exit::Done)
}
