//! Values on the tape of simd-json, and their JSON text.
//!
//! A value is a run of nodes. A string or a number is one node. An object is its own node and the nodes of its names
//! and values. Recursion goes as deep as the value nests, at most [`super::limits::DEPTH_MAX`].

use std::collections::{HashMap, HashSet};

use simd_json::{Node, StaticNode};

use super::json_text::{write_float, write_scalar, write_string};
use super::number;

/// The nodes of the value that begins at `nodes[0]`.
pub(super) fn value_at<'t, 'i>(nodes: &'t [Node<'i>]) -> &'t [Node<'i>] {
    let length = match nodes[0] {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        Node::String(_) | Node::Static(_) => 1,
    };
    &nodes[..length]
}

/// The fields of an object in their order. Any other value has none.
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

/// The items of an array. Any other value has none.
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

/// The text of a number with more digits than its float is printed with. [`super::number::keep_text`] marks such a
/// number with a node that no JSON gives: an array of no items that still has one node behind it.
#[inline]
pub(super) fn wide<'i>(value: &[Node<'i>]) -> Option<&'i str> {
    match value {
        [Node::Array { len: 0, count: 1 }, Node::String(text)] => Some(text),
        _ => None,
    }
}

/// Whether two values are the same. simd-json's own comparison counts floats as equal that are only near each other.
pub(super) fn are_same(one: &[Node<'_>], other: &[Node<'_>]) -> bool {
    let same = |(one, other): (&Node<'_>, &Node<'_>)| match (one, other) {
        (Node::Static(StaticNode::F64(one)), Node::Static(StaticNode::F64(other))) => {
            one.to_bits() == other.to_bits()
        }
        _ => one == other,
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}

pub(super) fn is_null(value: &[Node<'_>]) -> bool {
    matches!(value[0], Node::Static(StaticNode::Null))
}

/// Appends the value as JSON text without spaces. Returns whether the text holds all of it: if an object has a name
/// twice, only the last value that is not null is written, because readers of JSON differ in which one they take.
pub(super) fn write(out: &mut String, value: &[Node<'_>]) -> bool {
    write_value(out, value, false)
}

/// Like [`write()`], but a name that an object has twice gets an array of its values.
pub(super) fn write_all(out: &mut String, value: &[Node<'_>]) {
    write_value(out, value, true);
}

fn write_value(out: &mut String, value: &[Node<'_>], all: bool) -> bool {
    let mut whole = true;
    match value[0] {
        Node::String(text) => write_string(out, text),
        Node::Static(scalar) => write_scalar(out, scalar),
        Node::Array { len: 0, count: 1 } => {
            let text = wide(value).unwrap_or_default();
            match text.parse::<f64>() {
                Ok(float) if number::is_held(text, float) => write_float(out, float),
                // As text, because readers of JSON would make another number of it.
                _ => write_string(out, text),
            }
        }
        Node::Array { .. } => {
            out.push('[');
            for (index, item) in items(value).enumerate() {
                if index > 0 {
                    out.push(',');
                }
                whole &= write_value(out, item, all);
            }
            out.push(']');
        }
        Node::Object { len, .. } if has_repeats(value, len) => whole = write_repeats(out, value, all),
        Node::Object { .. } => {
            out.push('{');
            for (index, (name, item)) in fields(value).enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(out, name);
                out.push(':');
                whole &= write_value(out, item, all);
            }
            out.push('}');
        }
    }
    whole
}

/// Whether an object has a name twice.
fn has_repeats(object: &[Node<'_>], len: usize) -> bool {
    const COMPARED_MAX: usize = 8;
    if len > COMPARED_MAX {
        let mut names = HashSet::with_capacity(len);
        return !fields(object).all(|(name, _)| names.insert(name));
    }
    let mut names = [""; COMPARED_MAX];
    for (slot, (name, _)) in names.iter_mut().zip(fields(object)) {
        *slot = name;
    }
    let names = &names[..len];
    (1..len).any(|index| names[..index].contains(&names[index]))
}

/// Writes an object that has a name twice. Each name comes where it stands last.
#[cold]
fn write_repeats(out: &mut String, object: &[Node<'_>], all: bool) -> bool {
    let mut by_name: HashMap<&str, (usize, Vec<&[Node<'_>]>)> = HashMap::new();
    for (name, item) in fields(object) {
        let (left, values) = by_name.entry(name).or_default();
        *left += 1;
        if !is_null(item) && !values.last().is_some_and(|last| are_same(last, item)) {
            values.push(item);
        }
    }
    let mut whole = true;
    out.push('{');
    for (name, item) in fields(object) {
        let (left, values) = by_name.get_mut(name).expect("every name was entered just above");
        *left -= 1;
        if *left > 0 {
            continue;
        }
        if !out.ends_with('{') {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        whole &= values.len() < 2;
        if values.len() < 2 || !all {
            whole &= write_value(out, values.last().copied().unwrap_or(item), all);
            continue;
        }
        for (index, value) in values.iter().enumerate() {
            out.push(if index == 0 { '[' } else { ',' });
            write_value(out, value, all);
        }
        out.push(']');
    }
    out.push('}');
    whole
}
