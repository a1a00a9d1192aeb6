//! A log file that several processes write, and that rotates each day (UTC) and before it grows too large.
//!
//! - A line is one `write` to a file opened for appending. The kernel does not interleave these on a local file system.
//! - A rotated file gets the time of its last line behind its name: `irispool.log.20251028T035900.123Z`. Only files
//!   with names of that form are ever deleted.
//! - Before each line, a process compares the file at the path with the one that it has open. If another process has
//!   rotated the file, it opens the new one.
//! - A process rotates the file under a lock of the file itself, and checks the path again under the lock. A process
//!   that does not get the lock at once keeps writing, so nobody waits. Its line may be the last one of the rotated
//!   file.
//! - A log that cannot be written stops nobody: lines are lost, a line a day on stderr says so, and the write is tried
//!   again. A log that cannot be rotated loses no lines but grows, and stderr says that as often.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fs2::FileExt;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::locks::Unpoisoned;

/// How long after a failure the file is opened again.
const OPEN_RETRY: Duration = Duration::from_secs(1);

/// How often stderr is told of a failure that lasts.
const TELL_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// The most rotated files with the same time of their last line.
const NAMESAKES_MAX: u32 = 1_000;

/// Where the log file is, and when it rotates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFileSettings {
    /// The file that is written.
    pub path: PathBuf,
    /// The file rotates before it would exceed this many bytes; a single line may be longer.
    pub bytes_max: u64,
    /// How many rotated files are kept.
    pub kept: usize,
}

/// The log file of this process.
#[derive(Debug)]
pub struct LogFile {
    settings: LogFileSettings,
    state: Mutex<OpenLogFile>,
}

#[derive(Debug, Default)]
struct OpenLogFile {
    file: Option<File>,
    /// The file in which our last write ended in the middle of a line, by device and inode.
    torn: Option<(u64, u64)>,
    /// The last failure, if nothing was written since.
    failed_at: Option<Instant>,
    /// When stderr was last told of the failure.
    told_at: Option<Timestamp>,
}

impl LogFile {
    /// The log file; it is opened at the first line.
    pub fn new(settings: LogFileSettings) -> LogFile {
        LogFile { settings, state: Mutex::default() }
    }

    /// Writes a line, which ends with a line break. Returns an error if the log cannot be written or rotated and stderr
    /// is to be told of it now: once a day.
    pub fn write_line(&self, line: &[u8]) -> Option<io::Error> {
        self.write_line_at(line, Timestamp::now())
    }

    /// As [`Self::write_line`], at the time `now`.
    pub fn write_line_at(&self, line: &[u8], now: Timestamp) -> Option<io::Error> {
        let mut state = self.state.lock().unpoisoned();
        let resting = state.file.is_none() && state.failed_at.is_some_and(|at| at.elapsed() < OPEN_RETRY);
        if resting {
            return None;
        }
        match self.try_write(&mut state, line, now) {
            Ok(()) => {
                (state.failed_at, state.told_at) = (None, None);
                None
            }
            Err(error) => {
                state.failed_at = Some(Instant::now());
                let is_news = state.told_at.is_none_or(|at| now.duration_since(at) >= TELL_AGAIN);
                is_news.then(|| {
                    state.told_at = Some(now);
                    error
                })
            }
        }
    }

    fn try_write(&self, state: &mut OpenLogFile, line: &[u8], now: Timestamp) -> io::Result<()> {
        let mut file = self.current(state.file.take())?;
        let found = file.metadata()?;
        let mut stuck = None;
        if self.is_full(&found, line.len() as u64, now) {
            match self.rotate(&file, &found) {
                Ok(true) => {
                    file = self.current(None)?;
                    self.delete_old();
                }
                Ok(false) => {}
                // A file that is too long is better than a lost line.
                Err(error) => {
                    stuck = Some(io::Error::new(error.kind(), format!("cannot rotate it: {error}")));
                }
            }
        }
        let this = identity(&file.metadata()?);
        let text: &[u8] = if state.torn == Some(this) { &[b"\n", line].concat() } else { line };
        let written = (&file).write(text)?;
        if let Some(last) = text[..written].last() {
            state.torn = (*last != b'\n').then_some(this);
        }
        if written < text.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.file = Some(file);
        stuck.map_or(Ok(()), Err)
    }

    /// The file at the path: the open one, or a new one if another process or a person has moved the open one.
    fn current(&self, open: Option<File>) -> io::Result<File> {
        let path = &self.settings.path;
        if let Some(file) = open
            && is_at(&file, path)?
        {
            return Ok(file);
        }
        OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(libc::O_NONBLOCK).open(path)
    }

    fn is_full(&self, found: &fs::Metadata, more: u64, now: Timestamp) -> bool {
        let day_of = |time: Timestamp| time.as_second().div_euclid(86_400);
        let is_new_day = last_line(found).is_some_and(|last| day_of(last) < day_of(now));
        // Something that is not a regular file, such as /dev/null or a pipe, never rotates.
        found.is_file() && found.len() > 0 && (is_new_day || found.len() + more > self.settings.bytes_max)
    }

    /// Renames the file. Returns whether it has another name now, by this process or another one.
    fn rotate(&self, file: &File, found: &fs::Metadata) -> io::Result<bool> {
        if file.try_lock_exclusive().is_err() {
            return Ok(false);
        }
        if !is_at(file, &self.settings.path)? {
            return Ok(true);
        }
        let last = last_line(found).unwrap_or_default().strftime("%Y%m%dT%H%M%S%.3fZ");
        for number in 1..=NAMESAKES_MAX {
            let again = if number == 1 { String::new() } else { format!("~{number:03}") };
            let mut name = self.name().to_owned();
            name.push(format!(".{last}{again}"));
            let rotated = self.settings.path.with_file_name(name);
            match renameat_with(CWD, &self.settings.path, CWD, &rotated, RenameFlags::NOREPLACE) {
                Err(rustix::io::Errno::EXIST) => {}
                // Another process was quicker, or a person.
                Err(rustix::io::Errno::NOENT) => return Ok(true),
                renamed => return renamed.map(|()| true).map_err(Into::into),
            }
        }
        Ok(false)
    }

    /// Deletes all but the newest rotated files, as far as it may.
    fn delete_old(&self) {
        let folder = self.settings.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
        let mut rotated: Vec<OsString> =
            entries.map(|entry| entry.file_name()).filter(|name| self.is_rotated(name)).collect();
        rotated.sort_unstable();
        let old = rotated.len().saturating_sub(self.settings.kept);
        for name in &rotated[..old] {
            let _ = fs::remove_file(self.settings.path.with_file_name(name));
        }
    }

    /// Whether [`Self::rotate`] could have given a file this name.
    fn is_rotated(&self, name: &OsStr) -> bool {
        let own = self.name().as_encoded_bytes();
        let Some(rest) = name.as_encoded_bytes().strip_prefix(own) else { return false };
        let form = b".ddddddddTdddddd.dddZ";
        let is_like = |text: &[u8], form: &[u8]| {
            text.len() == form.len()
                && text
                    .iter()
                    .zip(form)
                    .all(|(byte, like)| byte == like || *like == b'd' && byte.is_ascii_digit())
        };
        is_like(rest, form) || is_like(rest, &[&form[..], b"~ddd"].concat())
    }

    fn name(&self) -> &OsStr {
        self.settings.path.file_name().unwrap_or_default()
    }
}

/// When the file was last written.
fn last_line(found: &fs::Metadata) -> Option<Timestamp> {
    Timestamp::new(found.mtime(), found.mtime_nsec() as i32).ok()
}

fn identity(found: &fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok(identity(&there) == identity(&open)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
