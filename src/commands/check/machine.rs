//! Checks the machine: its clock, and how many files may be open.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::line::{CheckLine, bad, good, warning};
use crate::config::Config;
use crate::spool::{Layout, now_ms};

/// Each batch has a folder open, each reader a file, and the database a few.
const OPEN_FILES_MIN: u64 = 1_024;

/// How far in the future the time of a file may be: the clock of the file system may differ a little.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// 2025-01-01T00:00:00Z. No run can be earlier.
const CLOCK_MIN_MS: i64 = 1_735_689_600_000;

pub(super) fn check(config: &Config) -> Vec<CheckLine> {
    vec![of_clock(config), of_open_files()]
}

fn of_clock(config: &Config) -> CheckLine {
    let now = now_ms();
    let says = jiff::Timestamp::from_millisecond(now).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ");
    if now < CLOCK_MIN_MS {
        return bad(
            "clock",
            format!("the time is {says}"),
            "set the clock: rows carry the time at which they were loaded",
        );
    }
    if let Some(path) = ahead(config) {
        let what = format!("the time is {says}, but {path} was written later");
        return bad(
            "clock",
            what,
            "one of the clocks is wrong: of two messages with the same name, the later one wins",
        );
    }
    match synchronised() {
        Some(false) => {
            let hint = "no service sets this machine's clock: systemctl enable --now systemd-timesyncd, or install chrony";
            warning(
                "clock",
                format!("the time is {says}, but the kernel says that the clock is not synchronised"),
                hint,
            )
        }
        _ => good("clock", format!("the time is {says}")),
    }
}

/// A message that comes from the future. Skips files that cannot be read or that vanish.
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

/// Whether the kernel says that its clock is synchronised; none if it cannot be asked.
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

fn of_open_files() -> CheckLine {
    // A run raises its own limit as far as it may: macOS starts a shell with 256 that may be raised.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    match limit {
        Some(limit) if limit < OPEN_FILES_MIN => {
            let what = format!("only {limit} files may be open at once");
            bad(
                "open files",
                what,
                format!(
                    "raise the limit: ulimit -n {OPEN_FILES_MIN}, or LimitNOFILE={OPEN_FILES_MIN} in the unit"
                ),
            )
        }
        Some(limit) => good("open files", format!("{limit} may be open at once")),
        None => good("open files", "any number may be open at once"),
    }
}
