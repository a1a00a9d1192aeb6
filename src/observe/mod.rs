//! What people see of a running irispool: log lines and the progress bar, both on stderr.

mod colour;
pub mod http;
mod journal;
pub mod log_file;
pub mod logs;
pub mod metrics;
mod progress;
mod repeat;
pub(crate) mod service;
mod text;

pub use colour::colour_on_stderr;
pub(crate) use colour::colour_on_stdout;
pub(crate) use journal::journal_prefix;
pub(crate) use progress::{Progress, print_above_progress};
pub(crate) use repeat::{is_news, is_news_of, is_over};
pub(crate) use text::{plain, short_duration, size};
