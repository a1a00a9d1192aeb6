//! How large a message and its parts may be.

/// The longest message, in bytes. It keeps the text of a message's rows far below the 4 GiB that [`super::Rows`] can
/// hold.
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// The most rows of a message. The largest message seen has 87,000.
pub const ROWS_MAX: u32 = 1_000_000;

/// The longest row, in bytes. A longer one is bad. BigQuery takes 10 MB; the longest row seen has 30 kB.
pub const ROW_BYTES_MAX: usize = 10 << 20;

/// A buffer that grew beyond this for a long row is given back, in bytes.
pub(super) const LONG_ROW_BYTES: usize = 256 << 10;

/// How deep a row may nest, its own braces included. The deepest seen is 3.
pub const DEPTH_MAX: u32 = 100;

/// How many fields one message can add to its table. The values of any further ones are rescued.
pub const NEW_FIELDS_MAX: usize = 256;
