//! From the bytes of a message to the rows of a table.
//!
//! Pure: no file, no network, no clock. [`encode`] goes through a message once. [`split`] finds where each element of
//! its array begins and ends, [`parse`] parses that element on its own with simd-json, [`record`] matches its fields
//! with the table's columns, [`convert`] brings each value into its column's wire form. So a broken row hurts no other,
//! a row's place in its message is certain, and memory is bounded by one row's tape.
//!
//! What is a message: an array of records, or one record alone; an empty array is a message with no rows. A BOM is
//! skipped, and an API's envelope round the array ([`answer`]). Nothing of a message is delivered where its top level is
//! broken: empty, cut off, text behind its end; nor what an API answered as an error, nor what is no UTF-8 text ([`form`]).
//!
//! What is a bad row: one that is no object, is not JSON (NaN, a lone surrogate, invalid UTF-8, 1e999, a NUL), is longer
//! than [`ROW_BYTES_MAX`] or nests deeper than [`DEPTH_MAX`]. Two faults are forgiven, as one reading only is possible: a raw tab or line break inside a
//! string (the .NET client unescapes its text before it writes), and a number with more digits than a float holds, whose
//! text is kept. Of two fields with one name, or for one column, one fills the column and the other is rescued.

mod answer;
mod compare;
mod convert;
mod form;
mod infer;
mod json;
mod number;
mod parse;
mod record;
mod rows;
mod split;
mod time;

pub use compare::{has_bytes_of, has_rows_of, is_blank};
pub use rows::{Cell, Row, Rows};
pub use time::{UtcTime, normalise_time};

use crate::catalog::{Field, Schema, dataset_name};
use infer::NewFields;
use parse::Parser;
use record::{Columns, RowEncoder};
use split::Elements;

/// The longest message, in bytes; with it the text of its rows stays far below the 4 GiB of [`Rows`].
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// The most rows of a message. The largest message seen has 87,000.
pub const ROWS_MAX: u32 = 1_000_000;

/// The longest row, in bytes; one that is longer is bad. BigQuery takes 10 MB, the longest seen has 30 kB.
pub const ROW_BYTES_MAX: usize = 10 << 20;

/// Buffers that grew for a row longer than this are given back, in bytes.
const LONG_ROW_BYTES: usize = 256 << 10;

/// The deepest nesting of a row, the row's own braces counted. The deepest seen is 3.
pub const DEPTH_MAX: u32 = 100;

/// The most fields that one message can ask to add to its table; values of any more are rescued.
pub const NEW_FIELDS_MAX: usize = 256;

/// What to do with a field that the table lacks, and a value that does not fit its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Rescue both, and report the fields in [`Encoded::new_fields`], for the caller to add them and encode again.
    Evolve,
    /// Rescue both.
    Rescue,
    /// The row is bad.
    Strict,
}

/// Buffers used again from message to message; one a thread.
#[derive(Default)]
pub struct Scratch {
    parser: Parser,
    columns: Columns,
}

/// What became of a message whose top level is sound.
#[derive(Debug, Default, PartialEq)]
pub struct Encoded {
    /// Rows that were pushed.
    pub good: u32,
    /// How many of them have a value in `rescued`.
    pub rescued: u32,
    /// Elements that are no rows.
    pub bad: Vec<BadRow>,
    /// Fields that the table lacks and could have, none twice; only in [`Mode::Evolve`].
    pub new_fields: Vec<Field>,
}

/// An element of a message that can't be a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its place in the message, from 0.
    pub row: u32,
    /// Where the fault is in the message; where the row begins, if the fault has no place of its own.
    pub byte: u64,
    pub reason: String,
}

/// Why nothing of a message can be delivered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("the message is empty: the client made the file and wrote nothing into it")]
    Empty,
    #[error("the message ends at byte {byte} before it is complete: its writer stopped half-way")]
    CutOff { byte: u64 },
    #[error("the message can't be read: at byte {byte}, {why}")]
    NotJson { byte: u64, why: String },
    #[error("the message is {found}; an array of records is wanted")]
    NotRecords { found: &'static str },
    #[error("the message is an error that an API answered, not data: {said}")]
    ApiError { said: String },
    #[error("the message is {kind} that a web server or a proxy answered, not data{said}")]
    Markup { kind: &'static str, said: String },
    #[error(
        "the message is packed ({form}), and only plain JSON can be read: unpack it with `{tool}`, put the result in \
         its place under the same name, and retry it"
    )]
    Packed { form: &'static str, tool: &'static str },
    #[error(
        "the message is text in {form}, and only UTF-8 can be read: convert it with `iconv -f {name} -t UTF-8`, put \
         the result in its place under the same name, and retry it"
    )]
    Encoded { form: &'static str, name: &'static str },
    #[error("the message has more than {rows_max} rows")]
    TooManyRows { rows_max: u32 },
    #[error("the message has {bytes} bytes; at most {bytes_max} can be read")]
    TooLong { bytes: usize, bytes_max: usize },
}

/// Adds the rows of `message` to `rows`, each cell in the wire form of its column in `schema`. On an error nothing is
/// added.
pub fn encode(
    message: &[u8],
    schema: &Schema,
    mode: Mode,
    rows: &mut Rows,
    scratch: &mut Scratch,
) -> Result<Encoded, MessageError> {
    let rows_before = rows.len();
    let encoded = encode_elements(message, schema, mode, rows, scratch);
    if encoded.is_err() {
        rows.truncate(rows_before);
    }
    encoded
}

fn encode_elements(
    message: &[u8],
    schema: &Schema,
    mode: Mode,
    rows: &mut Rows,
    scratch: &mut Scratch,
) -> Result<Encoded, MessageError> {
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(MessageError::TooLong { bytes: message.len(), bytes_max: MESSAGE_BYTES_MAX });
    }
    let Scratch { parser, columns } = scratch;
    columns.fit(schema);
    let mut encoded = Encoded::default();
    let mut new_fields = NewFields::default();
    let mut encoder = RowEncoder { schema, mode, rows, columns, new_fields: &mut new_fields };
    let mut elements = Elements::of(message)?;
    let alone = elements.is_one_object();
    let mut row = 0;
    while let Some(element) = elements.next()? {
        if row == ROWS_MAX {
            return Err(MessageError::TooManyRows { rows_max: ROWS_MAX });
        }
        let text = &message[element.start..element.end];
        let outcome = match element.no_record() {
            Some(reason) => Err((0, reason)),
            None => parser
                .parse(text, element.wide, |record| {
                    let answered = if alone { None } else { answer::in_array(record) };
                    answered.map_or_else(|| encoder.encode(row, record), Err)
                })
                .map_err(|fault| (fault.byte, fault.why))
                .and_then(|outcome| outcome.map_err(|reason| (0, reason))),
        };
        match outcome {
            Ok(rescued) => {
                encoded.good += 1;
                encoded.rescued += u32::from(rescued);
            }
            Err((byte, reason)) => {
                encoded.bad.push(BadRow { row, byte: (element.start + byte) as u64, reason });
            }
        }
        row += 1;
    }
    encoded.new_fields = new_fields.into_fields();
    Ok(encoded)
}

/// The datasets that a message's records name in their field `dataset`, by their canonical names, each once, in the order in
/// which they come. Records that can't be read name none, nor does what is behind a broken top level.
pub fn datasets_in(message: &[u8], scratch: &mut Scratch) -> Vec<String> {
    let mut datasets: Vec<String> = Vec::new();
    let Ok(mut elements) = Elements::of(message) else { return datasets };
    while let Ok(Some(element)) = elements.next() {
        if element.no_record().is_some() {
            continue;
        }
        let text = &message[element.start..element.end];
        let named = scratch.parser.parse(text, element.wide, |record| {
            let named = json::fields(record).filter(|(name, _)| *name == "dataset");
            let text =
                named.filter_map(|(_, value)| json::text(value)).filter(|text| !text.is_empty()).last();
            text.map(dataset_name)
        });
        if let Ok(Some(dataset)) = named
            && !datasets.contains(&dataset)
        {
            datasets.push(dataset);
        }
    }
    datasets
}
