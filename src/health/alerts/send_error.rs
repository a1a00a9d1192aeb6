//! Why an alert or a heartbeat was not sent.

use std::io;
use std::time::Duration;

use humantime::format_duration;

/// Why an alert or a heartbeat was not sent. No text names an address, as addresses are secrets.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The server refused it.
    #[error("the server answered {0}")]
    Status(u16),
    /// The server did not answer in time.
    #[error("no answer within {}", format_duration(*.0))]
    Timeout(Duration),
    /// The name of the host has no address.
    #[error("its host is not known")]
    UnknownHost,
    /// The request failed in another way.
    #[error("{0}")]
    Request(String),
    /// The shell could not be started.
    #[error("cannot start sh: {0}")]
    Start(io::Error),
    /// The command failed.
    #[error("the command ended with {0}")]
    Command(String),
    /// The command took too long.
    #[error("the command did not end within {}, and was killed", format_duration(*.0))]
    Hangs(Duration),
    /// The worker stopped before the command ended.
    #[error("irispool stopped, and so ended the command")]
    Stopped,
}
