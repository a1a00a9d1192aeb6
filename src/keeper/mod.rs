//! The keeper: one thread of a worker for the work that no message waits for.
//!
//! `irispool run` starts it beside the pipeline. It has a low priority. Whatever it cannot do now, it does later.
//!
//! - `thread.rs`: the keeper's thread, and how it ends
//! - `settings.rs`: what a user can set about it
//! - `packing.rs`: packs delivered messages from `done/` into the archive
//! - `cleanup.rs`: deletes what is over `keep_max_age` or `keep_max_bytes`
//! - `dead_limit.rs`: how full `dead` is, and when claiming must stop
//! - `status.rs`: what the keeper tells the rest of its worker
//! - `spool_failure.rs`: the log line about a fault of the spool, which the pipeline uses too

mod cleanup;
mod dead_limit;
mod packing;
mod settings;
mod spool_failure;
mod status;
mod thread;

pub(crate) use dead_limit::DeadFill;
pub(crate) use settings::KeeperSettings;
pub(crate) use spool_failure::log_spool_failure;
pub(crate) use status::KeeperStatus;
pub(crate) use thread::Keeper;
