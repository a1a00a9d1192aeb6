//! The deliveries of one load that go into the same table.

use std::sync::{Arc, Mutex};

use super::load_progress::LoadProgress;
use super::pending_row::{PendingRow, RowReport};
use super::target::row_of;
use crate::locks::Unpoisoned;
use crate::warehouse::bigquery::api::RetryCount;
use crate::warehouse::bigquery::tables::BqTable;
use crate::warehouse::{RefusedRow, WarehouseError};

/// The deliveries of one load that go into the same table.
pub(super) struct TableRows<'a> {
    pub(super) dataset: &'a str,
    /// The indexes of the deliveries in the load.
    pub(super) deliveries: &'a [usize],
    pub(super) table: Result<Arc<BqTable>, WarehouseError>,
    /// The requests of the table that are being retried, by all loads.
    pub(super) retries: RetryCount,
    /// The table's first failure. After it, nothing more is sent.
    pub(super) failed: Mutex<Option<WarehouseError>>,
    pub(super) progress: &'a LoadProgress<'a>,
}

impl RowReport for TableRows<'_> {
    fn taken(&self, rows: &[PendingRow]) {
        for row in rows {
            self.progress.row_taken(row.delivery);
        }
    }

    fn refused(&self, row: &PendingRow, reason: String) {
        let message_row = row_of(self.progress.deliveries, row).message_row();
        self.progress.row_refused(row.delivery, row.message, RefusedRow { message_row, reason });
    }

    fn has_failed(&self) -> bool {
        self.failed.lock().unpoisoned().is_some()
    }
}
