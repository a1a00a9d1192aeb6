//! `irispool archive`: lists the archive, and copies messages out of it.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::args::{NotThere, is_of, refuse_unknown, spool_of};
use super::query::{self, OutputFormat};
use super::table::named;
use super::terminal::say;
use super::units::{counted, size};
use crate::config::Config;
use crate::exit::{Exit, Explain, Failure, OutputError};
use crate::observe::plain;
use crate::spool::{
    ArchiveFile, Contents, Day, Layout, Restored, SpoolError, Target, archive_files, restore,
};
use crate::warehouse::{Query, QueryError, QueryValue, RowSink};

/// The subcommands of `irispool archive`.
#[derive(Debug, Subcommand)]
pub enum ArchiveCommand {
    /// List the archive's files with their dataset, day, messages and bytes
    #[command(after_help = "Examples:
  irispool archive list
  irispool archive list --dataset FREQ --since 2025-10-01 --format csv

tar --zstd -xf and zstd -dc can read these files, too.")]
    List(ArchiveListArgs),
    /// Copy messages from the archive into a folder or back to incoming; the archive keeps them
    #[command(after_help = "Examples:
  irispool archive restore --dataset FREQ --day 2025-10-28 --to /tmp/freq
  irispool archive restore FREQ_202510280359_00001.json --to /tmp/one
  irispool archive restore --all --incoming --spool /srv/new

restore never replaces a file. --incoming is for filling a new warehouse: workers deliver the
messages again, but never load what the warehouse already has. A message is not restored if
incoming has a file of the same name; the exit code is then 4.")]
    Restore(RestoreArgs),
}

/// Which files of the archive are meant; each option narrows the choice.
#[derive(Debug, Default, Args)]
pub struct ArchiveFilter {
    /// Only this dataset; can be given more than once
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<String>,
    /// Only messages written on this day, UTC
    #[arg(long, value_name = "YYYY-MM-DD", allow_hyphen_values = true, conflicts_with_all = ["since", "until"])]
    pub day: Option<Day>,
    /// Only this day and later
    #[arg(long, value_name = "YYYY-MM-DD", allow_hyphen_values = true)]
    pub since: Option<Day>,
    /// Only this day and earlier
    #[arg(long, value_name = "YYYY-MM-DD", allow_hyphen_values = true)]
    pub until: Option<Day>,
}

/// The arguments of `irispool archive list`.
#[derive(Debug, Args)]
pub struct ArchiveListArgs {
    #[command(flatten)]
    pub filter: ArchiveFilter,
    /// Output format; the default on a terminal is a table, or records if the table is too wide, and csv elsewhere
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
}

/// The arguments of `irispool archive restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Ids of messages
    #[arg(value_name = "MESSAGE")]
    pub messages: Vec<String>,
    #[command(flatten)]
    pub filter: ArchiveFilter,
    /// All messages in the archive
    #[arg(long, conflicts_with_all = ["messages", "datasets", "day", "since", "until"])]
    pub all: bool,
    /// Copy into this folder, as DIR/DATASET/MESSAGE; it is created if it is missing
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, required_unless_present = "incoming")]
    pub to: Option<PathBuf>,
    /// Copy back to incoming, for the next worker
    #[arg(long, conflicts_with = "to")]
    pub incoming: bool,
}

#[derive(Debug, thiserror::Error)]
enum ArchiveError {
    #[error("no message was chosen")]
    NoChoice,
    #[error("{} of the archive could not be read to the end", counted(*.files, "file"))]
    Damaged { files: u64 },
    #[error("{} of the archive cannot be listed: damaged, or not made by irispool", counted(*.files, "file"))]
    NoNote { files: u64 },
    #[error("not in the archive: {}", plain(messages))]
    NotThere { messages: String },
}

impl Explain for ArchiveError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            ArchiveError::NoChoice => {
                "name messages, or choose them with --dataset, --day, --since and --until, or use --all".to_owned()
            }
            ArchiveError::Damaged { .. } => {
                "the messages before the damaged part are restored; zstd -t FILE shows more".to_owned()
            }
            ArchiveError::NoNote { .. } => {
                "they are the lines without a count; zstd -t FILE shows more; new messages go into another file beside it"
                    .to_owned()
            }
            ArchiveError::NotThere { .. } => {
                "the latest deliveries may still be in done/; irispool archive list shows the days in the archive"
                    .to_owned()
            }
        })
    }

    fn exit(&self) -> Exit {
        if matches!(self, ArchiveError::NoChoice) { Exit::Usage } else { Exit::CannotRun }
    }
}

/// `irispool archive`.
///
/// # Errors
/// If the archive cannot be read, or a restored message cannot be written.
pub(super) fn run(config: &Config, command: &ArchiveCommand) -> Result<Exit, Failure> {
    let layout = spool_of(config)?;
    match command {
        ArchiveCommand::List(args) => {
            let (files, unread) = find(&layout, &args.filter)?;
            let listing = ArchiveListing { files, without_note: Cell::new(0) };
            query::print_to_stdout(&listing, "", args.format)?;
            match (unread, listing.without_note.get()) {
                (Some(error), _) => Err(error.into()),
                (None, 0) => Ok(Exit::Done),
                (None, files) => Err(ArchiveError::NoNote { files }.into()),
            }
        }
        ArchiveCommand::Restore(args) => restore_all(&layout, args),
    }
}

impl ArchiveFilter {
    fn is_empty(&self) -> bool {
        self.datasets.is_empty() && self.day.is_none() && self.since.is_none() && self.until.is_none()
    }

    fn takes_day(&self, day: Day) -> bool {
        let (since, until) = (self.since.or(self.day), self.until.or(self.day));
        since.is_none_or(|since| day >= since) && until.is_none_or(|until| day <= until)
    }
}

/// The files, and the first error because of which there may be more.
fn find(layout: &Layout, filter: &ArchiveFilter) -> Result<(Vec<ArchiveFile>, Option<SpoolError>), NotThere> {
    let (mut files, unread) = archive_files(layout, &|label| is_of(&filter.datasets, label));
    let labels: Vec<&str> = files.iter().map(|file| file.label.as_str()).collect();
    refuse_unknown(&filter.datasets, &labels)?;
    files.retain(|file| filter.takes_day(file.day));
    Ok((files, unread))
}

/// The list as a warehouse to query, so that it has the output formats of `irispool query`.
struct ArchiveListing {
    files: Vec<ArchiveFile>,
    /// How many of the files could not be listed.
    without_note: Cell<u64>,
}

impl Query for ArchiveListing {
    fn query(&self, _: &str, answer: &mut dyn RowSink) -> Result<u64, QueryError> {
        let columns = ["dataset", "day", "messages", "bytes", "file_bytes", "file"];
        answer.columns(&columns.map(str::to_owned))?;
        for file in &self.files {
            let contents = file.contents().map_err(io::Error::other)?;
            if contents.as_ref().is_none_or(|contents| contents.is_damaged) {
                self.without_note.set(self.without_note.get() + 1);
            }
            let number = |of: fn(&Contents) -> u64| {
                contents.as_ref().map_or(QueryValue::Null, |contents| QueryValue::Int(of(contents) as i64))
            };
            let (day, path) = (file.day.to_string(), file.path.to_string_lossy());
            answer.row(&[
                QueryValue::Text(&file.label),
                QueryValue::Text(&day),
                number(|contents| contents.messages),
                number(|contents| contents.bytes),
                QueryValue::Int(file.file_bytes as i64),
                QueryValue::Text(&path),
            ])?;
        }
        Ok(self.files.len() as u64)
    }
}

fn restore_all(layout: &Layout, args: &RestoreArgs) -> Result<Exit, Failure> {
    if !args.all && args.messages.is_empty() && args.filter.is_empty() {
        return Err(ArchiveError::NoChoice.into());
    }
    // `open` checks the spool's folders before anything is put into them.
    let spool = match args.incoming {
        true => Some(Layout::open(layout.root())?.with_temporary_names(layout.temporary_names().clone())),
        false => None,
    };
    let target = match (&spool, &args.to) {
        (Some(layout), _) => Target::Incoming(layout),
        (None, Some(folder)) => Target::Folder(folder),
        (None, None) => return Err(ArchiveError::NoChoice.into()),
    };
    let mut missing: Vec<&str> = args.messages.iter().map(String::as_str).collect();
    let (mut restored, mut damaged) = (Restored::default(), 0);
    let (files, unread) = find(layout, &args.filter)?;
    for file in files {
        let found = std::cell::RefCell::new(Vec::new());
        let wants = |name: &OsStr| {
            let named = args.messages.iter().find(|message| OsStr::new(message.as_str()) == name);
            if let Some(named) = named {
                found.borrow_mut().push(named.as_str());
            }
            args.messages.is_empty() || named.is_some()
        };
        match restore(&file, &wants, target, &mut restored) {
            Ok(()) => {}
            Err(SpoolError::DamagedArchive { path, source }) => {
                damaged += 1;
                tracing::error!(file = %path.display(), error = %source, "cannot read all of a file of the archive");
            }
            Err(error) => return Err(error.into()),
        }
        missing.retain(|message| !found.borrow().contains(message));
    }
    tell(args, &restored)?;
    if let Some(error) = unread {
        return Err(error.into());
    }
    if damaged > 0 {
        return Err(ArchiveError::Damaged { files: damaged }.into());
    }
    if !missing.is_empty() {
        return Err(ArchiveError::NotThere { messages: missing.join(", ") }.into());
    }
    let is_all = restored.name_taken.is_empty() && restored.left_alone.is_empty();
    Ok(if is_all { Exit::Done } else { Exit::Left })
}

fn tell(args: &RestoreArgs, restored: &Restored) -> Result<(), OutputError> {
    let target = args.to.as_ref().map_or("incoming".to_owned(), |folder| folder.display().to_string());
    let what = counted(restored.messages, "message");
    say(&format!("restored {what}, {}, to {}\n", size(restored.bytes), plain(&target)))?;
    if restored.were_there > 0 {
        say(&format!("{} already there with the same content\n", counted(restored.were_there, "message")))?;
    }
    let left_alone = &restored.left_alone;
    if !left_alone.is_empty() {
        let what = counted(left_alone.len() as u64, "message");
        say(&format!(
            "{what} not restored: workers skip folders that are set aside and files with temporary names; restore it with --to, and move it to incoming/<DATASET>/ under its own name\n{}",
            named(left_alone)
        ))?;
    }
    let taken = &restored.name_taken;
    if !taken.is_empty() {
        let what = counted(taken.len() as u64, "message");
        say(&format!(
            "{what} not restored: incoming has a file of the same name; try again when that one is delivered\n{}",
            named(taken)
        ))?;
    }
    Ok(())
}
