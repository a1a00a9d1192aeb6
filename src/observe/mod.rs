//! What people and programs see of a running irispool: log lines, the progress bar, HTTP, messages to systemd.
//!
//! | file | what it is for |
//! |---|---|
//! | `logs`, `log_file` | log lines on stderr, and in a file that rotates |
//! | `repeat` | logs a lasting problem once, not at every try |
//! | `journal`, `service` | priorities for systemd's journal, and the worker's state for systemd |
//! | `progress`, `colour` | the progress bar, and whether colours are allowed |
//! | `text` | text made safe for a terminal; sizes and durations in words |
//! | `http`, `metrics` | a small HTTP server, and metrics as text |

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
