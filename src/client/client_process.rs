//! A client that runs.

use std::time::SystemTime;

/// A client that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientProcess {
    pub pid: u32,
    /// The name of its script or program. None where this user may not look at it.
    pub name: Option<String>,
    pub started: Option<SystemTime>,
    /// The user id that it runs as.
    pub user: Option<u32>,
}
