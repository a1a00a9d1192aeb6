//! Turns the bytes of a message into the rows of a table. Pure: no file, no network, no clock.
//!
//! A message is an array of records, or one record alone. An empty array is a message with no rows. The parser skips
//! a BOM and an API's envelope around the array. It delivers nothing of a message whose top level is broken (empty,
//! cut off, with text behind its end), nothing of an API's error, and nothing that is not UTF-8 text.
//!
//! A row is bad if it is not an object, is not JSON (NaN, a lone surrogate, invalid UTF-8, 1e999, a NUL), is longer
//! than [`ROW_BYTES_MAX`] or nests deeper than [`DEPTH_MAX`]. The parser forgives two faults, because each can be
//! read in one way only: a raw tab or line break inside a string (the .NET client unescapes its text before it
//! writes), and a number with more digits than a float holds, whose text it keeps. If two fields of a record have one
//! name or one column, one fills the column and the other is rescued.
//!
//! [`encode()`] goes through a message once. It finds where each element of the array begins and ends before it
//! parses that element on its own. So a broken row hurts no other row, the position of a row in its message is
//! certain, and the memory for parsing is that of one row.
//!
//! - `encode`: a whole message to rows
//! - `encode_mode`: what happens to a value that has no column, or does not fit its column
//! - `limits`: how large a message and its parts may be
//! - `error`: why nothing of a message can be delivered
//! - `split`: where each element of the array begins and ends
//! - `scan`: where strings, numbers and values end
//! - `other_formats`: files that are not JSON text in UTF-8
//! - `api_answer`: envelopes and errors of APIs
//! - `parse`: one element to the tape of simd-json
//! - `json_error`: why an element is not JSON
//! - `number`: numbers with more digits than a float holds
//! - `tape`: values on the tape, and their JSON text
//! - `json_text`: the JSON text of strings and scalars
//! - `record`: which field of a record goes into which column, and what is rescued
//! - `convert`: a value to the wire form of its column
//! - `time`: times in every form that IRIS uses
//! - `infer`: the type of a field that no table has yet
//! - `rows`: rows in memory
//! - `compare`: whether one content of a message has all that another one has
//! - `fuzz`: what must hold for any bytes

mod api_answer;
mod compare;
mod convert;
mod encode;
mod encode_mode;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod infer;
mod json_error;
mod json_text;
mod limits;
mod number;
mod other_formats;
mod parse;
mod record;
mod rows;
mod scan;
mod split;
mod tape;
mod time;

pub use compare::{has_bytes_of, has_rows_of, is_blank};
pub use encode::{BadRow, Encoded, Scratch, datasets_in, encode};
pub use encode_mode::EncodeMode;
pub use error::MessageError;
pub use limits::{DEPTH_MAX, MESSAGE_BYTES_MAX, NEW_FIELDS_MAX, ROW_BYTES_MAX, ROWS_MAX};
pub use rows::{Cell, Row, Rows};
pub use time::UtcTime;
