//! Converts a value into the wire form of its column. The column's kind decides, never how the value is written.
//!
//! | kind | takes |
//! |---|---|
//! | Bool | `true`, `"true"` |
//! | Int64 | `350`, `350.0`, `"350"`, `"350.0"`; not 49.92 |
//! | Float64 | numbers and numeric text; no number beyond 2⁵³ that a float does not hold |
//! | Numeric | the same, up to 29 digits before the point and 38 behind it |
//! | String | text as it is; anything else as its JSON text |
//! | Timestamp, Datetime | text that is a time or a date |
//! | Date | text that is a date, or a time at midnight UTC |
//! | Json | everything |
//! | Record | an object |
//! | repeated | an array, or one value as an array of one |
//!
//! A Float64 column takes the nearest float to a fraction with more digits than a float holds. The text of the
//! fraction is rescued.

use simd_json::{Node, StaticNode};

use super::json_text::{write_scalar, write_string};
use super::rows::{Cell, Rows};
use super::time::UtcTime;
use super::{number, tape};
use crate::catalog::{ColumnKind, Field};

/// How much of a value fits its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Whole,
    /// A part of it went in. The rest has no column, or does not fit.
    Part,
    /// Nothing went in.
    None,
}

/// Pushes a value that is not null into its column.
pub(super) fn push(rows: &mut Rows, column: usize, field: &Field, value: &[Node<'_>]) -> Fit {
    if field.repeated || matches!(field.kind, ColumnKind::Record(_)) {
        let mut fit = Fit::None;
        rows.push_if(column, |out| {
            fit = if field.repeated {
                write_repeated(out, &field.kind, value)
            } else {
                write_one(out, &field.kind, value)
            };
            fit != Fit::None
        });
        return fit;
    }
    match Wire::of(&field.kind, value) {
        None => return Fit::None,
        Some(Wire::Bool(value)) => rows.push(column, Cell::Bool(value)),
        Some(Wire::Int(value)) => rows.push(column, Cell::Int(value)),
        Some(Wire::Text(text)) => rows.push(column, Cell::Text(text)),
        Some(Wire::Time(time, length)) => rows.push(column, Cell::Text(&time.timestamp()[..length])),
        Some(Wire::Float(value, fit)) => {
            rows.push(column, Cell::Float(value));
            return fit;
        }
        Some(Wire::Rendered(text, fit)) => {
            rows.push(column, Cell::Text(&text));
            return fit;
        }
        Some(Wire::Json(value)) => {
            let mut whole = true;
            rows.push_with(column, |out| whole = tape::write(out, value));
            return if whole { Fit::Whole } else { Fit::Part };
        }
    }
    Fit::Whole
}

/// A value in the wire form of a kind other than a record.
enum Wire<'v> {
    Bool(bool),
    Int(i64),
    /// [`Fit::Part`] if it is only the nearest float to a number with more digits.
    Float(f64, Fit),
    Text(&'v str),
    Rendered(String, Fit),
    /// A time, and how many bytes of its text the kind takes.
    Time(UtcTime, usize),
    Json(&'v [Node<'v>]),
}

impl<'v> Wire<'v> {
    #[inline]
    fn of(kind: &ColumnKind, value: &'v [Node<'v>]) -> Option<Wire<'v>> {
        match kind {
            ColumnKind::Bool => boolean(&value[0]).map(Wire::Bool),
            ColumnKind::Int64 => integer(value).map(Wire::Int),
            ColumnKind::Float64 => float(value).map(|(value, fit)| Wire::Float(value, fit)),
            ColumnKind::Numeric => decimal(value),
            ColumnKind::String => Some(match (value[0], tape::wide(value)) {
                (Node::String(text), _) | (_, Some(text)) => Wire::Text(text),
                _ => rendered(value),
            }),
            ColumnKind::Timestamp => time(&value[0]).map(|time| Wire::Time(time, time.timestamp().len())),
            ColumnKind::Datetime => time(&value[0]).map(|time| Wire::Time(time, time.datetime().len())),
            ColumnKind::Date => date(&value[0]),
            ColumnKind::Json => Some(Wire::Json(value)),
            ColumnKind::Record(_) => None,
        }
    }

    /// Writes the value as JSON, inside a record or an array.
    fn write_json(&self, out: &mut String) -> Fit {
        match self {
            Wire::Bool(value) => write_scalar(out, StaticNode::Bool(*value)),
            Wire::Int(value) if is_exact_float(*value) => write_scalar(out, StaticNode::I64(*value)),
            // BigQuery reads the numbers of a streamed row as doubles. It also takes text for an integer.
            Wire::Int(value) => write_string(out, &value.to_string()),
            Wire::Float(value, fit) => {
                write_scalar(out, StaticNode::F64(*value));
                return *fit;
            }
            Wire::Text(text) => write_string(out, text),
            Wire::Rendered(text, fit) => {
                write_string(out, text);
                return *fit;
            }
            Wire::Time(time, length) => write_string(out, &time.timestamp()[..*length]),
            Wire::Json(value) => {
                if !tape::write(out, value) {
                    return Fit::Part;
                }
            }
        }
        Fit::Whole
    }
}

/// Writes a value of a kind that is not repeated. If it returns [`Fit::None`], the caller must discard what it wrote.
fn write_one(out: &mut String, kind: &ColumnKind, value: &[Node<'_>]) -> Fit {
    match (kind, &value[0]) {
        (ColumnKind::Record(known), Node::Object { .. }) => write_record(out, known, value),
        _ => match Wire::of(kind, value) {
            Some(wire) => wire.write_json(out),
            None => Fit::None,
        },
    }
}

/// Writes an array of the items that fit. A null does not fit, because no repeated column takes one.
fn write_repeated(out: &mut String, kind: &ColumnKind, value: &[Node<'_>]) -> Fit {
    out.push('[');
    let mut fit = Fit::Whole;
    if let Node::Array { .. } = value[0]
        && tape::wide(value).is_none()
    {
        for item in tape::items(value) {
            let item_fit = write_listed(out, |out| match tape::is_null(item) {
                true => Fit::None,
                false => write_one(out, kind, item),
            });
            if item_fit != Fit::Whole {
                fit = Fit::Part;
            }
        }
    } else {
        fit = write_one(out, kind, value);
    }
    out.push(']');
    fit
}

/// Writes an object of the known fields that the value has, in the column's order. If it has several spellings of a
/// name, the same rule decides which one goes in as for the record itself. If the others have another value, the fit
/// is only a part.
fn write_record(out: &mut String, known: &[Field], value: &[Node<'_>]) -> Fit {
    let is = |field: &Field, name: &str| field.name.eq_ignore_ascii_case(name);
    let all_known = tape::fields(value).all(|(name, _)| known.iter().any(|field| is(field, name)));
    let mut fit = if all_known { Fit::Whole } else { Fit::Part };
    out.push('{');
    for field in known {
        let mut holder: Option<(&str, &[Node<'_>])> = None;
        for (name, item) in tape::fields(value).filter(|(name, item)| is(field, name) && !tape::is_null(item))
        {
            if let Some((earlier_name, earlier)) = holder {
                if name != earlier_name || !tape::are_same(item, earlier) {
                    fit = Fit::Part;
                }
                if name != field.name && name != earlier_name {
                    continue;
                }
            }
            holder = Some((name, item));
        }
        let Some((_, item)) = holder else { continue };
        let item_fit = write_listed(out, |out| {
            write_string(out, &field.name);
            out.push(':');
            match field.repeated {
                true => write_repeated(out, &field.kind, item),
                false => write_one(out, &field.kind, item),
            }
        });
        if item_fit != Fit::Whole {
            fit = Fit::Part;
        }
    }
    out.push('}');
    fit
}

/// Lets `write` add one more item to an array or object, and removes it again if nothing of it fits.
fn write_listed(out: &mut String, write: impl FnOnce(&mut String) -> Fit) -> Fit {
    let before = out.len();
    if !out.ends_with(['[', '{']) {
        out.push(',');
    }
    let fit = write(out);
    if fit == Fit::None {
        out.truncate(before);
    }
    fit
}

fn boolean(node: &Node<'_>) -> Option<bool> {
    match node {
        Node::Static(StaticNode::Bool(value)) => Some(*value),
        Node::String("true") => Some(true),
        Node::String("false") => Some(false),
        _ => None,
    }
}

fn integer(value: &[Node<'_>]) -> Option<i64> {
    match value[0] {
        Node::Static(StaticNode::U64(value)) => i64::try_from(value).ok(),
        Node::Static(StaticNode::I64(value)) => Some(value),
        Node::Static(StaticNode::F64(value)) => whole(value),
        Node::String(text) => integer_in(text),
        _ => tape::wide(value).and_then(integer_in),
    }
}

fn integer_in(text: &str) -> Option<i64> {
    // A float has 53 bits, so the text is parsed as an integer if that is possible.
    let number = text.split_once('.').map_or(text, |(whole, decimals)| {
        let only_zeros = !decimals.is_empty() && decimals.bytes().all(|digit| digit == b'0');
        if only_zeros { whole } else { text }
    });
    number
        .parse()
        .ok()
        .or_else(|| number_in(text).filter(|value| number::is_held(text, *value)).and_then(whole))
}

fn whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
}

/// Whether a float holds this integer and all that are nearer to 0.
fn is_exact_float(value: i64) -> bool {
    value.unsigned_abs() <= number::FLOAT_EXACT_MAX
}

/// The float that holds a number, or the nearest float to a fraction with more digits. Beyond 2⁵³, floats skip whole
/// numbers, so the nearest float would be another number: then there is none.
fn float(value: &[Node<'_>]) -> Option<(f64, Fit)> {
    match value[0] {
        Node::Static(StaticNode::F64(value)) => Some((value, Fit::Whole)),
        Node::Static(StaticNode::U64(value)) => {
            (value as f64 as u128 == u128::from(value)).then_some((value as f64, Fit::Whole))
        }
        Node::Static(StaticNode::I64(value)) => {
            (value as f64 as i128 == i128::from(value)).then_some((value as f64, Fit::Whole))
        }
        Node::String(text) => float_in(text),
        _ => tape::wide(value).and_then(float_in),
    }
}

fn float_in(text: &str) -> Option<(f64, Fit)> {
    let value = number_in(text)?;
    if number::is_held(text, value) {
        return Some((value, Fit::Whole));
    }
    (value.abs() < number::FLOAT_EXACT_MAX as f64).then_some((value, Fit::Part))
}

/// The number, if all of `text` is one. Rust's own parser also takes `inf` and `nan`.
fn number_in(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

fn decimal<'v>(value: &'v [Node<'_>]) -> Option<Wire<'v>> {
    let text = match value[0] {
        Node::Static(StaticNode::U64(_) | StaticNode::I64(_)) => return Some(rendered(value)),
        // Unlike JSON, Display never writes an exponent.
        Node::Static(StaticNode::F64(value)) => value.to_string(),
        Node::String(text) => return decimal_in(text),
        _ => return tape::wide(value).and_then(decimal_in),
    };
    is_decimal(&text).then_some(Wire::Rendered(text, Fit::Whole))
}

fn decimal_in(text: &str) -> Option<Wire<'_>> {
    if is_decimal(text) {
        return Some(Wire::Text(text));
    }
    let value = number_in(text).filter(|_| text.contains(['e', 'E']))?;
    let plain = value.to_string();
    (number::is_held(text, value) && is_decimal(&plain)).then_some(Wire::Rendered(plain, Fit::Whole))
}

/// Whether `text` is a decimal number that BigQuery's NUMERIC can hold, or its BIGNUMERIC without rounding.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str, max: usize| {
        (1..=max).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(whole, 29) && digits(decimals, 38)
}

#[inline]
fn time(node: &Node<'_>) -> Option<UtcTime> {
    match node {
        Node::String(text) => UtcTime::parse(text),
        _ => None,
    }
}

fn date<'v>(node: &Node<'v>) -> Option<Wire<'v>> {
    let time = time(node)?;
    let length = time.date()?.len();
    Some(Wire::Time(time, length))
}

fn rendered<'v>(value: &[Node<'_>]) -> Wire<'v> {
    let mut out = String::new();
    let whole = tape::write(&mut out, value);
    Wire::Rendered(out, if whole { Fit::Whole } else { Fit::Part })
}
