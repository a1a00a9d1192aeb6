//! The datasets that IRIS publishes: names, aliases, fields, keys; and the guess for those that nobody listed.
//!
//! Pure: no file, no network. The facts are data, in `datasets.json` beside this file.

mod schema;

pub use schema::{Field, Kind, META_COLUMNS, Schema, is_meta_column};

/// The type that the listed datasets agree on for a field of this name, and whether it is repeated.
pub fn known_kind(_name: &str) -> Option<(Kind, bool)> {
    None
}
