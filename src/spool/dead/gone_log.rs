//! The log of letters that workers deleted, because their messages came whole later: `dead/.gone.jsonl`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::spool::{Layout, SpoolError};

/// The log in `dead`. A hidden name is no dataset's folder.
const GONE: &str = ".gone.jsonl";

/// A log that is larger is rotated, and one rotated log is kept.
const GONE_BYTES_MAX: u64 = 1 << 20;
const GONE_BEFORE: &str = ".gone.1.jsonl";

/// Why a letter is no longer needed: how much of it the message has that came whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyGone {
    /// The letter holds nothing.
    Empty,
    /// The message has every byte of the letter at the same offset. NULs do not count: a power cut leaves them.
    Bytes,
    /// The message has every row of the letter at the same number. The bad rows came mended.
    Rows,
}

impl WhyGone {
    /// The text in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            WhyGone::Empty => "nothing was in it",
            WhyGone::Bytes => "all of it is in the message",
            WhyGone::Rows => "all of its rows are in the message",
        }
    }
}

/// A line of the log.
#[derive(Serialize)]
pub(super) struct GoneLine<'a> {
    pub(super) at: String,
    /// The name of the folder under `dead`.
    pub(super) dataset: &'a str,
    pub(super) name: String,
    pub(super) message_id: String,
    pub(super) bytes: u64,
    pub(super) content_hash: String,
    /// Why the message was dead.
    pub(super) reason: Option<&'a str>,
    /// Why the letter went.
    pub(super) why: &'a str,
    pub(super) worker: &'a str,
}

/// Appends a line.
pub(super) fn log_gone(layout: &Layout, gone: &GoneLine<'_>) -> Result<(), SpoolError> {
    let path = layout.dead().join(GONE);
    append(&path, gone).map_err(|error| SpoolError::io("append to", &path, error))
}

fn append(path: &Path, gone: &GoneLine<'_>) -> io::Result<()> {
    if path.symlink_metadata().is_ok_and(|found| found.len() > GONE_BYTES_MAX) {
        std::fs::rename(path, path.with_file_name(GONE_BEFORE))?;
    }
    let mut line = serde_json::to_vec(gone)?;
    line.push(b'\n');
    OpenOptions::new().append(true).create(true).open(path)?.write_all(&line)
}

/// How many letters workers deleted, as far as the logs go back, and the path of the log.
pub fn gone_letters(layout: &Layout) -> (u64, PathBuf) {
    let path = layout.dead().join(GONE);
    let lines = |path: &Path| {
        let text = std::fs::read(path).unwrap_or_default();
        text.iter().filter(|byte| **byte == b'\n').count() as u64
    };
    (lines(&path) + lines(&path.with_file_name(GONE_BEFORE)), path)
}
