//! Elexon's IRIS client on this machine: its settings file, and the processes that run.
//!
//! - `settings`: where the client writes its messages, and its settings file with another folder in it.
//! - `processes`: which Python programs run, and which of them is the client.

mod processes;
mod settings;

pub(crate) use processes::{Process, python_programs};
pub(crate) use settings::ClientSettings;
