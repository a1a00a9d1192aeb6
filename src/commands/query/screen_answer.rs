//! Rows for people: a table, or records.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Row, Table};

use super::super::table::chars_on_screen;
use super::output_format::OutputFormat;
use super::records::RecordStyle;
use super::value_text::value_text;
use crate::observe::plain;
use crate::warehouse::{QueryValue, RowSink};

/// A table needs all its rows in memory before it is drawn, so it shows at most this many.
pub(super) const TABLE_ROWS_MAX: u64 = 10_000;
/// The longest value in a table, in characters, before the table is fitted to the terminal.
const TABLE_CELL_CHARS_MAX: usize = 2_000;

/// Collects rows for a table until the table is too wide. Then it writes them, and all further ones, as records.
pub(super) struct ScreenAnswer<'a> {
    out: &'a mut dyn Write,
    format: OutputFormat,
    width: Option<usize>,
    names: Vec<String>,
    /// The widths of the columns so far.
    widths: Vec<usize>,
    /// The rows of the table, with whether each value is a number.
    kept: Vec<Vec<(String, bool)>>,
    /// Present as soon as rows are written as records.
    records: Option<RecordStyle>,
    rows_shown: u64,
}

impl<'a> ScreenAnswer<'a> {
    pub(super) fn new(
        out: &'a mut dyn Write,
        format: OutputFormat,
        width: Option<usize>,
    ) -> ScreenAnswer<'a> {
        ScreenAnswer {
            out,
            format,
            width,
            names: Vec::new(),
            widths: Vec::new(),
            kept: Vec::new(),
            records: None,
            rows_shown: 0,
        }
    }

    /// Whether the table would have to be cut. Each column has a space on both sides and a line after it, and there is
    /// one line more at the left.
    fn is_too_wide(&self) -> bool {
        let chars = self.widths.iter().map(|width| width + 3).sum::<usize>() + 1;
        self.format == OutputFormat::Fitting && self.width.is_some_and(|width| chars > width)
    }

    fn widen<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        for (width, text) in self.widths.iter_mut().zip(texts) {
            *width = (*width).max(chars_on_screen(&plain(text)));
        }
    }

    fn write_record(&mut self, values: &[String]) -> io::Result<()> {
        let style = self.records.get_or_insert_with(|| RecordStyle::new(&self.names, self.width));
        self.rows_shown += 1;
        style.write(self.rows_shown, values, self.out)
    }

    /// Draws the table, unless the rows are written as records. Returns how many rows are shown.
    pub(super) fn end(mut self) -> io::Result<u64> {
        match &self.records {
            _ if self.names.is_empty() => {}
            Some(style) if self.rows_shown == 0 => style.write_names(self.out)?,
            Some(_) => {}
            None => {
                self.rows_shown = self.kept.len() as u64;
                self.draw_table()?;
            }
        }
        Ok(self.rows_shown)
    }

    fn draw_table(&mut self) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        table.set_header(self.names.iter().map(|name| plain(name).into_owned()));
        for values in self.kept.drain(..) {
            let cells = values.into_iter().map(|(text, is_number)| {
                // A line break would break the table, and other control characters the terminal.
                let cell = Cell::new(plain(&text));
                if is_number { cell.set_alignment(CellAlignment::Right) } else { cell }
            });
            let mut row = Row::from(cells.collect::<Vec<Cell>>());
            row.max_height(1);
            table.add_row(row);
        }
        if let Some(width) = self.width {
            let width = u16::try_from(width).unwrap_or(u16::MAX);
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        table.set_truncation_indicator("…");
        for line in table.lines() {
            writeln!(self.out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl RowSink for ScreenAnswer<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.names = names.to_vec();
        self.widths = vec![0; names.len()];
        self.widen(names.iter().map(String::as_str));
        if self.format == OutputFormat::Records || self.is_too_wide() {
            self.records = Some(RecordStyle::new(names, self.width));
        }
        Ok(())
    }

    fn row(&mut self, values: &[QueryValue<'_>]) -> io::Result<()> {
        if self.records.is_some() {
            let texts: Vec<String> = values.iter().map(|value| value_text(value).into_owned()).collect();
            return self.write_record(&texts);
        }
        if self.kept.len() as u64 >= TABLE_ROWS_MAX {
            return Ok(());
        }
        let is_number = |value: &QueryValue<'_>| matches!(value, QueryValue::Int(_) | QueryValue::Float(_));
        let is_cut = self.format == OutputFormat::Table || self.width.is_none();
        let text = |value: &QueryValue<'_>| {
            let text = value_text(value);
            if is_cut { text.chars().take(TABLE_CELL_CHARS_MAX).collect() } else { text.into_owned() }
        };
        let row: Vec<(String, bool)> = values.iter().map(|value| (text(value), is_number(value))).collect();
        self.widen(row.iter().map(|(text, _)| text.as_str()));
        self.kept.push(row);
        if self.is_too_wide() {
            for row in std::mem::take(&mut self.kept) {
                let texts: Vec<String> = row.into_iter().map(|(text, _)| text).collect();
                self.write_record(&texts)?;
            }
        }
        Ok(())
    }
}
