//! Appends JSON text to a string: scalars and strings, without spaces.

use std::fmt::Write;

use simd_json::StaticNode;

/// Appends a number, a boolean or null as JSON. A float always shows that it is one: `350.0`.
pub(super) fn write_scalar(out: &mut String, scalar: StaticNode) {
    match scalar {
        StaticNode::Null => out.push_str("null"),
        StaticNode::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        StaticNode::I64(value) => write_display(out, value),
        StaticNode::U64(value) => write_display(out, value),
        StaticNode::F64(value) => write_float(out, value),
    }
}

/// Appends the shortest text that reads back as the same float. The parser never gives infinities or NaN.
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
