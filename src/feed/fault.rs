//! What can be wrong with a message, made on purpose.

use std::fmt;
use std::ops::Range;

use super::calendar::{TimeForm, push_instant};
use super::python_json as json;
use super::random::Random;
use crate::catalog::{ColumnKind, Dataset};

/// Something odd about a message. Most of these have been seen on IRIS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeedFault {
    /// The client died while it wrote, so the file ends within its first row.
    Truncated,
    /// The file is empty.
    EmptyFile,
    /// The same name and content as an earlier message.
    Redelivered,
    /// The name of an earlier message, with as many rows and other values.
    RedeliveredChanged,
    /// One row among good ones is not JSON.
    BrokenRow,
    /// One row among good ones is a number.
    NotARecord,
    /// The text of the first row has an escape that JSON does not know, as the .NET client writes it.
    InvalidEscape,
    /// Every row has a field that the catalog lacks.
    UnknownField,
    /// One value does not fit its field, such as 49.92 for a whole number. The row is good nevertheless.
    WrongType,
    /// A dataset that is in no list.
    UnknownDataset,
    /// `[]`: a message with no rows.
    EmptyArray,
    /// A record that is not in an array.
    SingleObject,
    /// A byte order mark at the start.
    Bom,
    /// Many indented lines and plain UTF-8, as the Node client writes.
    Indented,
}

impl FeedFault {
    /// All faults.
    pub const ALL: [FeedFault; 14] = [
        FeedFault::Truncated,
        FeedFault::EmptyFile,
        FeedFault::Redelivered,
        FeedFault::RedeliveredChanged,
        FeedFault::BrokenRow,
        FeedFault::NotARecord,
        FeedFault::InvalidEscape,
        FeedFault::UnknownField,
        FeedFault::WrongType,
        FeedFault::UnknownDataset,
        FeedFault::EmptyArray,
        FeedFault::SingleObject,
        FeedFault::Bom,
        FeedFault::Indented,
    ];

    /// A few words for people: `broken row`.
    pub fn name(self) -> &'static str {
        match self {
            FeedFault::Truncated => "truncated",
            FeedFault::EmptyFile => "empty file",
            FeedFault::Redelivered => "redelivered",
            FeedFault::RedeliveredChanged => "redelivered with other content",
            FeedFault::BrokenRow => "broken row",
            FeedFault::NotARecord => "number for a record",
            FeedFault::InvalidEscape => "invalid escape",
            FeedFault::UnknownField => "unknown field",
            FeedFault::WrongType => "value of a wrong type",
            FeedFault::UnknownDataset => "unknown dataset",
            FeedFault::EmptyArray => "empty array",
            FeedFault::SingleObject => "single object",
            FeedFault::Bom => "byte order mark",
            FeedFault::Indented => "indented",
        }
    }

    /// How many rows a message needs to show the fault among good ones.
    pub(super) fn rows_min(self) -> u32 {
        if matches!(self, FeedFault::BrokenRow | FeedFault::NotARecord) { 3 } else { 1 }
    }
}

impl fmt::Display for FeedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A good message, and the ranges of its rows in `body`.
pub(super) struct Draft {
    pub(super) body: Vec<u8>,
    pub(super) rows: Vec<Range<usize>>,
}

impl Draft {
    /// The message with the fault, and how many good rows it has. `None` if the message has nothing that the fault
    /// could befall, or if the fault does not concern the content: redeliveries and unknown datasets.
    pub(super) fn with(
        &self,
        fault: FeedFault,
        dataset: &Dataset,
        random: &mut Random,
    ) -> Option<(Vec<u8>, u32)> {
        let Draft { body, rows } = self;
        let mut body = body.clone();
        let count = rows.len() as u32;
        let first = rows.first()?.clone();
        let any = random.pick(rows).clone();
        let good_rows = match fault {
            FeedFault::Truncated => {
                body.truncate(random.between(1, first.end as i64 - 1) as usize);
                0
            }
            FeedFault::EmptyFile => {
                body.clear();
                0
            }
            FeedFault::BrokenRow => {
                let name_end = any.start + find(&body[any.clone()], b"\": ")? + 3;
                body.drain(name_end..value_end(&body, name_end));
                count - 1
            }
            FeedFault::NotARecord => {
                body.splice(any, *b"42");
                count - 1
            }
            FeedFault::InvalidEscape => {
                let text_start = first.start + find(&body[first], b"\": \"")? + 4;
                body.splice(text_start..text_start, *b"\\d");
                count - 1
            }
            FeedFault::UnknownField => {
                const FIELDS: [&str; 3] =
                    ["\"gridZone\": \"GZ7\", ", "\"carbonIntensity\": 182.5, ", "\"isRevised\": true, "];
                let field = random.pick(&FIELDS);
                for row in rows.iter().rev() {
                    body.splice(row.start + 1..row.start + 1, field.bytes());
                }
                count
            }
            FeedFault::WrongType => {
                let (value, wrong) = wrong_value(dataset, &body, any)?;
                body.splice(value, wrong.bytes());
                count
            }
            FeedFault::EmptyArray => {
                body = b"[]".to_vec();
                0
            }
            FeedFault::SingleObject => {
                body = body[first].to_vec();
                1
            }
            FeedFault::Bom => {
                body.splice(0..0, *b"\xef\xbb\xbf");
                count
            }
            FeedFault::Indented => {
                let rows: serde_json::Value = serde_json::from_slice(&body).ok()?;
                body = serde_json::to_vec_pretty(&rows).ok()?;
                count
            }
            FeedFault::Redelivered | FeedFault::RedeliveredChanged | FeedFault::UnknownDataset => {
                return None;
            }
        };
        Some((body, good_rows))
    }
}

/// A value of the row to replace, and one that does not fit there. It prefers a whole number, and a field that is not
/// in the key.
fn wrong_value(dataset: &Dataset, body: &[u8], row: Range<usize>) -> Option<(Range<usize>, &'static str)> {
    let in_key = |name: &String| dataset.key.contains(name);
    let mut candidates: Vec<_> = dataset
        .fields
        .iter()
        .filter_map(|field| match field.kind {
            ColumnKind::Int64 => Some((0, in_key(&field.name), field, "49.92")),
            ColumnKind::Float64 => Some((1, in_key(&field.name), field, "\"n/a\"")),
            ColumnKind::Timestamp => Some((2, in_key(&field.name), field, "\"soon\"")),
            _ => None,
        })
        .collect();
    candidates.sort_by_key(|&(rank, in_key, ..)| (rank, in_key));
    candidates.into_iter().find_map(|(_, _, field, wrong)| {
        let head = format!("\"{}\": ", field.name);
        let start = row.start + find(&body[row.clone()], head.as_bytes())? + head.len();
        let value = start..value_end(body, start);
        (&body[value.clone()] != b"null").then_some((value, wrong))
    })
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// The offset behind the text, number or word that starts at `start`.
fn value_end(body: &[u8], start: usize) -> usize {
    let mut end = start;
    if body.get(start) == Some(&b'"') {
        end += 1;
        while end < body.len() && body[end] != b'"' {
            end += if body[end] == b'\\' { 2 } else { 1 };
        }
        return (end + 1).min(body.len());
    }
    while end < body.len() && !matches!(body[end], b',' | b'}') {
        end += 1;
    }
    end
}

/// Folders of datasets that are in no list.
pub(super) const UNLISTED: [&str; 3] = ["NEWGEN", "GEN_MIX_2", "flexunits"];

/// A message of a dataset that is in no list.
pub(super) fn unlisted_message(folder: &str, now_ms: i64, rows: u32, random: &mut Random) -> Vec<u8> {
    let mut body = b"[".to_vec();
    for row in 0..rows {
        json::push(&mut body, format_args!("{}{{\"dataset\": ", if row == 0 { "" } else { ", " }));
        json::push_text(&mut body, &folder.to_ascii_uppercase());
        body.extend_from_slice(b", \"publishTime\": \"");
        push_instant(&mut body, now_ms, TimeForm::Seconds);
        json::push(&mut body, format_args!("\", \"gridZone\": \"GZ{row}\", \"output\": "));
        json::push_thousandths(&mut body, random.between(-500, 90_000) * 100, false);
        json::push(&mut body, format_args!(", \"isFinal\": {}, \"comment\": ", random.one_in(2)));
        json::push_text(&mut body, "première série – TEST Z");
        body.push(b'}');
    }
    body.push(b']');
    body
}
