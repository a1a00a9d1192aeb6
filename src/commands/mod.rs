//! The commands, one file or folder each, and what they share.
//!
//! | file | what it is for |
//! |---|---|
//! | `command` | the commands that can be typed, each with its help text |
//! | `dispatch` | runs the command that was typed |
//! | `args` | arguments that several commands have, and datasets and folders that they name |
//! | `run`, `open_warehouse`, `pid_file` | `irispool run`: the daemon and the drain |
//! | `demo`, `feed` | made-up messages |
//! | `setup`, `query`, `prune` | the warehouse by hand |
//! | `status`, `check` | whether data flows, and whether a run would work |
//! | `verify` | whether every message that Elexon sent is here |
//! | `migrate` | from a script of one's own to irispool |
//! | `dead`, `archive` | messages that could not be delivered, and those that were |
//! | `config`, `completions_and_man` | irispool about itself |
//! | `hints` | what the user can do about the errors of the rooms below |
//! | `folder_of` | the folder that a file is in |
//! | `terminal`, `table`, `units` | answers for people: the terminal, columns and broken lines, numbers and times |

mod archive;
mod args;
mod check;
mod command;
mod completions_and_man;
mod config;
mod dead;
mod demo;
mod dispatch;
mod feed;
mod folder_of;
mod hints;
mod migrate;
mod open_warehouse;
mod pid_file;
mod prune;
pub mod query;
mod run;
pub mod setup;
mod status;
mod table;
mod terminal;
mod units;
mod verify;

pub use command::Command;
pub use dispatch::run;
