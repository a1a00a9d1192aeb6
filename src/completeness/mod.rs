//! Whether every message that Elexon has sent is in the warehouse: compares the names in Elexon's archive with the
//! names that are here.
//!
//! - `verify`: goes through datasets and days.
//! - `request`: what to verify.
//! - `verified`: what a verification found.
//! - `error`: why a verification failed.
//! - `day`: counts the messages of one dataset's day.
//! - `delivered`: the names that the warehouse has, as its ledger says.
//! - `spool_names`: the names that wait in the spool, or are dead.
//! - `verified_days`: the days that were found complete and need not be listed again.

mod day;
mod delivered;
mod error;
mod request;
mod spool_names;
mod verified;
mod verified_days;
mod verify;

pub use day::{DayVerdict, NameState};
pub use delivered::DeliveredNames;
pub use error::VerifyError;
pub use request::VerifyRequest;
pub use verified::{NotJudged, Verified};
pub use verified_days::VerifiedDays;
pub use verify::Verify;
