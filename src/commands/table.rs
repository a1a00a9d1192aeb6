//! Text for people in columns and lines: tables, sentences broken between words, lists of names.

use std::borrow::Cow;

use super::units::count;
use crate::observe::plain;

/// The most names in a list; of further ones only the number is shown.
const NAMED_MAX: usize = 20;

/// The narrowest last column of text.
const TEXT_CHARS_MIN: usize = 40;

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
        cells.map(|cell| chars_on_screen(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width_of).collect();
    let mut text = String::new();
    for row in &lines {
        let mut line = String::new();
        for ((cell, width), (_, align)) in row.iter().zip(&widths).zip(header) {
            let space = " ".repeat(width - chars_on_screen(cell));
            match align {
                Align::Left => line.push_str(&format!("{cell}{space}  ")),
                Align::Right => line.push_str(&format!("{space}{cell}  ")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Rows under a header, with a text of any length for each row. The text is broken between words, never cut. It is the
/// last column, or has lines of its own if `width` leaves too little room for that.
pub(super) fn columns_and_text(
    header: &[(&str, Align)],
    rows: &[Vec<String>],
    title: &str,
    texts: &[&str],
    width: Option<usize>,
) -> String {
    let before = columns(header, rows);
    let before_chars = before.lines().map(chars_on_screen).max().unwrap_or(0) + 2;
    let has_room = width.is_none_or(|width| width >= before_chars + TEXT_CHARS_MIN);
    let texts = std::iter::once(title).chain(texts.iter().copied());
    let mut lines = String::new();
    for (line, text) in before.lines().zip(texts) {
        let text = plain(text);
        if has_room {
            let space = " ".repeat(before_chars - chars_on_screen(line));
            lines.push_str(&wrapped(&format!("{line}{space}"), before_chars, &text, width));
        } else {
            lines.push_str(&format!("{line}\n{}", wrapped("    ", 4, &text, width)));
        }
    }
    lines
}

/// The text, or as much of it as fits before an `…`.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    if chars_on_screen(text) <= chars_max {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |letter: &char| {
        used += chars_on_screen(letter.encode_utf8(&mut [0; 4]));
        used <= chars_max
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// `first` and the text behind it, broken between words at `width` characters. `first` is `first_chars` wide on the
/// screen, and further lines are indented by as much. A word that is longer than a line stays whole, because it may be
/// a path that somebody copies.
pub(super) fn wrapped(first: &str, first_chars: usize, text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return format!("{first}{text}\n") };
    let options = textwrap::Options::new(width.saturating_sub(first_chars))
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options);
    format!("{first}{}\n", lines.join(&format!("\n{:first_chars$}", "")))
}

/// The lines of a text of one line that is broken at `width` characters: between words, or inside of a word that is
/// longer than a line.
pub(super) fn broken(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![text.to_owned()] };
    let options = textwrap::Options::new(width).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

/// How many columns of a terminal the text takes: Chinese characters take two, accents none.
pub(super) fn chars_on_screen(text: &str) -> usize {
    textwrap::core::display_width(text)
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
    #[test]
    fn a_text_stands_beside_its_row_or_below_it_and_is_never_cut() {
        let words = "word ".repeat(20).trim_end().to_owned();
        let asked = |width| {
            columns_and_text(&[("NAME", Align::Left)], &[vec!["電力".to_owned()]], "TEXT", &[&words], width)
        };
        assert_eq!(asked(None), format!("NAME  TEXT\n電力  {words}\n"));
        let beside = format!("{}\n      {}\n", ["word"; 8].join(" "), ["word"; 8].join(" "));
        assert_eq!(asked(Some(46)), format!("NAME  TEXT\n電力  {beside}      {}\n", ["word"; 4].join(" ")));
        let below = format!("    {}\n", ["word"; 8].join(" "));
        let rest = format!("    {}\n", ["word"; 4].join(" "));
        assert_eq!(asked(Some(45)), format!("NAME\n    TEXT\n電力\n{below}{below}{rest}"));
    }

    #[test]
    fn a_text_is_cut_by_the_room_it_takes() {
        assert_eq!(["abc def", "電力供給"].map(|text| cut(text, 7)), ["abc def", "電力供…"]);
    }
}
