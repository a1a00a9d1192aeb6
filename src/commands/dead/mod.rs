//! `irispool dead`: messages that could not be delivered, and what a person does about them.
//!
//! | file | what it is for |
//! |---|---|
//! | `args` | the arguments |
//! | `choose` | finds the dead letters that the user chose |
//! | `run` | runs the subcommand that was typed |
//! | `list`, `show`, `export`, `retry`, `drop` | the subcommands |
//! | `letter` | how a dead letter is named and explained on the screen |
//! | `error` | the errors |

mod args;
mod choose;
mod drop;
mod error;
mod export;
mod letter;
mod list;
mod retry;
mod run;
mod show;

pub(super) use args::DeadCommand;
pub(super) use run::run;
