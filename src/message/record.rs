//! One record to one row: which field goes into which column, and what is rescued.

use std::collections::HashMap;
use std::fmt::Write;

use simd_json::Node;

use super::convert::{self, Fit};
use super::infer::NewFields;
use super::{LONG_ROW_BYTES, Mode, Rows, json};
use crate::catalog::{Kind, Schema};

/// No column, or no field: a table has fewer columns.
const NONE: u16 = u16::MAX;

/// Buffers for looking up columns.
#[derive(Default)]
pub(super) struct Columns {
    /// By column, the one whose field came next when this column's field was seen last; at the end, the one that came
    /// first. Only a guess: the column's name is compared before it counts.
    next: Vec<u16>,
    /// By column, the place in `plan` of its field, if `record` is this record.
    seen: Vec<Seen>,
    /// Counts records.
    record: u64,
    /// The record's fields in their order.
    plan: Vec<Planned>,
    rescued: String,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    record: u64,
    place: u32,
}

#[derive(Clone, Copy)]
struct Planned {
    /// Where the field goes; [`NONE`] if the table lacks it.
    column: u16,
    /// The place of the field's name on the tape; 0 if a later field replaces it.
    node: u32,
}

impl Columns {
    /// Makes room for the columns of `schema`, and gives back what a long row took.
    pub(super) fn fit(&mut self, schema: &Schema) {
        let columns = schema.fields().len();
        if self.next.len() != columns + 1 {
            self.next.clear();
            self.next.resize(columns + 1, NONE);
            self.seen.clear();
            self.seen.resize(columns, Seen::default());
        }
        if self.rescued.capacity() + self.plan.capacity() * size_of::<Planned>() > LONG_ROW_BYTES {
            self.rescued = String::new();
            self.plan = Vec::new();
        }
    }

    /// The column of a field that comes behind the field of `previous`. Records of a dataset have their fields in the
    /// same order, so the guess is nearly always right, and hashing is spared.
    #[inline]
    fn find(&mut self, schema: &Schema, previous: usize, name: &str) -> Option<usize> {
        let guess = usize::from(self.next[previous]);
        if schema.fields().get(guess).is_some_and(|field| field.name == name) {
            return Some(guess);
        }
        let found = schema.position(name)?;
        self.next[previous] = found as u16;
        Some(found)
    }

    /// Decides where each field of `record` goes.
    fn plan(&mut self, schema: &Schema, record: &[Node<'_>]) {
        self.record += 1;
        self.plan.clear();
        let mut unknown: HashMap<&str, usize> = HashMap::new();
        let mut previous = schema.fields().len();
        let mut node = 1;
        for (name, value) in json::fields(record) {
            let place = self.plan.len();
            let column = self.find(schema, previous, name);
            let replaced = match column {
                Some(column) => {
                    previous = column;
                    let seen = &mut self.seen[column];
                    let earlier = (seen.record == self.record).then_some(seen.place as usize);
                    *seen = Seen { record: self.record, place: place as u32 };
                    earlier
                }
                None => unknown.insert(name, place),
            };
            if let Some(earlier) = replaced {
                self.plan[earlier].node = 0;
            }
            let column = column.map_or(NONE, |column| column as u16);
            self.plan.push(Planned { column, node: node as u32 });
            node += 1 + value.len();
        }
    }
}

/// Encodes the records of one message.
pub(super) struct RowEncoder<'a> {
    pub(super) schema: &'a Schema,
    pub(super) mode: Mode,
    pub(super) rows: &'a mut Rows,
    pub(super) columns: &'a mut Columns,
    pub(super) new_fields: &'a mut NewFields,
}

impl RowEncoder<'_> {
    /// Pushes the row of `record`, an object. Answers whether something of it was rescued, or why it is bad; then
    /// nothing was pushed.
    pub(super) fn encode(&mut self, message_row: u32, record: &[Node<'_>]) -> Result<bool, String> {
        self.columns.plan(self.schema, record);
        self.columns.rescued.clear();
        for place in 0..self.columns.plan.len() {
            let Planned { column, node } = self.columns.plan[place];
            if node == 0 {
                continue;
            }
            let (name, value) = (&record[node as usize], json::value_at(&record[node as usize + 1..]));
            let Node::String(name) = name else { continue };
            let sound = if column == NONE {
                self.unknown(name, value)
            } else {
                self.known(usize::from(column), name, value)
            };
            if let Err(reason) = sound {
                self.rows.abandon_row();
                return Err(reason);
            }
        }
        let rescued = &mut self.columns.rescued;
        if !rescued.is_empty() {
            rescued.push('}');
        }
        self.rows.end_row(message_row, rescued);
        Ok(!rescued.is_empty())
    }

    #[inline]
    fn known(&mut self, column: usize, name: &str, value: &[Node<'_>]) -> Result<(), String> {
        if json::is_null(value) {
            return Ok(());
        }
        let field = &self.schema.fields()[column];
        let fit = convert::push(self.rows, column, field, value);
        if fit == Fit::Whole {
            return Ok(());
        }
        if self.mode == Mode::Strict {
            let kind = kind_name(&field.kind);
            let value = excerpt(value);
            let what = if fit == Fit::None { "does not fit" } else { "does not fit as a whole" };
            return Err(format!("field {}: {value} {what} its column of type {kind}", quoted(name)));
        }
        self.rescue(name, value);
        Ok(())
    }

    /// A field that the table lacks. Null says no more than its absence, so a null is not rescued.
    #[cold]
    fn unknown(&mut self, name: &str, value: &[Node<'_>]) -> Result<(), String> {
        if self.mode == Mode::Strict {
            return Err(format!("field {} has no column in table {}", quoted(name), self.schema.table()));
        }
        if json::is_null(value) {
            return Ok(());
        }
        if self.mode == Mode::Evolve {
            self.new_fields.note(name, value);
        }
        self.rescue(name, value);
        Ok(())
    }

    #[cold]
    fn rescue(&mut self, name: &str, value: &[Node<'_>]) {
        let out = &mut self.columns.rescued;
        out.push(if out.is_empty() { '{' } else { ',' });
        json::write_string(out, name);
        out.push(':');
        json::write(out, value);
    }
}

/// A field's name for a reason; one of a megabyte is cut.
fn quoted(name: &str) -> String {
    let mut out = String::new();
    json::write_string(&mut out, name);
    cut(out)
}

/// The beginning of a value, for a reason.
fn excerpt(value: &[Node<'_>]) -> String {
    let mut out = String::new();
    json::write(&mut out, value);
    cut(out)
}

fn cut(text: String) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        None => text,
        Some((end, _)) => {
            let mut short = text[..end].to_owned();
            write!(short, "… ({} bytes)", text.len()).expect("a String takes any text");
            short
        }
    }
}

/// A kind as BigQuery calls it.
fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Bool => "BOOL",
        Kind::Int64 => "INT64",
        Kind::Float64 => "FLOAT64",
        Kind::Numeric => "NUMERIC",
        Kind::String => "STRING",
        Kind::Timestamp => "TIMESTAMP",
        Kind::Datetime => "DATETIME",
        Kind::Date => "DATE",
        Kind::Json => "JSON",
        Kind::Record(_) => "RECORD",
    }
}
