//! Rows as records: one field a line, each value in full. A value that is too long for the terminal goes on in the next
//! line, and so does one with line breaks.

use std::io::{self, Write};

use super::super::table::{broken, chars_on_screen};
use crate::observe::plain;

/// The width of the line above a record if stdout has none.
const RULE_CHARS: usize = 40;
/// The columns between a name and its value.
const GAP_CHARS: usize = 2;
/// A terminal is never taken for narrower than this.
const WIDTH_MIN: usize = 20;

/// How records are drawn.
pub(super) struct RecordStyle {
    names: Vec<String>,
    width: Option<usize>,
    /// Where the values begin.
    indent: usize,
}

impl RecordStyle {
    pub(super) fn new(names: &[String], width: Option<usize>) -> RecordStyle {
        let names: Vec<String> = names.iter().map(|name| plain(name).into_owned()).collect();
        let width = width.map(|width| width.max(WIDTH_MIN));
        let longest = names.iter().map(|name| chars_on_screen(name)).max().unwrap_or(0);
        let indent = (longest + GAP_CHARS).min(width.map_or(usize::MAX, |width| width / 2));
        RecordStyle { names, width, indent }
    }

    /// Writes one record. `number` counts from 1.
    pub(super) fn write(&self, number: u64, values: &[String], out: &mut dyn Write) -> io::Result<()> {
        let heading = format!("─[ {number} ]");
        let rule_chars = self.width.unwrap_or(RULE_CHARS).saturating_sub(chars_on_screen(&heading));
        writeln!(out, "{heading}{}", "─".repeat(rule_chars))?;
        for (name, value) in self.names.iter().zip(values) {
            self.field(name, value, out)?;
        }
        Ok(())
    }

    fn field(&self, name: &str, value: &str, out: &mut dyn Write) -> io::Result<()> {
        let room = self.width.map(|width| width - self.indent);
        let mut lines: Vec<String> = value.lines().flat_map(|line| broken(&plain(line), room)).collect();
        let chars = chars_on_screen(name);
        if chars + GAP_CHARS > self.indent {
            // The name is too long to have its value beside it.
            for line in broken(name, self.width) {
                writeln!(out, "{line}")?;
            }
        } else {
            let first = if lines.is_empty() { String::new() } else { lines.remove(0) };
            let gap = " ".repeat(self.indent - chars);
            writeln!(out, "{}", format!("{name}{gap}{first}").trim_end())?;
        }
        for line in lines {
            writeln!(out, "{}", format!("{:indent$}{line}", "", indent = self.indent).trim_end())?;
        }
        Ok(())
    }

    /// Writes the names of the columns, for an answer without rows.
    pub(super) fn write_names(&self, out: &mut dyn Write) -> io::Result<()> {
        for line in broken(&format!("columns: {}", self.names.join(", ")), self.width) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}
