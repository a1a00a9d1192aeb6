//! What happens to values that do not fit the table.

/// What to do with a field that has no column, and with a value that does not fit its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeMode {
    /// Rescue both, and report the fields in [`super::Encoded::new_fields`], so that the caller can add them and
    /// encode the message again.
    Evolve,
    /// Rescue both.
    Rescue,
    /// The row is bad.
    Strict,
}
