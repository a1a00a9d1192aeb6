//! Values on the tape, and their JSON text.
//!
//! A value is the run of nodes from its own to its last: a string or number is one node, an object is its node and the
//! nodes of its names and values. Recursion goes as deep as the value nests, at most [`super::DEPTH_MAX`].

use std::collections::HashMap;
use std::fmt::Write;

use simd_json::{Node, StaticNode};

/// The nodes of the value that begins at `nodes[0]`.
pub(super) fn value_at<'t, 'i>(nodes: &'t [Node<'i>]) -> &'t [Node<'i>] {
    let length = match nodes[0] {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        Node::String(_) | Node::Static(_) => 1,
    };
    &nodes[..length]
}

/// The fields of an object in their order; none for another value.
pub(super) fn fields<'t, 'i>(object: &'t [Node<'i>]) -> impl Iterator<Item = (&'i str, &'t [Node<'i>])> {
    let mut rest = match object[0] {
        Node::Object { .. } => &object[1..],
        _ => &[],
    };
    std::iter::from_fn(move || {
        let (Node::String(name), behind) = rest.split_first()? else { return None };
        let value = value_at(behind);
        rest = &behind[value.len()..];
        Some((*name, value))
    })
}

/// The items of an array; none for another value.
pub(super) fn items<'t, 'i>(array: &'t [Node<'i>]) -> impl Iterator<Item = &'t [Node<'i>]> {
    let mut rest = match array[0] {
        Node::Array { .. } => &array[1..],
        _ => &[],
    };
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let value = value_at(rest);
        rest = &rest[value.len()..];
        Some(value)
    })
}

/// The value, if it is a string.
pub(super) fn text<'i>(value: &[Node<'i>]) -> Option<&'i str> {
    match value[0] {
        Node::String(text) => Some(text),
        _ => None,
    }
}

pub(super) fn is_null(value: &[Node<'_>]) -> bool {
    matches!(value[0], Node::Static(StaticNode::Null))
}

/// Appends the value as JSON text without spaces.
pub(super) fn write(out: &mut String, value: &[Node<'_>]) {
    match value[0] {
        Node::String(text) => write_string(out, text),
        Node::Static(scalar) => write_scalar(out, scalar),
        Node::Array { .. } => {
            out.push('[');
            for (place, item) in items(value).enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Node::Object { len, .. } => {
            out.push('{');
            let hidden = hidden_fields(value, len);
            let mut first = true;
            for (place, (name, item)) in fields(value).enumerate() {
                if hidden.get(place) == Some(&true) {
                    continue;
                }
                if !first {
                    out.push(',');
                }
                first = false;
                write_string(out, name);
                out.push(':');
                write(out, item);
            }
            out.push('}');
        }
    }
}

/// Which fields of an object have a later one of the same name; empty if none has. Readers of JSON text differ in which
/// of them they take, so only the last is written.
fn hidden_fields(object: &[Node<'_>], len: usize) -> Vec<bool> {
    const COMPARED_MAX: usize = 8;
    if len <= COMPARED_MAX {
        let mut names = [""; COMPARED_MAX];
        for (slot, (name, _)) in names.iter_mut().zip(fields(object)) {
            *slot = name;
        }
        let names = &names[..len];
        if !(1..len).any(|place| names[..place].contains(&names[place])) {
            return Vec::new();
        }
    }
    let mut last = HashMap::with_capacity(len);
    for (place, (name, _)) in fields(object).enumerate() {
        last.insert(name, place);
    }
    fields(object).enumerate().map(|(place, (name, _))| last[name] != place).collect()
}

/// Appends a number, a boolean or null as JSON writes it; a float always shows that it is one: `350.0`.
pub(super) fn write_scalar(out: &mut String, scalar: StaticNode) {
    match scalar {
        StaticNode::Null => out.push_str("null"),
        StaticNode::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        StaticNode::I64(value) => write_display(out, value),
        StaticNode::U64(value) => write_display(out, value),
        StaticNode::F64(value) => write_float(out, value),
    }
}

/// Appends the shortest text that reads back as the same float. The parser gives no infinities and no NaN.
pub(super) fn write_float(out: &mut String, value: f64) {
    match serde_json::Number::from_f64(value) {
        Some(number) => write_display(out, number),
        None => out.push_str("null"),
    }
}

pub(super) fn write_display(out: &mut String, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("a String takes any text");
}

/// Appends `text` in quotes, with the escapes that JSON demands and no others.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0x00..=0x1f => "",
            _ => continue,
        };
        out.push_str(&text[written..at]);
        if escape.is_empty() {
            write!(out, "\\u{byte:04x}").expect("a String takes any text");
        } else {
            out.push_str(escape);
        }
        written = at + 1;
    }
    out.push_str(&text[written..]);
    out.push('"');
}
