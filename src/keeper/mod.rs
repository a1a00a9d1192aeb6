//! The keeper: a thread of a worker that does what nobody waits for.

mod dead_limit;
mod thread;

pub use dead_limit::{DeadRoom, Room};
pub use thread::{KeepSettings, Keeper};
