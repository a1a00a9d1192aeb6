//! In what proportions the datasets of a feed come.

/// In what proportions the datasets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mix {
    /// As in a backlog of 63,792 files that was seen: 156,000 rows, 47 MiB, one row in most files.
    Backlog,
    /// Every dataset of the catalog in turn, including those that only the API has.
    Even,
    /// As on a usual day, with a consolidated file for each settlement period.
    Live,
}
