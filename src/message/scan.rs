//! Finds where strings, numbers and values end in the bytes of a message, without parsing them.

use std::ops::Range;

/// The fields of the object at `at`, each with the range of its value. `None` if the object has a name that is not
/// `known`, or does not end where the message ends.
pub(super) fn fields_of_known_names(
    message: &[u8],
    at: usize,
    known: impl Fn(&str) -> bool,
) -> Option<Vec<(&str, Range<usize>)>> {
    let mut fields = Vec::new();
    let mut at = at;
    loop {
        let quote = skip_space(message, at + 1);
        if message.get(quote) != Some(&b'"') {
            return None;
        }
        let behind = string_end(message, quote + 1)?;
        let name =
            std::str::from_utf8(message.get(quote + 1..behind - 1)?).ok().filter(|name| known(name))?;
        let colon = skip_space(message, behind);
        if message.get(colon) != Some(&b':') {
            return None;
        }
        let start = skip_space(message, colon + 1);
        let end = value_end(message, start)?;
        fields.push((name, start..start + trim_space_end(&message[start..end])));
        at = end;
        if message[at] == b'}' {
            return (skip_space(message, at + 1) == message.len()).then_some(fields);
        }
    }
}

/// The offset of the comma or the brace behind the value at `at`, in an object.
fn value_end(message: &[u8], mut at: usize) -> Option<usize> {
    let mut open = 0_u32;
    loop {
        match message.get(at)? {
            b'"' => {
                at = string_end(message, at + 1)?;
                continue;
            }
            b'{' | b'[' => open += 1,
            b',' | b'}' if open == 0 => return Some(at),
            b'}' | b']' => open = open.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
}

/// The offset behind the number that has a digit at `at`.
fn number_end(message: &[u8], at: usize) -> usize {
    let goes_on = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    at + message[at..].iter().take_while(goes_on).count()
}

/// The numbers of an element that is JSON, in their order, with their signs.
pub(super) fn numbers(element: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            match element.get(at)? {
                b'"' => at = string_end(element, at + 1)?,
                b'0'..=b'9' => {
                    let start = if at > 0 && element[at - 1] == b'-' { at - 1 } else { at };
                    at = number_end(element, at);
                    return Some(&element[start..at]);
                }
                _ => at += 1,
            }
        }
    })
}

/// The offset behind the quote that closes the string whose text begins at `at`.
#[inline]
pub(super) fn string_end(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        // Eight bytes at once. For strings as short as those of IRIS this is faster than memchr, which takes time to
        // start.
        while let Some(eight) = message.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*eight);
            let quotes = zero_bytes(word ^ (ONES * u64::from(b'"')));
            let found = quotes | zero_bytes(word ^ (ONES * u64::from(b'\\')));
            if found != 0 {
                at += found.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        match message.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// The lowest bit set in the result is the high bit of the lowest zero byte of `word`. Higher bits mean nothing.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & (ONES << 7)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[inline]
pub(super) fn skip_space(message: &[u8], at: usize) -> usize {
    at + message[at..].iter().take_while(|&&byte| is_space(byte)).count()
}

/// The length of `text` without the white space at its end.
#[inline]
pub(super) fn trim_space_end(text: &[u8]) -> usize {
    text.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last + 1)
}
