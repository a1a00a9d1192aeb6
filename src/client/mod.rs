//! Elexon's IRIS client on this machine: its settings file, and the processes that run.
//!
//! - `settings`: where the client writes its messages, and its settings file with another folder in it.
//! - `processes`: which programs run, and which of them is the client.
//! - `pid_file`: what the PID file of the client says.
//! - `client_process`: a client that runs.
//! - `search`: finds the client that writes into one folder.
//! - `writers`: which processes have a file of a folder open for writing.

mod client_process;
mod pid_file;
mod processes;
mod search;
mod settings;
mod writers;

pub(crate) use client_process::ClientProcess;
pub(crate) use pid_file::PidFileFault;
pub(crate) use processes::{Process, python_programs};
pub(crate) use search::{ClientLook, ClientSearch};
pub(crate) use settings::ClientSettings;
pub(crate) use writers::{OpenFile, files_open_for_writing};
