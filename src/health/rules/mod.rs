//! The rules by which facts become findings. There is one set of rules, so that the screen, the exit code, the metrics
//! and the alerts never differ.
//!
//! - `evaluate`: all rules, in their order.
//! - `situation`: the facts and the settings that a rule looks at.
//! - `workers`: what is wrong with workers.
//! - `queue`: what is wrong with the messages in the spool.
//! - `arrivals`: whether rows arrive.
//! - `client`: whether Elexon's client runs.
//! - `resolution`: why an earlier finding is not found any more.

mod arrivals;
mod client;
mod evaluate;
mod queue;
mod resolution;
mod situation;
mod workers;

pub(crate) use evaluate::{evaluate, evaluate_client};
pub(super) use resolution::{Resolution, resolution};
