//! What is to be pruned, and what was.

/// What is to be deleted.
#[derive(Clone, Debug)]
pub struct Prune {
    /// Messages loaded before this, in ms since 1970 UTC.
    pub before_ms: i64,
    /// Lines of messages loaded after this stay, also where their rows go: IRIS may deliver those messages again.
    pub lines_before_ms: i64,
    /// Only of these, by their canonical names; all where there are none.
    pub datasets: Vec<String>,
}

/// What was deleted from one table, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub table: String,
    pub messages: u64,
    pub rows: u64,
}
