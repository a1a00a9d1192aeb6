//! How the value of one field is written.

use super::random::Random;
use super::subject::Row;

/// Writes a field's value as JSON.
pub(super) type Maker = Box<dyn Fn(&mut Vec<u8>, &Row<'_>, &mut Random) + Send + Sync>;
