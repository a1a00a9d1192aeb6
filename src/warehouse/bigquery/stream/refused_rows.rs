//! Rows that BigQuery calls invalid, and tables that it says are not there: whose fault that is, and what is to be done.

use std::time::Duration;

use super::insert::{Inserter, Sending};
use crate::catalog::is_meta_column;
use crate::warehouse::WarehouseError;
use crate::warehouse::bigquery::api::counters::Metrics;
use crate::warehouse::bigquery::api::response::ErrorProto;

/// What to do about a row that BigQuery calls invalid.
enum Verdict {
    /// Streaming does not know this column yet.
    NotYet(String),
    /// The value of this column does not fit.
    Value(usize),
    Row(String),
    Setup(WarehouseError),
}

impl Inserter<'_> {
    /// Gives the rows that can go again without the value that did not fit.
    pub(in crate::warehouse::bigquery) fn judge_all(
        &self,
        invalid: Vec<(Sending, Vec<ErrorProto>)>,
    ) -> Result<Vec<Sending>, WarehouseError> {
        let mut corrected = Vec::new();
        let mut is_unknown: Option<bool> = None;
        for (mut row, errors) in invalid {
            match self.judge(&row, &errors) {
                Verdict::NotYet(column) => {
                    // Asked once a request: whether the column is there at all, and for how long that was not noticed.
                    if is_unknown != Some(true) {
                        if let Some(error) = self.not_yet(&column)? {
                            return Err(error);
                        }
                        is_unknown = Some(true);
                    }
                    match self.column_of(&row, &column) {
                        Some(place) => self.rescue(&mut row, place, &mut corrected),
                        None => self.refuse(&row, format!("no such field: {column}")),
                    }
                }
                Verdict::Value(column) => self.rescue(&mut row, column, &mut corrected),
                Verdict::Row(reason) => self.refuse(&row, reason),
                Verdict::Setup(error) => return Err(error),
            }
        }
        Ok(corrected)
    }

    fn rescue(&self, row: &mut Sending, column: usize, corrected: &mut Vec<Sending>) {
        if row.refused.is_empty() {
            Metrics::add(&self.warehouse.metrics.rows_rescued, 1);
        }
        row.refused.push(column);
        row.refused.sort_unstable();
        corrected.push(row.clone());
    }

    fn judge(&self, row: &Sending, errors: &[ErrorProto]) -> Verdict {
        let Some(error) = errors.iter().find(|error| error.reason == "invalid") else {
            unreachable!("a row is invalid by one of its errors");
        };
        let message = error.message.to_ascii_lowercase();
        let place = if error.location.is_empty() && message.starts_with("no such field: ") {
            error.message["no such field: ".len()..].trim_end_matches('.')
        } else {
            &error.location
        };
        // `outageProfile[0].capacity` is a part of the column `outageProfile`.
        let column = place.split(['.', '[']).next().unwrap_or_default();
        if message.starts_with("no such field") {
            return Verdict::NotYet(column.to_owned());
        }
        if is_meta_column(column) {
            let table = format!("{}.{}", self.warehouse.client.place, self.table.name);
            return Verdict::Setup(WarehouseError::Setup {
                why: format!("{table} does not take irispool's own column {column}: {}", error.message),
                hint: format!(
                    "rename that column: `ALTER TABLE … RENAME COLUMN {column} TO {column}_old`; irispool adds its own"
                ),
            });
        }
        match self.column_of(row, column) {
            Some(column) => Verdict::Value(column),
            None => Verdict::Row(match error.message.is_empty() {
                true => "BigQuery calls the row invalid and gives no reason".to_owned(),
                false => error.message.clone(),
            }),
        }
    }

    /// The column's place, if the row still has a value for it.
    fn column_of(&self, row: &Sending, column: &str) -> Option<usize> {
        let delivery = &self.deliveries[row.delivery];
        let place = delivery.schema.position(column)?;
        let mut cells =
            delivery.rows.range(row.row..row.row + 1).flat_map(|row| row.cells().collect::<Vec<_>>());
        (!row.refused.contains(&place) && cells.any(|(column, _)| column == place)).then_some(place)
    }

    /// Streaming does not know a column. `None`: it has had its time, and the value is to be rescued.
    fn not_yet(&self, column: &str) -> Result<Option<WarehouseError>, WarehouseError> {
        let shown = format!("{}.{}", self.warehouse.client.place, self.table.name);
        let live = self.warehouse.tables.read(&self.warehouse.client, self.dataset)?;
        if !column.is_empty() && !live.is_some_and(|table| table.has(column)) {
            self.warehouse.tables.forget(self.dataset);
            return Ok(Some(WarehouseError::Later {
                why: format!(
                    "the column {column} of {shown} is gone: the rows are made anew for the table as it is"
                ),
                after: Duration::ZERO,
            }));
        }
        Ok(match self.warehouse.tables.lags(self.dataset) {
            Some(after) => Some(WarehouseError::Later {
                why: format!("streaming does not know the new column {column} of {shown} yet"),
                after,
            }),
            None if is_meta_column(column) || column.is_empty() => Some(WarehouseError::Setup {
                why: format!(
                    "streaming does not know the column {column} of {shown}, long after it was made"
                ),
                hint: "load jobs know it: `--method load`; then ask Google's support".into(),
            }),
            None => None,
        })
    }

    /// Streaming answers 404.
    pub(in crate::warehouse::bigquery) fn missing_table(&self, message: &str) -> WarehouseError {
        let client = &self.warehouse.client;
        let shown = format!("{}.{}", client.place, self.table.name);
        match self.warehouse.tables.read(client, self.dataset) {
            Err(error) => error,
            Ok(None) => WarehouseError::Later {
                why: format!("{shown} is gone: it is made again ({message})"),
                after: Duration::ZERO,
            },
            Ok(Some(_)) => match self.warehouse.tables.lags(self.dataset) {
                Some(after) => {
                    WarehouseError::Later { why: format!("streaming does not know {shown} yet"), after }
                }
                None => WarehouseError::Setup {
                    why: format!("streaming does not know {shown}, long after it was made: {message}"),
                    hint: "load jobs know it: `--method load`; then ask Google's support".into(),
                },
            },
        }
    }
}
