//! `irispool archive`: what is in the archive, and copies out of it.

use std::cell::Cell;
use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::args::{NotThere, is_of, refuse_unknown, spool_of};
use super::query::{self, OutputFormat, QueryArgs};
use super::table::named;
use super::terminal::say;
use super::units::{counted, size};
use crate::config::Config;
use crate::exit::{Exit, Explain, Failure, OutputError};
use crate::observe::plain;
use crate::spool::{
    ArchiveFile, Contents, Day, Layout, Restored, SpoolError, Target, archive_files, restore,
};
use crate::warehouse::{Answer, Query, QueryError, Value};

#[derive(Debug, Subcommand)]
pub enum ArchiveCommand {
    /// The files of the archive, a line each: dataset, day, messages, bytes
    #[command(after_help = "Examples:
  irispool archive list
  irispool archive list --dataset FREQ --since 2025-10-01 --format csv

Each file can be read by tar --zstd -xf and zstd -dc, too.")]
    List(ArchiveListArgs),
    /// Copy messages out of the archive, into a folder or back to incoming; it stays as it is
    #[command(after_help = "Examples:
  irispool archive restore --dataset FREQ --day 2025-10-28 --to /tmp/freq
  irispool archive restore FREQ_202510280359_00001.json --to /tmp/one
  irispool archive restore --all --incoming --spool /srv/new

Nothing is replaced. In incoming the messages are delivered as if they came anew: what the
warehouse has is recognised and not loaded again, so this is for filling a new one. A message is
not restored where incoming has one of its name: then the exit code is 4.")]
    Restore(RestoreArgs),
}

/// Which files of the archive; each narrows the choice.
#[derive(Debug, Default, Args)]
pub struct ArchiveFilter {
    /// Only of this dataset; may be given more than once
    #[arg(long = "dataset", value_name = "NAME")]
    pub datasets: Vec<String>,
    /// Only messages written on this day, UTC
    #[arg(long, value_name = "YYYY-MM-DD", allow_hyphen_values = true, conflicts_with_all = ["since", "until"])]
    pub day: Option<Day>,
    /// Only of this day and later
    #[arg(long, value_name = "YYYY-MM-DD", allow_hyphen_values = true)]
    pub since: Option<Day>,
    /// Only of this day and earlier
    #[arg(long, value_name = "YYYY-MM-DD", allow_hyphen_values = true)]
    pub until: Option<Day>,
}

#[derive(Debug, Args)]
pub struct ArchiveListArgs {
    #[command(flatten)]
    pub filter: ArchiveFilter,
    /// How to print it; a table on a terminal, csv elsewhere, unless said
    #[arg(long, value_enum)]
    pub format: Option<OutputFormat>,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Messages by their ids
    #[arg(value_name = "MESSAGE")]
    pub messages: Vec<String>,
    #[command(flatten)]
    pub filter: ArchiveFilter,
    /// All that there are
    #[arg(long, conflicts_with_all = ["messages", "datasets", "day", "since", "until"])]
    pub all: bool,
    /// Into this folder, as DIR/DATASET/MESSAGE; made where it lacks
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, required_unless_present = "incoming")]
    pub to: Option<PathBuf>,
    /// Back to incoming, for the next worker
    #[arg(long, conflicts_with = "to")]
    pub incoming: bool,
}

#[derive(Debug, thiserror::Error)]
enum ArchiveError {
    #[error("nothing was chosen")]
    NoChoice,
    #[error("{} of the archive could not be read to the end", counted(*.files, "file"))]
    Damaged { files: u64 },
    #[error("{} of the archive can't say what is in it: damaged, or another program's", counted(*.files, "file"))]
    NoNote { files: u64 },
    #[error("not in the archive: {}", plain(messages))]
    NotThere { messages: String },
}

impl Explain for ArchiveError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            ArchiveError::NoChoice => {
                "name messages, or choose by --dataset, --day, --since and --until, or say --all".to_owned()
            }
            ArchiveError::Damaged { .. } => {
                "what stands before the damaged place is restored; zstd -t FILE says more".to_owned()
            }
            ArchiveError::NoNote { .. } => {
                "they are the lines without a count; zstd -t FILE says more. What comes now goes into a file beside it"
                    .to_owned()
            }
            ArchiveError::NotThere { .. } => {
                "what was delivered last may still be in done/; irispool archive list shows the days there are"
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
/// When the archive can't be read, or what is restored can't be written.
pub(super) fn run(config: &Config, command: &ArchiveCommand) -> Result<Exit, Failure> {
    let layout = spool_of(config)?;
    match command {
        ArchiveCommand::List(args) => {
            let asked = QueryArgs { sql: String::new(), format: args.format };
            let (files, unread) = find(&layout, &args.filter)?;
            let listing = ArchiveListing { files, without_note: Cell::new(0) };
            query::run(&asked, &listing)?;
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

/// The files, and the first reason why there may be more.
fn find(layout: &Layout, filter: &ArchiveFilter) -> Result<(Vec<ArchiveFile>, Option<SpoolError>), NotThere> {
    let (mut files, unread) = archive_files(layout, &|label| is_of(&filter.datasets, label));
    let labels: Vec<&str> = files.iter().map(|file| file.label.as_str()).collect();
    refuse_unknown(&filter.datasets, &labels)?;
    files.retain(|file| filter.takes_day(file.day));
    Ok((files, unread))
}

/// The list, asked like a warehouse, so that it has the same formats.
struct ArchiveListing {
    files: Vec<ArchiveFile>,
    /// How many of them do not say what is in them.
    without_note: Cell<u64>,
}

impl Query for ArchiveListing {
    fn query(&self, _: &str, answer: &mut dyn Answer) -> Result<u64, QueryError> {
        let columns = ["dataset", "day", "messages", "bytes", "file_bytes", "file"];
        answer.columns(&columns.map(str::to_owned))?;
        for file in &self.files {
            let contents = file.contents().map_err(io::Error::other)?;
            if contents.as_ref().is_none_or(|contents| contents.is_damaged) {
                self.without_note.set(self.without_note.get() + 1);
            }
            let number = |of: fn(&Contents) -> u64| {
                contents.as_ref().map_or(Value::Null, |contents| Value::Int(of(contents) as i64))
            };
            let (day, path) = (file.day.to_string(), file.path.to_string_lossy());
            answer.row(&[
                Value::Text(&file.label),
                Value::Text(&day),
                number(|contents| contents.messages),
                number(|contents| contents.bytes),
                Value::Int(file.file_bytes as i64),
                Value::Text(&path),
            ])?;
        }
        Ok(self.files.len() as u64)
    }
}

fn restore_all(layout: &Layout, args: &RestoreArgs) -> Result<Exit, Failure> {
    if !args.all && args.messages.is_empty() && args.filter.is_empty() {
        return Err(ArchiveError::NoChoice.into());
    }
    // Where the spool's folders are not right, nothing may be put into it.
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
    let place = args.to.as_ref().map_or("incoming".to_owned(), |folder| folder.display().to_string());
    let what = counted(restored.messages, "message");
    say(&format!("restored {what}, {}, to {}\n", size(restored.bytes), plain(&place)))?;
    if restored.were_there > 0 {
        say(&format!("{} already there, the same to the byte\n", counted(restored.were_there, "message")))?;
    }
    let left_alone = &restored.left_alone;
    if !left_alone.is_empty() {
        let what = counted(left_alone.len() as u64, "message");
        say(&format!(
            "{what} not restored: no worker takes a message from a folder that is set aside, or under a temporary name; \
             restore it to a folder with --to, and move it to incoming/<DATASET>/ under its own name\n{}",
            named(left_alone)
        ))?;
    }
    let taken = &restored.name_taken;
    if !taken.is_empty() {
        let what = counted(taken.len() as u64, "message");
        say(&format!(
            "{what} not restored: incoming has one of that name; try again when it is delivered\n{}",
            named(taken)
        ))?;
    }
    Ok(())
}
