//! A message that was delivered but for some bad rows, and comes again mended.
//!
//! Of two contents under one name the one that was written later wins, in a warehouse's ledger and in BigQuery's views. A
//! mended copy may have its original's time, or an older one. So it gets a time of writing just behind that of what was
//! delivered, on its file: every try by every worker sees the same.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT};
use xxhash_rust::xxh3::Xxh3;

use super::{Batch, Letter, SpoolError};

/// Sets a claimed message's time of writing, in ms since 1970 UTC.
pub fn set_written_at(batch: &Batch, name: &OsStr, written_at_ms: i64) -> Result<(), SpoolError> {
    set_time(batch.folder(), Path::new(name), written_at_ms)
        .map_err(|error| SpoolError::io("set the time of", batch.path().join(name), error))
}

/// A letter that is not what was delivered of it any more gets a time at which it wins over that.
pub(super) fn win_over_delivered(letter: &Letter) -> Result<(), SpoolError> {
    let Some(delivered) = letter.report.as_ref().and_then(|report| report.delivered.as_ref()) else {
        return Ok(());
    };
    if !letter.is_file || letter.written_at_ms > delivered.written_at_ms {
        return Ok(());
    }
    let set = || -> io::Result<()> {
        match delivered.time_to_win(hash_of(&letter.path)?, letter.written_at_ms) {
            Some(written_at_ms) => set_time(CWD, &letter.path, written_at_ms),
            None => Ok(()),
        }
    };
    match set() {
        // Somebody else moved it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        set => set.map_err(|error| SpoolError::io("set the time of", &letter.path, error)),
    }
}

fn set_time(folder: impl AsFd, path: &Path, written_at_ms: i64) -> io::Result<()> {
    let written = Timespec {
        tv_sec: written_at_ms.div_euclid(1_000),
        tv_nsec: (written_at_ms.rem_euclid(1_000) * 1_000_000) as _,
    };
    let unchanged = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT as _ };
    let times = Timestamps { last_access: unchanged, last_modification: written };
    Ok(rustix::fs::utimensat(folder, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn hash_of(path: &Path) -> io::Result<u128> {
    let mut file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.digest128()),
            count => hash.update(&buffer[..count]),
        }
    }
}
