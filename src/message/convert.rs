//! A value into the wire form of its column. The column's kind decides, never how the literal looks.
//!
//! | kind | takes |
//! |---|---|
//! | Bool | `true`, `"true"` |
//! | Int64 | `350`, `350.0`, `"350"`, `"350.0"`; not 49.92 |
//! | Float64 | all numbers and numeric text |
//! | Numeric | the same, up to 29 digits before the point and 38 behind it |
//! | String | text as it is; anything else as its JSON text |
//! | Timestamp, Datetime | text that is a time or a date |
//! | Date | text that is a date, or a time at midnight UTC |
//! | Json | everything |
//! | Record | an object |
//! | repeated | an array, or one value as an array of one |

use simd_json::{Node, StaticNode};

use super::{Cell, Rows, UtcTime, json};
use crate::catalog::{Field, Kind};

/// How well a value fits its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Whole,
    /// A part of it went in; the rest is unknown to the column or does not fit.
    Part,
    /// Nothing went in.
    None,
}

/// Pushes a value that is not null into its column.
pub(super) fn push(rows: &mut Rows, column: usize, field: &Field, value: &[Node<'_>]) -> Fit {
    if field.repeated || matches!(field.kind, Kind::Record(_)) {
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
        Some(Wire::Float(value)) => rows.push(column, Cell::Float(value)),
        Some(Wire::Text(text)) => rows.push(column, Cell::Text(text)),
        Some(Wire::Rendered(text)) => rows.push(column, Cell::Text(&text)),
        Some(Wire::Time(time, length)) => rows.push(column, Cell::Text(&time.timestamp()[..length])),
        Some(Wire::Json(value)) => rows.push_with(column, |out| json::write(out, value)),
    }
    Fit::Whole
}

/// A value in the wire form of a kind that is no record.
enum Wire<'v> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'v str),
    Rendered(String),
    /// A time, and how much of its text the kind has.
    Time(UtcTime, usize),
    Json(&'v [Node<'v>]),
}

impl<'v> Wire<'v> {
    #[inline]
    fn of(kind: &Kind, value: &'v [Node<'v>]) -> Option<Wire<'v>> {
        match kind {
            Kind::Bool => boolean(&value[0]).map(Wire::Bool),
            Kind::Int64 => integer(&value[0]).map(Wire::Int),
            Kind::Float64 => float(&value[0]).map(Wire::Float),
            Kind::Numeric => decimal(&value[0]),
            Kind::String => Some(match value[0] {
                Node::String(text) => Wire::Text(text),
                _ => Wire::Rendered(rendered(value)),
            }),
            Kind::Timestamp => time(&value[0]).map(|time| Wire::Time(time, time.timestamp().len())),
            Kind::Datetime => time(&value[0]).map(|time| Wire::Time(time, time.datetime().len())),
            Kind::Date => date(&value[0]),
            Kind::Json => Some(Wire::Json(value)),
            Kind::Record(_) => None,
        }
    }

    /// As JSON, inside a record or an array.
    fn write_json(&self, out: &mut String) {
        match self {
            Wire::Bool(value) => json::write_scalar(out, StaticNode::Bool(*value)),
            Wire::Int(value) => json::write_scalar(out, StaticNode::I64(*value)),
            Wire::Float(value) => json::write_scalar(out, StaticNode::F64(*value)),
            Wire::Text(text) => json::write_string(out, text),
            Wire::Rendered(text) => json::write_string(out, text),
            Wire::Time(time, length) => json::write_string(out, &time.timestamp()[..*length]),
            Wire::Json(value) => json::write(out, value),
        }
    }
}

/// Writes a value of a kind that is not repeated; on [`Fit::None`] what it wrote is rubbish.
fn write_one(out: &mut String, kind: &Kind, value: &[Node<'_>]) -> Fit {
    match (kind, &value[0]) {
        (Kind::Record(known), Node::Object { .. }) => write_record(out, known, value),
        _ => match Wire::of(kind, value) {
            Some(wire) => {
                wire.write_json(out);
                Fit::Whole
            }
            None => Fit::None,
        },
    }
}

/// Writes an array of what fits. A null in an array does not: no repeated column takes one.
fn write_repeated(out: &mut String, kind: &Kind, value: &[Node<'_>]) -> Fit {
    out.push('[');
    let mut fit = Fit::Whole;
    if let Node::Array { .. } = value[0] {
        for item in json::items(value) {
            let item_fit = write_listed(out, |out| match json::is_null(item) {
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

/// Writes an object of the known fields that are there, in the column's order.
fn write_record(out: &mut String, known: &[Field], value: &[Node<'_>]) -> Fit {
    let is = |field: &Field, name: &str| field.name.eq_ignore_ascii_case(name);
    let all_known = json::fields(value).all(|(name, _)| known.iter().any(|field| is(field, name)));
    let mut fit = if all_known { Fit::Whole } else { Fit::Part };
    out.push('{');
    for field in known {
        let last = json::fields(value).filter(|(name, _)| is(field, name)).last();
        let Some((_, item)) = last.filter(|(_, item)| !json::is_null(item)) else { continue };
        let item_fit = write_listed(out, |out| {
            json::write_string(out, &field.name);
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

/// Lets `write` add one more part to an array or object, and takes it back where nothing fits.
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

fn integer(node: &Node<'_>) -> Option<i64> {
    match *node {
        Node::Static(StaticNode::U64(value)) => i64::try_from(value).ok(),
        Node::Static(StaticNode::I64(value)) => Some(value),
        Node::Static(StaticNode::F64(value)) => whole(value),
        Node::String(text) => {
            // Not by way of a float where it can be avoided: that has 53 bits.
            let number = text.split_once('.').map_or(text, |(whole, decimals)| {
                let only_zeros = !decimals.is_empty() && decimals.bytes().all(|digit| digit == b'0');
                if only_zeros { whole } else { text }
            });
            number.parse().ok().or_else(|| number_in(text).and_then(whole))
        }
        _ => None,
    }
}

fn whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
}

fn float(node: &Node<'_>) -> Option<f64> {
    match *node {
        Node::Static(StaticNode::F64(value)) => Some(value),
        Node::Static(StaticNode::U64(value)) => Some(value as f64),
        Node::Static(StaticNode::I64(value)) => Some(value as f64),
        Node::String(text) => number_in(text),
        _ => None,
    }
}

/// The number that is all of `text`. Rust's own parser also takes `inf` and `nan`.
fn number_in(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

fn decimal<'v>(node: &Node<'v>) -> Option<Wire<'v>> {
    let text = match *node {
        Node::Static(number @ (StaticNode::U64(_) | StaticNode::I64(_))) => {
            return Some(Wire::Rendered(rendered(&[Node::Static(number)])));
        }
        Node::String(text) if is_decimal(text) => return Some(Wire::Text(text)),
        // Display, unlike JSON, never writes an exponent.
        Node::Static(StaticNode::F64(value)) => value.to_string(),
        Node::String(text) => number_in(text).filter(|_| text.contains(['e', 'E']))?.to_string(),
        _ => return None,
    };
    is_decimal(&text).then_some(Wire::Rendered(text))
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

fn rendered(value: &[Node<'_>]) -> String {
    let mut out = String::new();
    json::write(&mut out, value);
    out
}
