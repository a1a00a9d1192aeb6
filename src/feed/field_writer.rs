//! How one field of a row is written.

use super::random::Random;
use super::subject::RowSubject;

/// Appends the value of a field as JSON.
pub(super) type FieldWriter = Box<dyn Fn(&mut Vec<u8>, &RowSubject<'_>, &mut Random) + Send + Sync>;
