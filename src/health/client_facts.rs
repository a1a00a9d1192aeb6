//! What is known of Elexon's client.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::client::{OpenFile, PidFileFault};

const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// What is known of Elexon's client at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct ClientFacts {
    /// The client that runs.
    pub running: Option<RunningClient>,
    /// What is wrong with `client_pid_file`.
    pub pid_file: Option<PidFileFacts>,
    /// Whether it is certain that no client runs if none was found. It is not if the system hides the processes of
    /// other users from this one.
    pub is_certain: bool,
    /// The client that a worker saw last on this machine.
    pub seen: Option<SeenClient>,
    /// When a worker first missed it, in ms since 1970 UTC.
    pub gone_ms: Option<i64>,
    /// When the newest message was written, or when the last row arrived if no message is left, in ms since 1970 UTC.
    pub wrote_ms: Option<i64>,
    /// The files in `incoming` that other processes of this user have open for writing. Only Linux tells.
    pub open_files: Vec<OpenFile>,
    /// The day on which the client's secret expires, such as `2027-10-28`.
    pub secret_expires: Option<String>,
    /// When that day begins, in ms since 1970 UTC.
    pub secret_expires_ms: Option<i64>,
}

impl ClientFacts {
    /// How many days are left until the secret expires, which may be fewer than none. `at_ms`: now, in ms since 1970
    /// UTC.
    pub(crate) fn secret_days_left(&self, at_ms: i64) -> Option<i64> {
        Some(self.secret_expires_ms?.div_euclid(DAY_MS) - at_ms.div_euclid(DAY_MS))
    }
}

/// A client that runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunningClient {
    /// Its process id.
    pub pid: u32,
    /// The name of its script or program, or none if this user may not look at it.
    pub name: Option<String>,
    /// When it started, in ms since 1970 UTC.
    pub since_ms: Option<i64>,
}

/// A client that a worker saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenClient {
    /// Its process id.
    pub pid: u32,
    /// The name of its script or program.
    pub name: Option<String>,
    /// The user id that it ran as.
    #[serde(default)]
    pub user: Option<u32>,
    /// When a worker last saw it, in ms since 1970 UTC.
    pub seen_ms: i64,
}

/// A PID file that does not lead to a client.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PidFileFacts {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[serde(flatten)]
    pub fault: PidFileFault,
}
