//! Encodes a whole message: every element of its array becomes a row, or a bad row with its reason.

use super::api_answer;
use super::encode_mode::EncodeMode;
use super::error::MessageError;
use super::infer::NewFields;
use super::limits::{MESSAGE_BYTES_MAX, ROWS_MAX};
use super::parse::Parser;
use super::record::{Columns, RowEncoder};
use super::rows::Rows;
use super::split::Elements;
use super::tape;
use crate::catalog::{Field, Schema, dataset_name};

/// Buffers that are reused from message to message. Each thread needs its own.
#[derive(Default)]
pub struct Scratch {
    parser: Parser,
    columns: Columns,
}

/// What became of a message whose top level is sound.
#[derive(Debug, Default, PartialEq)]
pub struct Encoded {
    /// How many rows were added.
    pub good: u32,
    /// How many of them have a value in `rescued`.
    pub rescued: u32,
    /// The elements that cannot be rows.
    pub bad: Vec<BadRow>,
    /// The fields that the table could have but lacks, each once. Empty unless the mode is [`EncodeMode::Evolve`].
    pub new_fields: Vec<Field>,
}

/// An element of a message that can't be a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The index of the element in its message, from 0.
    pub row: u32,
    /// The offset of the fault in the message, in bytes, or of the element if the fault has no offset of its own.
    pub byte: u64,
    /// Why the element cannot be a row.
    pub reason: String,
}

/// Adds the rows of `message` to `rows`, each cell in the wire form of its column in `schema`.
///
/// # Errors
/// If nothing of the message can be delivered; then nothing is added.
pub fn encode(
    message: &[u8],
    schema: &Schema,
    mode: EncodeMode,
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
    mode: EncodeMode,
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
                    let answered = if alone { None } else { api_answer::in_array(record) };
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

/// The datasets that the records of a message name in their field `dataset`: canonical names, each once, in the order
/// in which they come. Records that cannot be read name none, and neither does what is behind a fault of the top
/// level.
pub fn datasets_in(message: &[u8], scratch: &mut Scratch) -> Vec<String> {
    let mut datasets: Vec<String> = Vec::new();
    let Ok(mut elements) = Elements::of(message) else { return datasets };
    while let Ok(Some(element)) = elements.next() {
        if element.no_record().is_some() {
            continue;
        }
        let text = &message[element.start..element.end];
        let named = scratch.parser.parse(text, element.wide, |record| {
            let named = tape::fields(record).filter(|(name, _)| *name == "dataset");
            let text =
                named.filter_map(|(_, value)| tape::text(value)).filter(|text| !text.is_empty()).last();
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
