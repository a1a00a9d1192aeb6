//! How the value of one field is written.

use super::random::Random;
use super::subject::RowSubject;

/// Writes a field's value as JSON.
pub(super) type FieldWriter = Box<dyn Fn(&mut Vec<u8>, &RowSubject<'_>, &mut Random) + Send + Sync>;
