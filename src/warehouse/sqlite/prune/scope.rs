//! What is to be pruned, and what was.

/// What is to be deleted.
#[derive(Clone, Debug)]
pub struct Prune {
    /// Messages loaded before this are deleted, in ms since 1970 UTC.
    pub before_ms: i64,
    /// Lines of messages loaded after this stay even if their rows go, because IRIS may deliver those messages again.
    /// In ms since 1970 UTC.
    pub lines_before_ms: i64,
    /// The canonical names of the datasets. Empty means all.
    pub datasets: Vec<String>,
}

/// What was deleted from one table, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The table.
    pub table: String,
    /// How many messages lost their line or their rows.
    pub messages: u64,
    /// How many rows went.
    pub rows: u64,
}
