//! What the tests of the BigQuery warehouse share.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod emulator;
pub mod fault_server;
pub mod feed;
pub mod http;
pub mod powered_disk;
pub mod skip;
pub mod tls;
