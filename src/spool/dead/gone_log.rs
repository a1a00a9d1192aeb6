//! The log of letters that went by themselves: a line each, in `dead/.gone.jsonl`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::spool::Layout;

/// Where letters that went by themselves are noted, a line each: in `dead`, hidden, so that it is no dataset's folder.
pub(super) const GONE: &str = ".gone.jsonl";

/// With more in it, it is begun anew; the full one is kept until the next is.
const GONE_BYTES_MAX: u64 = 1 << 20;
const GONE_BEFORE: &str = ".gone.1.jsonl";

/// Why a letter went by itself: what its message has, now that it came whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The letter has nothing in it.
    Nothing,
    /// Every byte of the letter, but for those that a power cut left as NULs, stands at its place in the message.
    Bytes,
    /// Every row of the letter stands at its place in the message; those that were bad came mended.
    Rows,
}

impl Holds {
    pub fn why(self) -> &'static str {
        match self {
            Holds::Nothing => "nothing was in it",
            Holds::Bytes => "all of it is in the message",
            Holds::Rows => "all of its rows are in the message",
        }
    }
}

/// A line of [`GONE`].
#[derive(Serialize)]
pub(super) struct GoneLine<'a> {
    pub(super) at: String,
    /// The folder under `dead`.
    pub(super) dataset: &'a str,
    pub(super) name: String,
    pub(super) message_id: String,
    pub(super) bytes: u64,
    pub(super) content_hash: String,
    /// Why it was dead.
    pub(super) reason: Option<&'a str>,
    /// Why it went.
    pub(super) why: &'a str,
    pub(super) worker: &'a str,
}

pub(super) fn note(path: &Path, gone: &GoneLine<'_>) -> io::Result<()> {
    if path.symlink_metadata().is_ok_and(|found| found.len() > GONE_BYTES_MAX) {
        std::fs::rename(path, path.with_file_name(GONE_BEFORE))?;
    }
    let mut line = serde_json::to_vec(gone)?;
    line.push(b'\n');
    OpenOptions::new().append(true).create(true).open(path)?.write_all(&line)
}

/// How many letters went by themselves, as far as it is still noted, and where it is.
pub fn gone_letters(layout: &Layout) -> (u64, PathBuf) {
    let path = layout.dead().join(GONE);
    let lines = |path: &Path| {
        let text = std::fs::read(path).unwrap_or_default();
        text.iter().filter(|byte| **byte == b'\n').count() as u64
    };
    (lines(&path) + lines(&path.with_file_name(GONE_BEFORE)), path)
}
