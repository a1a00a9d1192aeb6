//! From the bytes of a message to the rows of a table.
//!
//! Pure: no file, no network, no clock.

mod rows;

pub use rows::{Cell, Row, Rows};
