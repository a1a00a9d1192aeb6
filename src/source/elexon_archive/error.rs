//! Why the archive gave no answer.

/// Why the archive gave no answer. Each error names the address that was asked, without its query.
#[derive(Debug, thiserror::Error)]
pub enum ElexonArchiveError {
    /// The archive refuses access, so waiting does not help.
    #[error("{url} refuses access: {status} {why}")]
    Refused {
        /// The address.
        url: String,
        /// 401 or 403.
        status: u16,
        /// The code that the answer names, such as `AuthorizationFailure`.
        why: String,
    },
    /// There is nothing at the address.
    #[error("there is nothing at {url}")]
    NotThere {
        /// The address.
        url: String,
    },
    /// The archive gave no answer, or asked for more patience than irispool has.
    #[error("{url} does not answer: {why}")]
    NoAnswer {
        /// The address.
        url: String,
        /// The last thing that went wrong.
        why: String,
    },
    /// irispool does not understand the answer.
    #[error("{url} gives an answer that irispool does not understand: {why}")]
    Strange {
        /// The address.
        url: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// A cache between irispool and the archive gave an old answer, so the newest names may not be in it.
    #[error("{url} gives an answer that is {age_s} seconds old")]
    Old {
        /// The address.
        url: String,
        /// The answer's age in seconds.
        age_s: u64,
    },
}

impl ElexonArchiveError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            ElexonArchiveError::Refused { .. } => {
                "the archive is public, so a proxy may have answered, or Elexon has closed it: open the address in a \
                 browser"
            }
            ElexonArchiveError::NotThere { .. } => {
                "check archive_url: it must name the container, as https://archive.data.elexon.co.uk/iris-archive does"
            }
            ElexonArchiveError::NoAnswer { .. } => {
                "check the network and archive_url, then run the same command again: it skips the days that it has found \
                 complete"
            }
            ElexonArchiveError::Strange { .. } => {
                "check archive_url: a proxy or another server may have answered instead of the archive"
            }
            ElexonArchiveError::Old { .. } => "a cache or a proxy has kept the answer: run the command again later",
        }
        .to_owned()
    }
}
