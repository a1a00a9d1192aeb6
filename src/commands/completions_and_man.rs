//! Completions and man pages, from the same definitions as `--help`.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueHint};

use crate::exit::{Exit, Explain, Failure, OutputError};

/// The arguments of `irispool completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// The arguments of `irispool man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into DIR; without it, irispool(1) goes to stdout
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write man pages into {}: {source}", dir.display())]
struct ManError {
    dir: PathBuf,
    source: std::io::Error,
}

impl Explain for ManError {}

/// Writes the shell's completions to stdout.
///
/// # Errors
/// If stdout cannot be written.
pub(super) fn completions(args: &CompletionsArgs, mut definition: Command) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut definition, "irispool", &mut text);
    stdout().write_all(&text).map_err(OutputError::from)?;
    Ok(Exit::Done)
}

/// Writes irispool(1) to stdout, or all pages into a folder: `irispool.1`, `irispool-run.1` and so on.
///
/// # Errors
/// If stdout or the folder cannot be written.
pub(super) fn man(args: &ManArgs, definition: Command) -> Result<Exit, Failure> {
    // A page is about a version of irispool, whatever it was built from.
    let definition = definition.version(env!("CARGO_PKG_VERSION"));
    match &args.dir {
        Some(dir) => write_pages(dir, definition).map_err(|source| ManError { dir: dir.clone(), source })?,
        None => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(definition).render(&mut page);
            rendered.and_then(|()| stdout().write_all(&page)).map_err(OutputError::from)?;
        }
    }
    Ok(Exit::Done)
}

fn write_pages(dir: &Path, definition: Command) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(definition, dir)
}
