//! `irispool feed`: writes made-up messages as the IRIS client does, for demos and load tests.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::catalog;
use crate::exit::{Exit, Explain, Failure};
use crate::feed::{Feed, FeedFault, FeedMessage, FeedOptions, Mix};
use crate::signals::Stop;

/// The default number of files.
const FILES_DEFAULT: u64 = 1_000;

/// The arguments of `irispool feed`.
#[derive(Clone, Debug, clap::Args)]
pub struct FeedArgs {
    /// The folder for the datasets' folders, such as spool/incoming
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Number of files [default: 1000, or no end with --per-second]
    #[arg(long, value_name = "N")]
    pub files: Option<u64>,
    /// Files per second [default: as fast as possible]
    #[arg(long, value_name = "R", value_parser = rate)]
    pub per_second: Option<f64>,
    /// Only this dataset; can be given more than once, or as a list with commas
    #[arg(long = "dataset", value_name = "NAME", value_delimiter = ',')]
    pub datasets: Vec<String>,
    /// The same seed and start give the same messages
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The time of the first message [default: early enough that the last one is from now]
    #[arg(long, value_name = "TIME")]
    pub start: Option<Timestamp>,
    /// The proportions of the datasets
    #[arg(long, value_enum, default_value_t = Mix::Backlog)]
    pub mix: Mix,
    /// The share of messages that are cut off, sent again or odd
    #[arg(
        long,
        value_name = "SHARE",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = 0.0,
        default_missing_value = "0.03",
        value_parser = share
    )]
    pub faults: f64,
}

impl FeedArgs {
    /// Sets the start, so that another feed with these arguments writes the same messages.
    pub(super) fn with_start(mut self, files: u64) -> Result<FeedArgs, FeedError> {
        self.start = Some(options(&self, files)?.start);
        Ok(self)
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FeedReport {
    /// Files written; a redelivery counts again.
    pub files: u64,
    /// Good rows that must arrive; a redelivered message counts once.
    pub rows: u64,
    pub bytes: u64,
    pub faults: BTreeMap<FeedFault, u64>,
}

/// Why the feed ended early. What was written before stays.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error("`{name}` is not a dataset of the catalog")]
    NoSuchDataset { name: String },
    #[error("cannot create the folder {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot listen for signals: {source}")]
    Signals { source: io::Error },
}

impl Explain for FeedError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            FeedError::NoSuchDataset { .. } => {
                "use Elexon's name for a dataset, such as BOALF, FUELINST or E0361"
            }
            FeedError::Folder { .. } => "DIR must be a folder that you may write to, such as spool/incoming",
            FeedError::Write { .. } => {
                "check the free space and your right to write there, then run feed again"
            }
            FeedError::Signals { .. } => "raise the limit on the number of processes",
        };
        Some(hint.to_owned())
    }
}

impl FeedReport {
    fn count(&mut self, message: &FeedMessage) {
        self.files += 1;
        self.bytes += message.body.len() as u64;
        if !message.is_redelivery() {
            self.rows += u64::from(message.rows);
        }
        if let Some(fault) = message.fault {
            *self.faults.entry(fault).or_default() += 1;
        }
    }
}

impl fmt::Display for FeedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.bytes as f64 / 1e6;
        write!(f, "{} files, {} rows, {megabytes:.1} MB", self.files, self.rows)?;
        for (fault, count) in &self.faults {
            write!(f, "\n  {fault}: {count}")?;
        }
        Ok(())
    }
}

/// `irispool feed`: writes until all is written or a signal stops it, and prints on stderr what was written.
///
/// # Errors
/// See [`FeedError`].
pub(super) fn start(args: &FeedArgs) -> Result<Exit, Failure> {
    let stop = Stop::on_signals().map_err(|source| FeedError::Signals { source })?;
    let report = run(args, &stop)?;
    eprintln!("{report}");
    Ok(Exit::Done)
}

/// Writes messages until `args.files` are written, or `stop` is requested.
pub(super) fn run(args: &FeedArgs, stop: &Stop) -> Result<FeedReport, FeedError> {
    let files = args.files.unwrap_or(if args.per_second.is_some() { u64::MAX } else { FILES_DEFAULT });
    let mut feed = Feed::new(&options(args, files)?);
    fs::create_dir_all(&args.dir).map_err(|source| FeedError::Folder { path: args.dir.clone(), source })?;

    let mut report = FeedReport::default();
    let began = Instant::now();
    while report.files < files && !stop.requested() {
        if let Some(per_second) = args.per_second {
            let due = Duration::from_secs_f64(report.files as f64 / per_second);
            let wait = due.saturating_sub(began.elapsed());
            if !wait.is_zero() {
                stop.wait(wait);
                continue;
            }
        }
        let Some(message) = feed.next() else { break };
        write_in_place(&args.dir, &message)?;
        report.count(&message);
    }
    Ok(report)
}

fn options(args: &FeedArgs, files: u64) -> Result<FeedOptions, FeedError> {
    let find =
        |name: &String| catalog::find(name).ok_or_else(|| FeedError::NoSuchDataset { name: name.clone() });
    let mut options = FeedOptions {
        seed: args.seed,
        start: args.start.unwrap_or_else(Timestamp::now),
        mix: args.mix,
        datasets: args.datasets.iter().map(find).collect::<Result<_, _>>()?,
        per_second: args.per_second,
        fault_share: args.faults,
    };
    if args.start.is_none() && args.per_second.is_none() {
        let span = SignedDuration::from_millis(Feed::new(&options).span_ms(files));
        options.start = options.start.checked_sub(span).unwrap_or(options.start);
    }
    Ok(options)
}

/// Writes straight to the final path, as the client does, and creates the folder if it is missing.
fn write_in_place(dir: &Path, message: &FeedMessage) -> Result<(), FeedError> {
    let folder = dir.join(&message.folder);
    let path = folder.join(&message.name);
    let mut opened = File::create(&path);
    if opened.as_ref().is_err_and(|err| err.kind() == io::ErrorKind::NotFound) {
        fs::create_dir_all(&folder).map_err(|source| FeedError::Folder { path: folder, source })?;
        opened = File::create(&path);
    }
    opened
        .and_then(|mut file| file.write_all(&message.body))
        .map_err(|source| FeedError::Write { path, source })
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("must be a number of files a second from 0.001 to 1000000".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("must be a share from 0 to 1, such as 0.03".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: FeedArgs,
    }

    fn args(dir: &Path, flags: &[&str]) -> FeedArgs {
        let words = ["feed"].iter().chain(flags).copied();
        let words = words.map(std::ffi::OsString::from).chain([dir.as_os_str().to_owned()]);
        Line::try_parse_from(words).unwrap().args
    }

    fn running() -> Stop {
        Stop::new()
    }

    #[test]
    fn the_files_on_disk_are_the_feeds_messages() {
        let dir = tempfile::tempdir().unwrap();
        let incoming = dir.path().join("spool/incoming");
        let flags = ["--files", "800", "--mix", "even", "--faults=0.3", "--start", "2025-10-28T00:00:00Z"];
        let report = run(&args(&incoming, &flags), &running()).unwrap();

        let options = FeedOptions { mix: Mix::Even, fault_share: 0.3, ..FeedOptions::default() };
        let mut last: HashMap<PathBuf, FeedMessage> = HashMap::new();
        for message in Feed::new(&options).take(800) {
            last.insert(incoming.join(&message.folder).join(&message.name), message);
        }
        let on_disk: Vec<_> = fs::read_dir(&incoming)
            .unwrap()
            .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
            .map(|file| file.unwrap().path())
            .collect();
        assert_eq!(on_disk.len(), last.len());
        for (path, message) in &last {
            assert_eq!(fs::read(path).unwrap(), message.body, "{}", path.display());
        }
        assert_eq!(report.files, 800);
        assert_eq!(report.rows, last.values().map(|message| u64::from(message.rows)).sum::<u64>());
        let redelivered = report
            .faults
            .iter()
            .filter(|(fault, _)| matches!(fault, FeedFault::Redelivered | FeedFault::RedeliveredChanged));
        assert_eq!(800 - redelivered.map(|(_, count)| count).sum::<u64>(), last.len() as u64);
    }

    #[test]
    fn only_the_wanted_datasets_come() {
        let dir = tempfile::tempdir().unwrap();
        let report =
            run(&args(dir.path(), &["--files=50", "--dataset", "freq,E0361", "--dataset=boalf"]), &running());
        assert_eq!(report.unwrap().files, 50);
        for folder in fs::read_dir(dir.path()).unwrap() {
            let name = folder.unwrap().file_name().into_string().unwrap();
            assert!(["FREQ", "E0361", "BOALF"].contains(&name.as_str()), "{name}");
        }
        let unknown = run(&args(dir.path(), &["--dataset=NOPE"]), &running()).unwrap_err();
        assert_eq!(unknown.to_string(), "`NOPE` is not a dataset of the catalog");
    }

    #[test]
    fn a_paced_feed_has_no_end_until_it_is_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let stop = running();
        let args = args(dir.path(), &["--per-second=500", "--dataset=BOALF"]);
        let report = std::thread::scope(|scope| {
            let feed = scope.spawn(|| run(&args, &stop));
            let folder = dir.path().join("BOALF");
            while fs::read_dir(&folder).map_or(0, Iterator::count) < 3 {
                assert!(!feed.is_finished());
                std::thread::yield_now();
            }
            stop.request();
            feed.join().unwrap().unwrap()
        });
        assert_eq!(fs::read_dir(dir.path().join("BOALF")).unwrap().count() as u64, report.files);
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = run(&args(&file, &[]), &running()).unwrap_err();
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");

        fs::write(dir.path().join("FREQ"), "").unwrap();
        let error = run(&args(dir.path(), &["--dataset=FREQ"]), &running()).unwrap_err();
        assert!(error.to_string().contains("/FREQ/FREQ_"), "{error}");
    }

    #[test]
    fn bad_flags_are_refused() {
        for flag in
            ["--faults=1.5", "--faults=x", "--per-second=0", "--per-second=NaN", "--mix=odd", "--start=now"]
        {
            assert!(Line::try_parse_from(["feed", flag, "dir"]).is_err(), "{flag}");
        }
        assert_eq!(args(Path::new("dir"), &["--faults"]).faults, 0.03);
    }
}
