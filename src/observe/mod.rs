//! What people and monitoring programs see of a running irispool.
//!
//! - `logs`: log lines on stderr and in the log file.
//! - `log_file`: a log file that several processes write and rotate.
//! - `repeat`: logs what lasts once, not at every try.
//! - `journal`: the prefixes by which systemd's journal knows the level of a line.
//! - `service`: messages to systemd.
//! - `progress`, `steps`: the progress bars of a backlog, and of a command with steps.
//! - `http`: a small HTTP server.
//! - `colour`: whether output may have colours.
//! - `text`: text made safe for a terminal; sizes and durations in words.

mod colour;
pub mod http;
mod journal;
pub mod log_file;
pub mod logs;
mod progress;
mod repeat;
pub(crate) mod service;
mod steps;
mod text;

pub use colour::colour_on_stderr;
pub(crate) use colour::colour_on_stdout;
pub(crate) use journal::journal_prefix;
pub(crate) use progress::{Progress, print_above_progress};
pub(crate) use repeat::{is_news, is_news_of, is_over};
pub(crate) use steps::StepsBar;
pub(crate) use text::{plain, short_duration, size};
