//! How far a message came before it went to `dead`.

/// How far a message came before it went to `dead`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadStage {
    /// It is no regular file, so it was never opened.
    Claim,
    /// Its file is larger than `max_file_bytes`.
    Read,
    /// Its content or some of its rows cannot be understood.
    Parse,
    /// The warehouse refused it or some of its rows.
    Deliver,
}

impl DeadStage {
    /// The text in reports, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            DeadStage::Claim => "claim",
            DeadStage::Read => "read",
            DeadStage::Parse => "parse",
            DeadStage::Deliver => "deliver",
        }
    }
}
