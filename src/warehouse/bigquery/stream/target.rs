//! The table that rows are streamed into, with the rows' deliveries.

use super::pending_row::{PendingRow, RowReport};
use super::stream_state::StreamState;
use crate::message::Row;
use crate::warehouse::Delivery;
use crate::warehouse::bigquery::api::Counters;
use crate::warehouse::bigquery::tables::BqTable;

/// Where the rows of one table go, and where they come from.
pub(super) struct StreamTarget<'a> {
    pub(super) state: &'a StreamState,
    /// The deliveries of the load, of all tables.
    pub(super) deliveries: &'a [Delivery],
    pub(super) dataset: &'a str,
    pub(super) table: &'a BqTable,
    pub(super) report: &'a dyn RowReport,
}

impl<'a> StreamTarget<'a> {
    /// The full name of the table, for people.
    pub(super) fn shown(&self) -> String {
        self.state.client().bq_dataset().full_name(&self.table.name)
    }

    /// The row with its values.
    pub(super) fn row(&self, pending: &PendingRow) -> Row<'a> {
        row_of(self.deliveries, pending)
    }

    /// Notes that BigQuery took these rows.
    pub(super) fn take(&self, rows: &[PendingRow]) {
        self.state.lags().end(self.dataset);
        Counters::add(&self.state.client().counters().rows_streamed, rows.len() as u64);
        self.report.taken(rows);
    }

    /// Notes that BigQuery will never take this row.
    pub(super) fn refuse(&self, row: &PendingRow, reason: String) {
        Counters::add(&self.state.client().counters().rows_refused, 1);
        self.report.refused(row, reason);
    }
}

/// The row with its values.
pub(super) fn row_of<'a>(deliveries: &'a [Delivery], pending: &PendingRow) -> Row<'a> {
    let mut rows = deliveries[pending.delivery].rows.range(pending.row..pending.row + 1);
    rows.next().expect("a pending row is a row of its delivery")
}
