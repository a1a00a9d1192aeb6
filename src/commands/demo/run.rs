//! Feeds, runs and queries as the other commands do, in a folder of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ColorChoice;

use super::super::args::DemoArgs;
use super::super::feed::{self, FeedArgs};
use super::super::run::work;
use super::super::terminal::say;
use super::super::units::{count, counted};
use super::ending;
use crate::config::{Config, WarehouseSpec};
use crate::exit::{Exit, Explain, Failure};
use crate::feed::Mix;
use crate::health::DrainHistory;
use crate::observe::plain;
use crate::pipeline::{PipelineError, Totals};
use crate::signals::Stop;
use crate::spool::{Layout, dead_letters, now_ms};
use crate::warehouse::sqlite::SqliteReader;

const FILES: u64 = 5_000;
/// Messages that come a second time, as after a crash of the client.
const REDELIVERED: u64 = 400;
const FAULT_SHARE: f64 = 0.02;

#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("{} contains a control character, which settings do not allow", dir.display())]
    Control { dir: PathBuf },
    #[error("{} is not empty", dir.display())]
    NotEmpty { dir: PathBuf },
    #[error("cannot create the folder {}: {source}", dir.display())]
    Folder { dir: PathBuf, source: io::Error },
}

impl Explain for DemoError {
    fn hint(&self) -> Option<String> {
        Some("choose another folder, or leave it out for a new one".to_owned())
    }
}

/// Writes messages, delivers them and shows the result.
///
/// # Errors
/// If the folder cannot be used, or one of the steps fails.
pub(in crate::commands) fn run(
    config: &Config,
    args: &DemoArgs,
    colour: ColorChoice,
) -> Result<Exit, Failure> {
    let stop = Stop::on_signals().map_err(PipelineError::Thread)?;
    // The commands that the demo prints at the end must work from every folder.
    let wanted = args.dir.as_deref().map(|dir| std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()));
    let dir = fresh_folder(wanted.as_deref())?;
    let spool = dir.join("spool");
    let database = dir.join("irispool.db");
    let config = Config {
        spool: spool.clone(),
        warehouse: WarehouseSpec::Sqlite(database.clone()),
        listen: None,
        pid_file: None,
        ..config.clone()
    };
    let layout = Layout::open(&spool)?;

    say(&format!("A new spool in {}\n", plain(&spool.to_string_lossy())))?;
    let feed = FeedArgs {
        dir: layout.incoming(),
        files: Some(FILES),
        per_second: None,
        datasets: Vec::new(),
        seed: 1,
        start: None,
        mix: Mix::Even,
        faults: FAULT_SHARE,
    };
    let feed = feed.with_start(FILES)?;
    let fed = feed::run(&feed, &stop)?;
    let (messages, rows) = (counted(fed.files, "message"), counted(fed.rows, "good row"));
    let odd = count(fed.faults.values().sum());
    say(&format!("Wrote {messages} ({rows}), {odd} of them odd or broken on purpose\n"))?;

    let delivered = drain(&config, &layout, &stop)?;
    let (messages, rows) = (counted(delivered.delivered, "message"), counted(delivered.rows, "row"));
    say(&format!("Delivered {messages} with {rows}; {} went to dead\n", count(delivered.dead)))?;

    let again = FeedArgs { files: Some(REDELIVERED), ..feed };
    feed::run(&again, &stop)?;
    let reader = SqliteReader::open(&database, config.busy_timeout)?;
    let before = ending::rows_loaded(&reader)?;
    let delivered = drain(&config, &layout, &stop)?;
    let after = ending::rows_loaded(&reader)?;
    let messages = count(delivered.delivered);
    say(&format!(
        "Delivered {messages} of them a second time: {before} rows before, {after} rows after\n\n"
    ))?;

    let letters = dead_letters(&layout)?.letters;
    say(&ending::draw(&reader, &letters, &config, &dir, colour)?)?;
    Ok(Exit::Done)
}

/// Delivers what is there, as `irispool run --once` does.
fn drain(config: &Config, layout: &Layout, stop: &Stop) -> Result<Totals, Failure> {
    let began_ms = now_ms();
    let (_, totals) = work(config, true, layout.clone(), stop.clone(), Arc::default())?;
    DrainHistory::record(&layout.drains(), began_ms, now_ms());
    Ok(totals)
}

fn fresh_folder(wanted: Option<&Path>) -> Result<PathBuf, DemoError> {
    let failed = |dir: &Path| {
        let dir = dir.to_owned();
        move |source| DemoError::Folder { dir, source }
    };
    if let Some(dir) = wanted {
        if dir.to_string_lossy().contains(char::is_control) {
            return Err(DemoError::Control { dir: dir.to_owned() });
        }
        fs::create_dir_all(dir).map_err(failed(dir))?;
        let mut entries = fs::read_dir(dir).map_err(failed(dir))?;
        return if entries.next().is_none() {
            Ok(dir.to_owned())
        } else {
            Err(DemoError::NotEmpty { dir: dir.to_owned() })
        };
    }
    let mut number = 1;
    loop {
        let dir = std::env::temp_dir().join(format!("irispool-demo-{number}"));
        match fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(DemoError::Folder { dir, source }),
        }
    }
}
