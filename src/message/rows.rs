//! Rows in memory: each cell in its column's wire form, the text of all cells in one buffer.

use std::ops::Range;

/// A cell that is not null. Null cells are not stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// Text in the column's wire form. For `Json`, `Record` and repeated columns it is JSON text.
    Text(&'a str),
}

#[derive(Clone, Copy, Debug)]
enum Stored {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text { start: u32, end: u32 },
}

#[derive(Clone, Copy, Debug)]
struct StoredRow {
    cells_end: u32,
    message_row: u32,
    /// Where in `text` the rescued JSON is. It is empty if there is none. Its end is the end of the row's text.
    rescued: (u32, u32),
}

/// Rows of one table. Their text is at most 4 GiB, which the limit on a message's size keeps far away.
#[derive(Debug, Default)]
pub struct Rows {
    text: String,
    cells: Vec<(u16, Stored)>,
    rows: Vec<StoredRow>,
}

/// A view of one row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    rows: &'a Rows,
    index: usize,
}

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows at `range`, in order.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = Row<'_>> {
        range.map(|index| Row { rows: self, index })
    }

    /// All rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.range(0..self.len())
    }

    /// Adds a cell to the current row, which [`Self::end_row`] ends. `column` is the index of its column in the
    /// schema.
    pub fn push(&mut self, column: usize, cell: Cell<'_>) {
        let stored = match cell {
            Cell::Bool(value) => Stored::Bool(value),
            Cell::Int(value) => Stored::Int(value),
            Cell::Float(value) => Stored::Float(value),
            Cell::Text(text) => {
                let start = self.text.len() as u32;
                self.text.push_str(text);
                Stored::Text { start, end: self.text.len() as u32 }
            }
        };
        self.cells.push((column as u16, stored));
    }

    /// Adds a text cell that `write` writes straight into the buffer.
    pub fn push_with(&mut self, column: usize, write: impl FnOnce(&mut String)) {
        let start = self.text.len() as u32;
        write(&mut self.text);
        self.cells.push((column as u16, Stored::Text { start, end: self.text.len() as u32 }));
    }

    /// Like [`Self::push_with`], but adds nothing if `write` returns false.
    pub fn push_if(&mut self, column: usize, write: impl FnOnce(&mut String) -> bool) -> bool {
        let start = self.text.len();
        let written = write(&mut self.text);
        if written {
            let text = Stored::Text { start: start as u32, end: self.text.len() as u32 };
            self.cells.push((column as u16, text));
        } else {
            self.text.truncate(start);
        }
        written
    }

    /// Ends the current row. `message_row` is its index in its message. `rescued` is JSON text, or empty.
    pub fn end_row(&mut self, message_row: u32, rescued: &str) {
        let start = self.text.len() as u32;
        self.text.push_str(rescued);
        let rescued = (start, self.text.len() as u32);
        self.rows.push(StoredRow { cells_end: self.cells.len() as u32, message_row, rescued });
    }

    /// Removes the cells of the current row.
    pub fn abandon_row(&mut self) {
        let (cells, text) = self.rows.last().map_or((0, 0), |row| (row.cells_end, row.rescued.1));
        self.cells.truncate(cells as usize);
        self.text.truncate(text as usize);
    }

    /// Removes all rows but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.rows.truncate(len);
        self.abandon_row();
    }
}

impl<'a> Row<'a> {
    /// The row's index in its message, from 0.
    pub fn message_row(&self) -> u32 {
        self.rows.rows[self.index].message_row
    }

    /// What did not fit the table, as the JSON text of an object.
    pub fn rescued(&self) -> Option<&'a str> {
        let (start, end) = self.rows.rows[self.index].rescued;
        (start != end).then(|| &self.rows.text[start as usize..end as usize])
    }

    /// The cells that are not null, each with the index of its column in the schema. Their order is not defined. No
    /// column occurs twice.
    pub fn cells(&self) -> impl Iterator<Item = (usize, Cell<'a>)> {
        let rows = self.rows;
        let start = if self.index == 0 { 0 } else { rows.rows[self.index - 1].cells_end as usize };
        let end = rows.rows[self.index].cells_end as usize;
        rows.cells[start..end].iter().map(move |&(column, stored)| {
            let cell = match stored {
                Stored::Bool(value) => Cell::Bool(value),
                Stored::Int(value) => Cell::Int(value),
                Stored::Float(value) => Cell::Float(value),
                Stored::Text { start, end } => Cell::Text(&rows.text[start as usize..end as usize]),
            };
            (usize::from(column), cell)
        })
    }
}
