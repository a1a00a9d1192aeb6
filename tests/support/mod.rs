//! What tests share: a spool in a folder of its own and the program run on it, clients, disks and servers that stand in
//! for the world, and the exact rows that must come of what was sent.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "each group of tests uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test's helper")]

pub(crate) mod azurite;
pub(crate) mod bigquery_sql;
pub(crate) mod client;
pub(crate) mod daemon;
pub(crate) mod disk;
pub(crate) mod elexon_archive;
pub(crate) mod emulator;
pub(crate) mod expected;
pub(crate) mod fault_server;
pub(crate) mod feed;
pub(crate) mod google;
pub(crate) mod http;
pub(crate) mod kept;
pub(crate) mod letters;
pub(crate) mod powered_disk;
pub(crate) mod site;
pub(crate) mod skip;
pub(crate) mod sqlite;
pub(crate) mod strace;
pub(crate) mod systemd;
pub(crate) mod tls;

pub(crate) use client::Client;
pub(crate) use daemon::Daemon;
pub(crate) use expected::Expected;
pub(crate) use google::Google;
pub(crate) use site::Site;
pub(crate) use skip::{lacks, skip};

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The checkout that is tested. It is asked for when the test runs: a build folder that a second checkout of the same state
/// shares holds test programs that were compiled in the first one.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).into()
}

/// How long a condition may take to come true before a test gives up: not a claim about speed.
const PATIENCE: Duration = Duration::from_secs(180);

/// Looks again and again until `condition` is true.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A seeded source of numbers, so that a failing run can be made again.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// SplitMix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
