//! Text for people in columns and lines: tables, sentences broken between words, lists of names.

use super::units::count;
use crate::observe::plain;

/// The most names in a list; of further ones only the number is shown.
const NAMED_MAX: usize = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Rows under a header, each column as wide as its widest cell.
pub(super) fn columns(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let titles = header.iter().map(|(title, _)| (*title).to_owned()).collect();
    let safe = rows.iter().map(|row| row.iter().map(|cell| plain(cell).into_owned()).collect());
    let lines: Vec<Vec<String>> = std::iter::once(titles).chain(safe).collect();
    let width_of = |column: usize| {
        let cells = lines.iter().filter_map(|row| row.get(column));
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

/// The text, or as much of it as fits before an `…`.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max - 1).chain(['…']).collect()
}

/// `first` and the text behind it, broken between words at `width` characters. `first` is `first_chars` wide on the
/// screen, and further lines are indented by as much.
pub(super) fn wrapped(first: &str, first_chars: usize, text: &str, width: Option<usize>) -> String {
    let mut lines = first.to_owned();
    let mut used = first_chars;
    for (index, word) in text.split(' ').enumerate() {
        let chars = word.chars().count();
        if index > 0 && width.is_some_and(|width| used + 1 + chars > width) {
            lines.push_str(&format!("\n{:first_chars$}", ""));
            used = first_chars;
        } else if index > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += chars;
    }
    lines + "\n"
}

/// A line for each of the first twenty names, and the number of further ones.
pub(super) fn named(names: &[String]) -> String {
    let mut lines: String = names.iter().take(NAMED_MAX).map(|name| format!("  {}\n", plain(name))).collect();
    if names.len() > NAMED_MAX {
        lines.push_str(&format!("  … and {} more\n", count((names.len() - NAMED_MAX) as u64)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

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
