//! What to verify.

use jiff::civil::Date;

/// What to verify.
#[derive(Clone, Debug)]
pub struct VerifyRequest {
    /// The catalog's names of the datasets. Empty means all datasets of which a message was delivered, waits or is
    /// dead.
    pub datasets: Vec<String>,
    /// The first day (UTC).
    pub since: Date,
    /// The last day (UTC), which is included.
    pub until: Date,
    /// Whether to look again at days that were found complete before.
    pub again: bool,
}
