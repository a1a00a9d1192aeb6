//! One file a verb.

pub mod setup;
