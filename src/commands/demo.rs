//! `irispool demo`: shows how irispool works, with made-up messages in a folder of its own. It feeds, runs and queries
//! as the other commands do.

use std::fs;
use std::io::{self, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::DemoArgs;
use super::feed::{self, FeedArgs};
use super::query::{OutputFormat, print};
use super::run::work;
use super::terminal::say;
use crate::config::{Config, WarehouseSpec};
use crate::exit::{Exit, Explain, Failure};
use crate::feed::Mix;
use crate::observe::plain;
use crate::paste;
use crate::pipeline::{PipelineError, Totals};
use crate::signals::Stop;
use crate::spool::{DeadReport, Layout};
use crate::warehouse::sqlite::SqliteReader;

const FILES: u64 = 5_000;
/// Messages that come a second time, as after a crash of the client.
const REDELIVERED: u64 = 400;
const FAULT_SHARE: f64 = 0.02;

/// Dead letters shown; the count says how many there are.
const DEAD_SHOWN_MAX: usize = 12;

const TABLES_SQL: &str = include_str!("../../sql/sqlite/demo/tables.sql");
const GENERATION_SQL: &str = include_str!("../../sql/sqlite/demo/generation.sql");

#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
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
pub(super) fn run(config: &Config, args: &DemoArgs) -> Result<Exit, Failure> {
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

    say(&format!("A new spool in {}\n", plain(&dir.to_string_lossy())))?;
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
    say(&format!("\nWrote messages as Elexon's client does, some broken on purpose: {fed}\n"))?;

    let (_, totals) = work(&config, true, layout.clone(), stop.clone(), Arc::default())?;
    let Totals { delivered, rows, dead, .. } = totals;
    say(&format!("\nDelivered {delivered} messages with {rows} rows; {dead} messages went to dead\n"))?;

    let again = FeedArgs { files: Some(REDELIVERED), ..feed };
    feed::run(&again, &stop)?;
    let (_, totals) = work(&config, true, layout.clone(), stop, Arc::default())?;
    let Totals { delivered, already_loaded, rows, .. } = totals;
    say(&format!(
        "Delivered {delivered} messages a second time: {already_loaded} were already loaded, {rows} rows are new\n\n"
    ))?;

    let reader = SqliteReader::open(&database, config.busy_timeout)?;
    let mut out = stdout();
    print(&reader, TABLES_SQL, OutputFormat::Table, None, &mut out)?;
    show_dead(&layout)?;
    say("\nThe latest generation mix, from bmrs_fuelinst_unified\n")?;
    print(&reader, GENERATION_SQL, OutputFormat::Table, None, &mut out)?;
    show_next(&dir)?;
    Ok(Exit::Done)
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

fn show_dead(layout: &Layout) -> Result<(), Failure> {
    let mut reports = Vec::new();
    for folder in fs::read_dir(layout.dead()).into_iter().flatten().flatten() {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            if file.file_name().to_string_lossy().ends_with(".error.json")
                && let Ok(text) = fs::read(file.path())
                && let Ok(report) = serde_json::from_slice::<DeadReport>(&text)
            {
                reports.push(report);
            }
        }
    }
    reports.sort_by(|one, other| one.message_id.cmp(&other.message_id));
    say(&format!("\nWhat went to {}, and why\n", plain(&layout.dead().to_string_lossy())))?;
    for report in reports.iter().take(DEAD_SHOWN_MAX) {
        say(&format!("  {}: {}\n", plain(&report.message_id), plain(&report.reason)))?;
    }
    if reports.len() > DEAD_SHOWN_MAX {
        say(&format!("  … and {} more\n", reports.len() - DEAD_SHOWN_MAX))?;
    }
    Ok(())
}

fn show_next(dir: &Path) -> Result<(), Failure> {
    let program = std::env::args_os().next().unwrap_or_else(|| "irispool".into());
    let program = paste::word(program);
    let warehouse = paste::word(format!("sqlite:{}", dir.join("irispool.db").display()));
    let spool = paste::word(dir.join("spool"));
    let incoming = paste::word(dir.join("spool/incoming"));
    let dir = paste::word(dir);
    say(&format!(
        "\nNext:
  {program} query --warehouse {warehouse} 'SELECT * FROM bmrs_freq_unified LIMIT 5'
  {program} query --warehouse {warehouse} 'SELECT * FROM irispool_load_history LIMIT 5'
  {program} feed --per-second 20 {incoming} &
  {program} run --spool {spool} --warehouse {warehouse}
When you have seen enough:
  rm -r {dir}
"
    ))?;
    Ok(())
}
