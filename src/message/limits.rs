//! How large a message and its parts may be.

/// The longest message, in bytes; with it the text of its rows stays far below the 4 GiB of [`super::Rows`].
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// The most rows of a message. The largest message seen has 87,000.
pub const ROWS_MAX: u32 = 1_000_000;

/// The longest row, in bytes; one that is longer is bad. BigQuery takes 10 MB, the longest seen has 30 kB.
pub const ROW_BYTES_MAX: usize = 10 << 20;

/// Buffers that grew for a row longer than this are given back, in bytes.
pub(super) const LONG_ROW_BYTES: usize = 256 << 10;

/// The deepest nesting of a row, the row's own braces counted. The deepest seen is 3.
pub const DEPTH_MAX: u32 = 100;

/// The most fields that one message can ask to add to its table; values of any more are rescued.
pub const NEW_FIELDS_MAX: usize = 256;
