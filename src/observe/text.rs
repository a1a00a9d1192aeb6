//! Text from outside, such as file names, made safe for a terminal and for a log line; and sizes as one reads them.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every character that could break a line or steer a terminal written as an escape (`\n`, `\u{1b}`):
/// control characters, line separators, and those that turn the direction of writing. Other text is as it was.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            safe.extend(character.escape_debug());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// `4.2 MiB`.
pub fn size(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().iec().to_string()
}

/// One line of JSON text with the same characters escaped as JSON does it, so that the JSON means what it did.
/// JSON has such characters only in strings, and its writer has escaped those below U+0020 already.
pub(super) fn plain_json(line: &str) -> Cow<'_, str> {
    if !line.contains(is_unsafe) {
        return Cow::Borrowed(line);
    }
    let mut safe = String::with_capacity(line.len() + 16);
    for character in line.chars() {
        if is_unsafe(character) {
            // All of them are below U+FFFF, so one unit of UTF-16 holds each; and a String takes every write.
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_breaks_a_line_is_escaped() {
        let hostile = "a\nb\r\t\u{0}\u{1b}[31m\u{9b}2J\u{7f}\u{202e}\u{2028}\u{2066}";
        let safe = r"a\nb\r\t\0\u{1b}[31m\u{9b}2J\u{7f}\u{202e}\u{2028}\u{2066}";
        assert_eq!(plain(hostile), safe);
    }

    #[test]
    fn other_text_stays_as_it_is() {
        let text = r#"C:\dir "Grüße", 電力 ½"#;
        assert_eq!(plain(text), text);
    }

    #[test]
    fn escaped_json_means_what_it_did() {
        let value = serde_json::json!({ "file": "\u{9b}2J \u{202e}\n\u{7f}é" });
        let line = value.to_string();
        let safe = plain_json(&line);
        assert_eq!(plain(&safe), safe, "nothing is left to escape");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
