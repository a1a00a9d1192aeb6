//! One file a verb.

pub mod query;
pub mod setup;
