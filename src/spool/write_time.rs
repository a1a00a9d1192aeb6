//! Sets a file's time of writing, for messages that come again with their bad rows mended.
//!
//! Of two contents under one name the one that was written later wins, in a warehouse's ledger and in BigQuery's views.
//! A mended copy may have the time of its original, or an older one. So irispool sets its time just behind the time of
//! what was delivered. It sets it on the file, so that every attempt by every worker sees the same time.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_OMIT};

use super::{Batch, SpoolError};

/// Sets the time of writing of a claimed message, in ms since 1970 UTC.
pub fn set_written_at(batch: &Batch, name: &OsStr, written_at_ms: i64) -> Result<(), SpoolError> {
    set_time(batch.folder(), Path::new(name), written_at_ms)
        .map_err(|error| SpoolError::io("set the time of", batch.path().join(name), error))
}

pub(super) fn set_time(folder: impl AsFd, path: &Path, written_at_ms: i64) -> io::Result<()> {
    let written = Timespec {
        tv_sec: written_at_ms.div_euclid(1_000),
        tv_nsec: (written_at_ms.rem_euclid(1_000) * 1_000_000) as _,
    };
    let unchanged = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT as _ };
    let times = Timestamps { last_access: unchanged, last_modification: written };
    Ok(rustix::fs::utimensat(folder, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}
