//! Finds where each element of a message's array begins and ends.
//!
//! The splitter knows strings, escapes and brackets, and nothing else of JSON. Whether an element is sound shows when
//! it is parsed. The splitter counts brackets and does not recurse, so it takes any depth. If quotes or brackets do
//! not pair, the ends of elements cannot be found, so it refuses the whole message.

use super::api_answer::ApiAnswer;
use super::error::MessageError;
use super::json_error::JsonError;
use super::limits::{DEPTH_MAX, ROW_BYTES_MAX};
use super::scan::{skip_space, string_end, trim_space_end};
use super::{number, other_formats};

/// The elements of a message, in order.
pub(super) struct Elements<'m> {
    message: &'m [u8],
    at: usize,
    state: SplitState,
}

#[derive(Clone, Copy, PartialEq)]
enum SplitState {
    /// Before the only object.
    Single,
    /// After the array's opening bracket.
    First,
    /// After a comma.
    Later,
    /// After the last element and the bracket behind it.
    End,
}

/// Where an element is, without the white space around it.
pub(super) struct Element {
    pub(super) start: usize,
    pub(super) end: usize,
    depth: u32,
    /// Whether it has a number with a point or an exponent that a float may not hold.
    pub(super) wide: bool,
    first: Option<u8>,
}

impl<'m> Elements<'m> {
    pub(super) fn of(message: &'m [u8]) -> Result<Self, MessageError> {
        let bom = if message.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let at = skip_space(message, bom);
        match message.get(at) {
            None => Err(MessageError::Empty),
            // Text in UTF-16 or UTF-32 begins with the same byte.
            Some(b'[' | b'{') if message.get(at + 1) == Some(&0) => Err(no_container(message, at)),
            Some(b'[') => Ok(Elements { message, at: at + 1, state: SplitState::First }),
            Some(b'{') => match ApiAnswer::of(message, at) {
                None => Ok(Elements { message, at, state: SplitState::Single }),
                Some(ApiAnswer::Records { start, end }) => {
                    Ok(Elements { message: &message[..end], at: start + 1, state: SplitState::First })
                }
                Some(ApiAnswer::Error { said }) => Err(MessageError::ApiError { said }),
            },
            Some(_) => Err(no_container(message, at)),
        }
    }

    /// Whether the message is one record that is not in an array.
    pub(super) fn is_one_object(&self) -> bool {
        self.state == SplitState::Single
    }

    /// The next element. An error concerns the whole message, including the elements that were returned before.
    pub(super) fn next(&mut self) -> Result<Option<Element>, MessageError> {
        if self.state == SplitState::End {
            return self.nothing_more().map(|()| None);
        }
        let start = skip_space(self.message, self.at);
        if self.state == SplitState::First && self.message.get(start) == Some(&b']') {
            self.at = start + 1;
            self.state = SplitState::End;
            return self.nothing_more().map(|()| None);
        }
        let Some(scan) = scan(self.message, start, self.state == SplitState::Single) else {
            return Err(self.not_closed(start));
        };
        let end = if self.state == SplitState::Single {
            self.at = scan.end;
            self.state = SplitState::End;
            scan.end
        } else {
            self.at = scan.end + 1;
            self.state = if self.message[scan.end] == b']' { SplitState::End } else { SplitState::Later };
            start + trim_space_end(&self.message[start..scan.end])
        };
        Ok(Some(Element {
            start,
            end,
            depth: scan.depth,
            wide: scan.wide,
            first: self.message[start..end].first().copied(),
        }))
    }

    fn nothing_more(&self) -> Result<(), MessageError> {
        let at = skip_space(self.message, self.at);
        if at == self.message.len() {
            return Ok(());
        }
        Err(MessageError::NotJson {
            byte: at as u64,
            why: "there is text behind the end of the records".into(),
        })
    }

    /// The error for an element at `start` that has no end. If the message ends as a message should, nothing was cut
    /// off.
    fn not_closed(&self, start: usize) -> MessageError {
        let closing = if self.state == SplitState::Single { b'}' } else { b']' };
        let end = trim_space_end(self.message);
        if start < end && self.message[end - 1] == closing {
            let why = "in the record that begins here a quote or a bracket is missing, or is one too many";
            return MessageError::NotJson { byte: start as u64, why: why.into() };
        }
        MessageError::CutOff { byte: self.message.len() as u64 }
    }
}

impl Element {
    /// Why the element cannot be a record, if that shows before it is parsed.
    pub(super) fn no_record(&self) -> Option<String> {
        let bytes = self.end - self.start;
        let found = match self.first {
            Some(b'{') if bytes > ROW_BYTES_MAX => {
                return Some(format!("the row has {bytes} bytes; at most {ROW_BYTES_MAX} can be read"));
            }
            Some(b'{') if self.depth > DEPTH_MAX => {
                return Some(format!(
                    "the row is nested {} deep; at most {DEPTH_MAX} can be read",
                    self.depth
                ));
            }
            Some(b'{') => return None,
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            Some(_) => "something that is not JSON",
            None => "nothing",
        };
        Some(format!("there is {found} where a record should be"))
    }
}

struct Scan {
    /// In an array the offset of the comma or bracket that ends the element. Otherwise the offset behind the object.
    end: usize,
    depth: u32,
    wide: bool,
}

/// Finds the end of the element at `at`. Returns `None` if the message ends first.
fn scan(message: &[u8], mut at: usize, single: bool) -> Option<Scan> {
    let mut open = 0_u32;
    let mut depth = 0;
    let mut wide = false;
    loop {
        match message.get(at)? {
            b'"' => {
                at = string_end(message, at + 1)?;
                continue;
            }
            b'.' => wide |= has_many_digits(message, at),
            b'e' | b'E' => wide |= at > 0 && message[at - 1].is_ascii_digit(),
            b'{' | b'[' => {
                open += 1;
                depth = depth.max(open);
            }
            b']' if open == 0 => return Some(Scan { end: at, depth, wide }),
            b'}' | b']' => {
                open = open.saturating_sub(1);
                if open == 0 && single {
                    return Some(Scan { end: at + 1, depth, wide });
                }
            }
            b',' if open == 0 => return Some(Scan { end: at, depth, wide }),
            _ => {}
        }
        at += 1;
    }
}

/// Whether the number with a point at `at` has so many digits that a float may not hold it.
#[inline]
fn has_many_digits(message: &[u8], at: usize) -> bool {
    let before = message[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let behind = message[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    before + behind > number::DIGITS_HELD
}

/// The error for a message that begins with neither a bracket nor a brace.
fn no_container(message: &[u8], at: usize) -> MessageError {
    if let Some(error) = other_formats::known(message).or_else(|| other_formats::markup(&message[at..])) {
        return error;
    }
    let value = match serde_json::from_slice::<serde_json::Value>(&message[at..]) {
        Ok(value) => value,
        Err(error) if error.is_eof() => return MessageError::CutOff { byte: message.len() as u64 },
        Err(error) => {
            let fault = JsonError::of(&error, &message[at..]);
            return MessageError::NotJson { byte: (at + fault.byte) as u64, why: fault.why };
        }
    };
    let found = match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        _ => "a string",
    };
    MessageError::NotRecords { found }
}
