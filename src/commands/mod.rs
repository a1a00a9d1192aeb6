//! One file a verb.

mod config;

use crate::cli::Command;
use crate::config::Loaded;
use crate::exit::{Exit, Explain, Failure};

/// Does what was typed.
///
/// # Errors
/// Whatever the verb fails with.
pub fn run(command: Command, settings: Loaded) -> Result<Exit, Failure> {
    match command {
        Command::Config(_) => config::run(&settings),
        absent => Err(AbsentError(absent).into()),
    }
}

/// The verbs whose modules are not in this build.
#[derive(Debug, thiserror::Error)]
#[error("this build cannot do {0:?}")]
struct AbsentError(Command);

impl Explain for AbsentError {}
