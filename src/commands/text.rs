//! Answers for people: columns side by side, and times, counts and sizes as one reads them.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

use crate::exit::OutputError;
use crate::observe::{self, plain};
pub(super) use crate::observe::{short_duration, size};

/// Names told one by one; of more only how many they are.
const NAMED_MAX: usize = 20;

/// How an answer on stdout may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) colour: bool,
    /// ✔ and ✘ in place of words.
    pub(super) symbols: bool,
}

impl Look {
    /// Of this process's stdout: words without colour where it is no terminal.
    pub(super) fn of_stdout(choice: ColorChoice) -> Look {
        Look { colour: observe::colour_on_stdout(choice), symbols: io::stdout().is_terminal() }
    }

    pub(super) fn paint(self, colour: AnsiColor, text: &str) -> String {
        if self.colour {
            let style: Style = colour.on_default().bold();
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// How large a terminal is, in characters; none where there is none to be filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) width: Option<usize>,
    pub(super) height: Option<usize>,
}

impl Room {
    pub(super) fn of_stdout() -> Room {
        let Ok(size) = rustix::termios::tcgetwinsize(io::stdout()) else { return Room::default() };
        let some = |length: u16| Some(usize::from(length)).filter(|length| *length > 0);
        Room { width: some(size.ws_col), height: some(size.ws_row) }
    }
}

/// Writes to stdout, as it stands.
pub(super) fn say(text: &str) -> Result<(), OutputError> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// A line for each name, but for those behind the first twenty.
pub(super) fn named(names: &[String]) -> String {
    let mut lines: String = names.iter().take(NAMED_MAX).map(|name| format!("  {}\n", plain(name))).collect();
    if names.len() > NAMED_MAX {
        lines.push_str(&format!("  … and {} more\n", count((names.len() - NAMED_MAX) as u64)));
    }
    lines
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows under a header, each column as wide as its widest cell. The last column is not filled up.
pub(super) fn columns(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let titles = header.iter().map(|(title, _)| (*title).to_owned()).collect();
    let safe = rows.iter().map(|row| row.iter().map(|cell| plain(cell).into_owned()).collect());
    let lines: Vec<Vec<String>> = std::iter::once(titles).chain(safe).collect();
    let width_of = |place: usize| {
        let cells = lines.iter().filter_map(|row| row.get(place));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width_of).collect();
    let mut text = String::new();
    for row in &lines {
        let mut line = String::new();
        for ((cell, width), (_, align)) in row.iter().zip(&widths).zip(header) {
            match align {
                Align::Left => line.push_str(&format!("{cell:<width$}  ")),
                Align::Right => line.push_str(&format!("{cell:>width$}  ")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `first` and the text behind it, broken between words where it is wider than `width`. What `first` takes on the
/// screen is `first_chars`; further lines stand under the text.
pub(super) fn wrapped(first: &str, first_chars: usize, text: &str, width: Option<usize>) -> String {
    let mut lines = first.to_owned();
    let mut used = first_chars;
    for (place, word) in text.split(' ').enumerate() {
        let chars = word.chars().count();
        if place > 0 && width.is_some_and(|width| used + 1 + chars > width) {
            lines.push_str(&format!("\n{:first_chars$}", ""));
            used = first_chars;
        } else if place > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += chars;
    }
    lines + "\n"
}

/// `1,234,567`.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 message`, `1,234 messages`.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `2025-10-28T03:59:00Z`.
pub(super) fn time(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_threes() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 1_000].map(|n| counted(n, "file")), ["1 file", "1,000 files"]);
    }

    #[test]
    fn of_many_names_the_first_twenty_are_told() {
        let names: Vec<String> = (0..21).map(|number| format!("m\n{number}")).collect();
        assert_eq!(named(&names[..2]), "  m\\n0\n  m\\n1\n");
        assert!(named(&names).ends_with("  m\\n19\n  … and 1 more\n"));
    }

    #[test]
    fn text_is_broken_between_words_and_never_without_a_width() {
        let text = "a bc def ghij";
        assert_eq!(wrapped("> ", 2, text, None), "> a bc def ghij\n");
        assert_eq!(wrapped("> ", 2, text, Some(15)), "> a bc def ghij\n");
        assert_eq!(wrapped("> ", 2, text, Some(10)), "> a bc def\n  ghij\n");
        assert_eq!(wrapped("> ", 2, "unbreakable x", Some(5)), "> unbreakable\n  x\n");
    }

    #[test]
    fn columns_line_up_and_steer_no_terminal() {
        let rows = [vec!["a\nb".to_owned(), "1".to_owned()], vec!["c".to_owned(), "234".to_owned()]];
        let text = columns(&[("NAME", Align::Left), ("N", Align::Right)], &rows);
        assert_eq!(text, "NAME    N\na\\nb    1\nc     234\n");
    }
}
