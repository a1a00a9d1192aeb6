//! A row on its way into a table, and who learns what became of it.

/// A row that is to be sent.
#[derive(Clone, Debug)]
pub(super) struct PendingRow {
    /// The index of its delivery among the deliveries of the load.
    pub(super) delivery: usize,
    /// The index of its message in the delivery.
    pub(super) message: usize,
    /// Its index in the rows of the delivery.
    pub(super) row: usize,
    /// The columns whose values BigQuery refused, as indexes in the delivery's schema. Their values go to `rescued`.
    pub(super) refused: Vec<usize>,
}

/// Learns what became of the rows of one table.
pub(super) trait RowReport: Sync {
    /// BigQuery took these rows.
    fn taken(&self, rows: &[PendingRow]);
    /// BigQuery will never take this row.
    fn refused(&self, row: &PendingRow, reason: String);
    /// Whether another request for the table has failed meanwhile, so that this one should give up.
    fn has_failed(&self) -> bool;
}
