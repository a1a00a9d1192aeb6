//! What happens to values that the table has no room for.

/// What to do with a field that the table lacks, and a value that does not fit its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Rescue both, and report the fields in [`super::Encoded::new_fields`], for the caller to add them and encode again.
    Evolve,
    /// Rescue both.
    Rescue,
    /// The row is bad.
    Strict,
}
