//! `irispool prune`: deletes old rows from a SQLite warehouse.

use std::time::Duration;

use clap::Args;

use super::args::refuse_unknown;
use super::table::{Align, columns};
use super::terminal::say;
use super::units::{count, counted, size, time};
use crate::catalog;
use crate::config::{Config, WarehouseSpec};
use crate::exit::{Exit, Explain, Failure, OutputError};
use crate::spool::now_ms;
use crate::warehouse::sqlite::{Prune, Pruned, Pruner};

/// IRIS delivers a message again for up to 3 days. If the ledger forgot it sooner, its rows would be loaded again.
const REDELIVERED_FOR: Duration = Duration::from_secs(3 * 86_400);

/// The arguments of `irispool prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Delete rows that were loaded (ingested_utc) longer ago than this, such as 90d; at least 3d
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub older_than: Duration,
    /// Only this dataset; can be given more than once
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<String>,
    /// Only print what would be deleted
    #[arg(long)]
    pub dry_run: bool,
    /// Rewrite the file without its free space; workers wait meanwhile
    #[arg(long, conflicts_with = "dry_run")]
    pub vacuum: bool,
    /// Allow less than 3d: delete the rows, but keep their lines in irispool_load_history
    #[arg(long)]
    pub force: bool,
}

fn age(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number {
            format!("it has no unit; did you mean {text}d?")
        } else {
            "an age such as 90d".to_owned()
        }
    })
}

#[derive(Debug, thiserror::Error)]
enum PruneError {
    #[error("--older-than {} is too short: IRIS delivers messages again for 3 days", humantime::format_duration(*.age))]
    TooYoung { age: Duration },
    #[error("prune works only with SQLite, and {warehouse} is in BigQuery")]
    BigQuery { warehouse: String },
}

impl Explain for PruneError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            PruneError::TooYoung { .. } => {
                "use 3d or more; with --force, prune keeps the lines of the ledger, so that repeated messages are not \
                 loaded again"
                    .to_owned()
            }
            PruneError::BigQuery { .. } => {
                "BigQuery can delete old rows by itself: ALTER TABLE … SET OPTIONS (partition_expiration_days = 90), \
                 for each table"
                    .to_owned()
            }
        })
    }

    fn exit(&self) -> Exit {
        match self {
            PruneError::TooYoung { .. } => Exit::Usage,
            PruneError::BigQuery { .. } => Exit::CannotRun,
        }
    }
}

/// `irispool prune`.
///
/// # Errors
/// If the warehouse is not SQLite, cannot be written, or stays locked for too long.
pub(super) fn run(config: &Config, args: &PruneArgs) -> Result<Exit, Failure> {
    let WarehouseSpec::Sqlite(path) = &config.warehouse else {
        return Err(PruneError::BigQuery { warehouse: config.warehouse.to_string() }.into());
    };
    if args.older_than < REDELIVERED_FOR && !args.force {
        return Err(PruneError::TooYoung { age: args.older_than }.into());
    }
    let ago = |age: Duration| now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let prune = Prune {
        before_ms: ago(args.older_than),
        lines_before_ms: ago(args.older_than.max(REDELIVERED_FOR)),
        datasets: args.datasets.iter().map(|name| catalog::dataset_name(name)).collect(),
    };
    let pruner = Pruner::open(path, config.busy_timeout)?;
    let loaded = pruner.datasets()?;
    refuse_unknown(&args.datasets, &loaded.iter().map(String::as_str).collect::<Vec<_>>())?;
    let pruned = if args.dry_run { pruner.count(&prune)? } else { pruner.prune(&prune)? };
    tell(args, &prune, &pruned)?;
    if args.vacuum {
        let before = pruner.free_bytes()?;
        pruner.vacuum()?;
        say(&format!(
            "{} of the file returned to the disk\n",
            size(before.saturating_sub(pruner.free_bytes()?))
        ))?;
    } else if !args.dry_run {
        say(&format!("{} of the file are free for the next rows\n", size(pruner.free_bytes()?)))?;
    }
    Ok(Exit::Done)
}

fn tell(args: &PruneArgs, prune: &Prune, pruned: &[Pruned]) -> Result<(), OutputError> {
    let (mut rows, mut messages) = (0, 0);
    let mut lines = Vec::new();
    for of in pruned {
        rows += of.rows;
        messages += of.messages;
        lines.push(vec![of.table.clone(), count(of.messages), count(of.rows)]);
    }
    if !lines.is_empty() {
        say(&columns(&[("TABLE", Align::Left), ("MESSAGES", Align::Right), ("ROWS", Align::Right)], &lines))?;
    }
    let done = if args.dry_run { "would be deleted" } else { "deleted" };
    let (rows, messages) = (counted(rows, "row"), counted(messages, "message"));
    say(&format!("{rows} of {messages} {done}, loaded before {}\n", time(prune.before_ms)))
}
