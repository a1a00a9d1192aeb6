//! The formats in which rows are printed.

use clap::ValueEnum;

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// A table if it fits the width, records otherwise.
    #[value(skip)]
    Fitting,
    /// Columns side by side, cut to the terminal's width
    Table,
    /// One field a line, with all of each value
    Records,
    /// RFC 4180, with a header; null is an empty field
    Csv,
    /// One array of objects
    Json,
}

impl OutputFormat {
    /// Whether the format is for people.
    pub(super) fn is_for_people(self) -> bool {
        matches!(self, OutputFormat::Fitting | OutputFormat::Table | OutputFormat::Records)
    }
}
