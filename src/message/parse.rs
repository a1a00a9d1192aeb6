//! Parses one element of a message to its tape.

use simd_json::{Buffers, INPUT_PADDING, Node, Tape, fill_tape_padded};

use super::json_error::JsonError;
use super::limits::LONG_ROW_BYTES;
use super::number;

/// Parses elements one at a time, and reuses its buffers.
pub(super) struct Parser {
    /// A copy of the element, because simd-json unescapes strings in place, and the padding that simd-json needs.
    copy: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Default for Parser {
    fn default() -> Self {
        Parser { copy: Vec::new(), buffers: Buffers::default(), tape: Tape(Vec::new()) }
    }
}

impl Parser {
    /// Hands the nodes of `element` to `read`. `wide` says that the element has a number with a point or an exponent
    /// that a float may not hold.
    pub(super) fn parse<T>(
        &mut self,
        element: &[u8],
        wide: bool,
        read: impl FnOnce(&[Node<'_>]) -> T,
    ) -> Result<T, JsonError> {
        self.copy.clear();
        self.copy.extend_from_slice(element);
        let parsed = self.parse_copy(element, wide, read).or_else(|read| {
            self.copy.clear();
            escape_raw_breaks(element, &mut self.copy);
            self.parse_copy(element, wide, read).map_err(|_| fault_in(element))
        });
        if element.len() > LONG_ROW_BYTES {
            *self = Parser::default();
        }
        parsed
    }

    /// Parses `copy`, and returns `read` unused if that is not JSON. Takes the texts of numbers that a float does not
    /// hold from `element`.
    fn parse_copy<T, F: FnOnce(&[Node<'_>]) -> T>(
        &mut self,
        element: &[u8],
        wide: bool,
        read: F,
    ) -> Result<T, F> {
        let length = self.copy.len();
        self.copy.resize(length + INPUT_PADDING, b' ');
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed = match fill_tape_padded(&mut self.copy, length, &mut self.buffers, &mut tape) {
            Ok(()) => {
                if wide || number::has_large(&tape.0) {
                    number::keep_text(&mut tape.0, element);
                }
                Ok(read(&tape.0))
            }
            Err(_) => Err(read),
        };
        self.tape = tape.reset();
        parsed
    }
}

/// Copies `element` and writes every raw tab, line feed, carriage return, form feed and backspace inside a string as
/// an escape.
pub(super) fn escape_raw_breaks(element: &[u8], copy: &mut Vec<u8>) {
    let mut in_string = false;
    let mut escaped = false;
    for &byte in element {
        let escape = match byte {
            b'\t' => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            0x0c => b'f',
            0x08 => b'b',
            _ => 0,
        };
        if in_string && !escaped && escape != 0 {
            copy.extend_from_slice(&[b'\\', escape]);
        } else {
            copy.push(byte);
        }
        if byte == b'"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && byte == b'\\' && !escaped;
    }
}

/// What is wrong with an element that simd-json refused. serde_json says that more clearly.
fn fault_in(element: &[u8]) -> JsonError {
    match serde_json::from_slice::<serde_json::Value>(element) {
        Err(error) => JsonError::of(&error, element),
        Ok(_) => JsonError { byte: 0, why: "the row is not JSON".into() },
    }
}
