//! Text from outside, such as file names, made safe for a terminal and for a log line; sizes and durations in words.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

/// Escapes every character that could break a line or control a terminal (`\n`, `\u{1b}`): control characters, line
/// separators, and those that change the direction of writing. Other text stays as it is.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
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
pub(crate) fn size(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().iec().to_string()
}

/// The duration in its largest unit and the next smaller one: `2d 4h`, `3h 5m`, `12s`. Less than a second is `0s`.
pub(crate) fn short_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let pair = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit} {small}{small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => pair(minutes, "m", seconds % 60, "s"),
        3_600..86_400 => pair(hours, "h", minutes, "m"),
        _ => pair(days, "d", hours, "h"),
    }
}

/// One line of JSON text, with the characters that [`plain`] escapes written as JSON escapes, so its meaning stays.
/// JSON has such characters only in strings, and serde_json has already escaped those below U+0020.
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

    #[test]
    fn ages_have_their_two_largest_units() {
        let said =
            [0, 59, 60, 61, 3_600, 3_661, 86_400, 90_000].map(|s| short_duration(Duration::from_secs(s)));
        assert_eq!(said, ["0s", "59s", "1m", "1m 1s", "1h", "1h 1m", "1d", "1d 1h"]);
    }
}
