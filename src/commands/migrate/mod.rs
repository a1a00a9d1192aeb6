//! `irispool migrate`: from a script of your own to irispool.
//!
//! - `args`: the command line, and what the command does in which order.
//! - `survey`: what lies in the old folder and runs on the machine.
//! - `schedules`: who starts it: cron, launchd, systemd, logrotate.
//! - `error`: why it does not go on.
//! - `guide`: the steps, as text.
//! - `apply`: the steps that irispool can take itself.

mod apply;
mod args;
mod error;
mod guide;
mod schedules;
mod survey;

pub(super) use args::MigrateArgs;
pub(super) use args::run;
