//! The screen of `irispool check`.

use anstyle::AnsiColor;

use super::super::table::wrapped;
use super::super::terminal::OutputStyle;
use super::line::{CheckLine, CheckOutcome};
use crate::observe::plain;

/// The lines, broken at `width` characters.
pub(super) fn draw(lines: &[CheckLine], look: OutputStyle, width: Option<usize>) -> String {
    let mut text = String::new();
    let title_chars = lines.iter().map(|line| line.check.len()).max().unwrap_or(0);
    for line in lines {
        let (colour, symbol, word) = match line.verdict {
            CheckOutcome::Good => (AnsiColor::Green, "✔", "ok     "),
            CheckOutcome::Unknown => (AnsiColor::Magenta, "?", "unknown"),
            CheckOutcome::Warning => (AnsiColor::Yellow, "!", "warning"),
            CheckOutcome::Bad => (AnsiColor::Red, "✘", "FAILED "),
        };
        let mark = if look.symbols { symbol } else { word };
        let indent = mark.chars().count() + 1 + title_chars + 2;
        let first = format!("{} {:title_chars$}  ", look.paint(colour, mark), line.check);
        text.push_str(&wrapped(&first, indent, &plain(&line.what), width));
        if let Some(hint) = &line.hint {
            let first = format!("{:indent$}hint: ", "");
            text.push_str(&wrapped(&first, indent + "hint: ".len(), &plain(hint), width));
        }
    }
    text
}
