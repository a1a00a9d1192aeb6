//! Deliveries by load jobs.

pub(super) mod attempts;
pub(super) mod budget;
mod file;
mod job;
