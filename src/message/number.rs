//! Numbers with more digits than a float holds.
//!
//! simd-json makes a float of every number with a point or an exponent, and of every integer beyond 64 bits. If that
//! float is printed differently from the number in the message, this module puts the text of the number back onto the
//! tape, so that no digit is lost. A number that was printed from a float, as all clients do, is printed the same
//! again.

use simd_json::{Node, StaticNode};

/// The largest integer up to which a float holds every integer exactly.
pub(super) const FLOAT_EXACT_MAX: u64 = 1 << 53;

/// How many digits a number may have so that a float always holds it.
pub(super) const DIGITS_HELD: usize = 15;

/// Whether the tape has a number so large that a float may not hold it. Every integer beyond 64 bits is so large.
#[inline]
pub(super) fn has_large(tape: &[Node<'_>]) -> bool {
    let is_large = |node: &Node<'_>| match node {
        Node::Static(StaticNode::F64(value)) => value.abs() >= FLOAT_EXACT_MAX as f64,
        _ => false,
    };
    tape.iter().any(is_large)
}

/// Whether `value`, the float nearest to the number `text`, holds that number: it is that integer, or it is that
/// number when it is printed with as many digits.
pub(super) fn is_held(text: &str, value: f64) -> bool {
    if text.len() <= DIGITS_HELD && !text.contains(['e', 'E']) {
        return true;
    }
    let unsigned = text.trim_start_matches(['-', '+']);
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = unsigned.trim_start_matches('0');
        return format!("{:.0}", value.abs()).trim_start_matches('0') == digits;
    }
    let Some((digits, exponent)) = digits_of(unsigned) else { return value == 0.0 };
    // No float prints more digits than this.
    const DIGITS_MAX: usize = 800;
    let decimals = digits.len().min(DIGITS_MAX) - 1;
    let shown = digits_of(&format!("{:.decimals$e}", value.abs()));
    shown == Some((digits, exponent)) || is_printed_as(text, value)
}

/// Whether `text` has the digits with which `value` is printed: the fewest that tell it from other floats. It is
/// printed as it will be written, because printers differ if two texts are equally short and near, as for
/// 600000000000000.25.
fn is_printed_as(text: &str, value: f64) -> bool {
    let mut printed = String::new();
    super::json_text::write_float(&mut printed, value.abs());
    digits_of(text.trim_start_matches(['-', '+'])) == digits_of(&printed)
}

/// The digits of a number from the first to the last that is not 0, and the power of ten of the first. `None` for 0.
fn digits_of(unsigned: &str) -> Option<(String, i64)> {
    let (number, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{decimals}");
    let first = digits.find(|digit| digit != '0')?;
    let exponent: i64 =
        exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 });
    Some((digits[first..].trim_end_matches('0').to_owned(), exponent + whole.len() as i64 - 1 - first as i64))
}

/// Puts the text of each number that its float is not printed as onto the tape of `element`.
#[cold]
pub(super) fn keep_text<'i>(tape: &mut Vec<Node<'i>>, element: &'i [u8]) {
    let mut texts = super::scan::numbers(element);
    let mut wide: Vec<(usize, &'i str)> = Vec::new();
    for (index, node) in tape.iter().enumerate() {
        let Node::Static(StaticNode::I64(_) | StaticNode::U64(_) | StaticNode::F64(_)) = node else {
            continue;
        };
        let text = texts.next().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        if let Node::Static(StaticNode::F64(value)) = node
            && !(is_printed_as(text, *value) && is_held(text, *value))
        {
            wide.push((index, text));
        }
    }
    if wide.is_empty() {
        return;
    }
    let wide_before = |index: usize| wide.partition_point(|(wide, _)| *wide < index);
    let longer = |index: usize, count: usize| count + wide_before(index + 1 + count) - wide_before(index);
    let mut kept = Vec::with_capacity(tape.len() + wide.len());
    for (index, node) in tape.iter().enumerate() {
        match *node {
            Node::Object { len, count } => kept.push(Node::Object { len, count: longer(index, count) }),
            Node::Array { len, count } => kept.push(Node::Array { len, count: longer(index, count) }),
            node => match wide.binary_search_by_key(&index, |(wide, _)| *wide) {
                Ok(found) => kept.extend([Node::Array { len: 0, count: 1 }, Node::String(wide[found].1)]),
                Err(_) => kept.push(node),
            },
        }
    }
    *tape = kept;
}
