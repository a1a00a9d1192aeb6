//! Turns one record into one row: which field goes into which column, and what is rescued.

use std::collections::HashMap;
use std::fmt::Write;

use simd_json::Node;

use super::convert::{self, Fit};
use super::encode_mode::EncodeMode;
use super::infer::NewFields;
use super::json_text::write_string;
use super::limits::LONG_ROW_BYTES;
use super::rows::Rows;
use super::tape;
use crate::catalog::Schema;

/// No column, or no field. A table has fewer columns.
const NONE: u16 = u16::MAX;

/// Buffers for looking up columns.
#[derive(Default)]
pub(super) struct Columns {
    /// For each column, the column whose field came next when this column's field was last seen. The last entry is
    /// the column that came first. These are guesses: a column counts only if its name is that of the field.
    next: Vec<u16>,
    /// For each column, which field of the current record fills it.
    seen: Vec<ColumnHolder>,
    /// The number of the current record.
    record: u64,
    /// The record's fields, in their order.
    plan: Vec<Planned>,
    /// The indexes on the tape of the names whose values go to `rescued`.
    to_rescue: Vec<u32>,
    /// Whether a name may be twice among those to rescue.
    spares: bool,
    rescued: String,
}

#[derive(Clone, Copy, Default)]
struct ColumnHolder {
    record: u64,
    index: u32,
}

#[derive(Clone, Copy)]
struct Planned {
    /// Where the field goes; [`NONE`] if the table lacks it.
    column: u16,
    /// Another field of the record fills the column, so this one goes to `rescued`.
    spare: bool,
    /// The index of the field's name on the tape, or 0 if another field says all that this one says.
    node: u32,
}

/// The name at `node` on the tape of a record, and its value.
fn field_at<'t, 'i>(record: &'t [Node<'i>], node: u32) -> (&'i str, &'t [Node<'i>]) {
    let Node::String(name) = record[node as usize] else { unreachable!("a field begins with its name") };
    (name, tape::value_at(&record[node as usize + 1..]))
}

impl Columns {
    /// Makes room for the columns of `schema`, and gives back the memory that a long row took.
    pub(super) fn fit(&mut self, schema: &Schema) {
        let columns = schema.fields().len();
        if self.next.len() != columns + 1 {
            self.next.clear();
            self.next.resize(columns + 1, NONE);
            self.seen.clear();
            self.seen.resize(columns, ColumnHolder::default());
        }
        let fields =
            self.plan.capacity() * size_of::<Planned>() + self.to_rescue.capacity() * size_of::<u32>();
        if self.rescued.capacity() + fields > LONG_ROW_BYTES {
            self.rescued = String::new();
            self.plan = Vec::new();
            self.to_rescue = Vec::new();
        }
    }

    /// The column of a field that comes after the field of `previous`. Records of a dataset have their fields in the
    /// same order, so the guess is nearly always right and spares the hashing of the name.
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
        self.spares = false;
        let mut unknown: HashMap<&str, usize> = HashMap::new();
        let mut previous = schema.fields().len();
        let mut node = 1;
        for (name, value) in tape::fields(record) {
            let index = self.plan.len();
            let column = self.find(schema, previous, name);
            let planned = column.map_or(NONE, |column| column as u16);
            self.plan.push(Planned { column: planned, spare: false, node: node as u32 });
            node += 1 + value.len();
            match column {
                Some(column) => {
                    previous = column;
                    let seen = self.seen[column];
                    let mut holder = index;
                    if seen.record == self.record {
                        let own_name = &schema.fields()[column].name;
                        holder = self.settle(record, seen.index as usize, index, own_name);
                    }
                    self.seen[column] = ColumnHolder { record: self.record, index: holder as u32 };
                }
                None => {
                    if let Some(earlier) = unknown.insert(name, index) {
                        let holder = self.settle(record, earlier, index, name);
                        unknown.insert(name, holder);
                    }
                }
            }
        }
    }

    /// Decides which of two fields fills their common column, or keeps their common name, and returns that one. The
    /// value of the other one is rescued.
    ///
    /// A field spelt as the column wins over one that is not. Of two fields with one spelling the later wins,
    /// otherwise the earlier. A null never displaces a value.
    #[cold]
    fn settle(&mut self, record: &[Node<'_>], earlier: usize, later: usize, own_name: &str) -> usize {
        let (earlier_name, earlier_value) = field_at(record, self.plan[earlier].node);
        let (later_name, later_value) = field_at(record, self.plan[later].node);
        let rank = |name: &str, value: &[Node<'_>]| (!tape::is_null(value), name == own_name);
        let (earlier_rank, later_rank) = (rank(earlier_name, earlier_value), rank(later_name, later_value));
        let same_name = earlier_name == later_name;
        let later_holds = later_rank > earlier_rank || (same_name && later_rank == earlier_rank);
        let (holder, other, other_is_value) =
            if later_holds { (later, earlier, earlier_rank.0) } else { (earlier, later, later_rank.0) };
        if other_is_value && !(same_name && tape::are_same(earlier_value, later_value)) {
            self.plan[other].spare = true;
            self.spares = true;
        } else {
            self.plan[other].node = 0;
        }
        holder
    }

    /// Writes the fields that are to be rescued as one object. A name that occurs twice gets an array of its values,
    /// because readers of JSON differ in which of the two they take.
    #[cold]
    fn render_rescued(&mut self, record: &[Node<'_>]) {
        let out = &mut self.rescued;
        let mut alike: HashMap<&str, Vec<u32>> = HashMap::new();
        if self.spares {
            for &node in &self.to_rescue {
                let (name, value) = field_at(record, node);
                let nodes = alike.entry(name).or_default();
                if !nodes.last().is_some_and(|last| tape::are_same(field_at(record, *last).1, value)) {
                    nodes.push(node);
                }
            }
        }
        for &node in &self.to_rescue {
            let (name, value) = field_at(record, node);
            let own = [node];
            let nodes = alike.get(name).map_or(&own[..], |nodes| nodes);
            if nodes[0] != node {
                continue;
            }
            out.push(if out.is_empty() { '{' } else { ',' });
            write_string(out, name);
            out.push(':');
            if nodes.len() < 2 {
                tape::write_all(out, value);
                continue;
            }
            for (index, &node) in nodes.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                tape::write_all(out, field_at(record, node).1);
            }
            out.push(']');
        }
        out.push('}');
    }
}

/// Encodes the records of one message.
pub(super) struct RowEncoder<'a> {
    pub(super) schema: &'a Schema,
    pub(super) mode: EncodeMode,
    pub(super) rows: &'a mut Rows,
    pub(super) columns: &'a mut Columns,
    pub(super) new_fields: &'a mut NewFields,
}

impl RowEncoder<'_> {
    /// Adds the row of `record`, which must be an object. Returns whether something of it was rescued, or why it is
    /// bad; then nothing was added.
    pub(super) fn encode(&mut self, message_row: u32, record: &[Node<'_>]) -> Result<bool, String> {
        self.columns.plan(self.schema, record);
        self.columns.rescued.clear();
        self.columns.to_rescue.clear();
        for index in 0..self.columns.plan.len() {
            let Planned { column, spare, node } = self.columns.plan[index];
            if node == 0 {
                continue;
            }
            let (name, value) = field_at(record, node);
            let whole = if column == NONE {
                self.unknown(name, value, spare)
            } else if spare {
                self.spare(usize::from(column), name)
            } else {
                self.known(usize::from(column), name, value)
            };
            match whole {
                Ok(true) => {}
                Ok(false) => self.columns.to_rescue.push(node),
                Err(reason) => {
                    self.rows.abandon_row();
                    return Err(reason);
                }
            }
        }
        let is_rescued = !self.columns.to_rescue.is_empty();
        if is_rescued {
            self.columns.render_rescued(record);
        }
        self.rows.end_row(message_row, &self.columns.rescued);
        Ok(is_rescued)
    }

    /// Pushes the value of a field that has a column. Returns false if not all of it fits, so that it must be
    /// rescued.
    #[inline]
    fn known(&mut self, column: usize, name: &str, value: &[Node<'_>]) -> Result<bool, String> {
        if tape::is_null(value) {
            return Ok(true);
        }
        let field = &self.schema.fields()[column];
        let fit = convert::push(self.rows, column, field, value);
        if fit == Fit::Whole {
            return Ok(true);
        }
        if self.mode == EncodeMode::Strict {
            let kind = field.kind.name();
            let value = excerpt(value);
            let what = if fit == Fit::None { "does not fit" } else { "does not fit as a whole" };
            return Err(format!("field {}: {value} {what} its column of type {kind}", quoted(name)));
        }
        Ok(false)
    }

    /// A value whose column another field of the record fills. Returns false: it must be rescued.
    #[cold]
    fn spare(&self, column: usize, name: &str) -> Result<bool, String> {
        if self.mode != EncodeMode::Strict {
            return Ok(false);
        }
        let column = quoted(&self.schema.fields()[column].name);
        Err(format!("field {}: another field of the record has its column {column}", quoted(name)))
    }

    /// A field that has no column. Returns false if its value must be rescued. Null says no more than a missing
    /// field, so it is not rescued.
    #[cold]
    fn unknown(&mut self, name: &str, value: &[Node<'_>], spare: bool) -> Result<bool, String> {
        if self.mode == EncodeMode::Strict {
            return Err(format!("field {} has no column in table {}", quoted(name), self.schema.table()));
        }
        if tape::is_null(value) {
            return Ok(true);
        }
        if self.mode == EncodeMode::Evolve && !spare {
            self.new_fields.note(name, value, self.columns.record);
        }
        Ok(false)
    }
}

/// A field's name in quotes, shortened, for a reason.
fn quoted(name: &str) -> String {
    let mut out = String::new();
    write_string(&mut out, name);
    cut(out)
}

/// The beginning of a value, for a reason.
fn excerpt(value: &[Node<'_>]) -> String {
    let mut out = String::new();
    tape::write(&mut out, value);
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
