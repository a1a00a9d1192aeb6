//! The machine: its clock, and how many files may be open.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Line, bad, good, warning};
use crate::config::Config;
use crate::spool::{Layout, now_ms};

/// Batches have a folder open each, readers a file each, and the database some.
const OPEN_FILES_MIN: u64 = 1_024;

/// A file may be written a little ahead of our own look at the clock.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// 2025-01-01T00:00:00Z. Nobody ran irispool before.
const CLOCK_MIN_MS: i64 = 1_735_689_600_000;

pub(super) fn check(config: &Config) -> Vec<Line> {
    vec![of_clock(config), of_open_files()]
}

fn of_clock(config: &Config) -> Line {
    let now = now_ms();
    let says = jiff::Timestamp::from_millisecond(now).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ");
    if now < CLOCK_MIN_MS {
        return bad(
            "clock",
            format!("it says {says}"),
            "set it: rows carry the time at which they were loaded",
        );
    }
    if let Some(path) = ahead(config) {
        let what = format!("it says {says}, but {path} was written later");
        return bad(
            "clock",
            what,
            "one of the clocks is wrong: of two messages of one name the later written wins",
        );
    }
    match synchronised() {
        Some(false) => {
            let hint =
                "nothing sets this machine's clock: systemctl enable --now systemd-timesyncd, or chrony";
            warning("clock", format!("it says {says}, and the kernel calls it not synchronised"), hint)
        }
        _ => good("clock", format!("it says {says}")),
    }
}

/// A message that comes from the future. What can't be looked at, or vanishes meanwhile, is passed over.
fn ahead(config: &Config) -> Option<String> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries(&Layout::at(&config.spool).incoming());
    for folder in folders.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        for file in entries(&folder.path()) {
            let written = file.metadata().and_then(|found| found.modified());
            if written.is_ok_and(|written| written > SystemTime::now() + AHEAD_MAX) {
                return Some(file.path().display().to_string());
            }
        }
    }
    None
}

/// What the kernel says of its clock; none where it can't be asked.
#[cfg(target_os = "linux")]
fn synchronised() -> Option<bool> {
    // SAFETY: all-zero is a valid `timex`, and with no mode set the call only reads.
    let state = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        libc::adjtimex(&raw mut timex)
    };
    if state < 0 { None } else { Some(state != libc::TIME_ERROR) }
}

#[cfg(not(target_os = "linux"))]
fn synchronised() -> Option<bool> {
    None
}

fn of_open_files() -> Line {
    // A run raises its own limit as far as it may: macOS starts a shell with 256 that may be raised.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    match limit {
        Some(limit) if limit < OPEN_FILES_MIN => {
            let what = format!("only {limit} files may be open at once");
            bad("open files", what, format!("ulimit -n {OPEN_FILES_MIN}, or LimitNOFILE= in the unit"))
        }
        Some(limit) => good("open files", format!("{limit} may be open at once")),
        None => good("open files", "any number may be open at once"),
    }
}
