//! What to do about rows that BigQuery calls invalid, and about tables that streaming does not know.

use std::time::Duration;

use super::pending_row::PendingRow;
use super::target::StreamTarget;
use crate::catalog::is_meta_column;
use crate::warehouse::WarehouseError;
use crate::warehouse::bigquery::api::{Counters, ErrorProto};

/// Why BigQuery calls a row invalid.
enum InvalidReason {
    /// Streaming does not know this column yet.
    UnknownColumn(String),
    /// The value of this column does not fit.
    Value(usize),
    /// The row as a whole, in BigQuery's words.
    Row(String),
    /// A person must change the table.
    Setup(WarehouseError),
}

/// Refuses the rows that BigQuery will never take. Returns the others, without the values that did not fit their
/// columns: those go to `rescued`.
///
/// # Errors
/// If the rows must wait for the table.
pub(super) fn correct_invalid_rows(
    target: &StreamTarget<'_>,
    invalid: Vec<(PendingRow, Vec<ErrorProto>)>,
) -> Result<Vec<PendingRow>, WarehouseError> {
    let mut corrected = Vec::new();
    let mut has_lagged_too_long = false;
    for (row, errors) in invalid {
        match invalid_reason(target, &row, &errors) {
            InvalidReason::UnknownColumn(column) => {
                // Once for each request: does the column exist at all, and for how long has streaming not noticed it?
                if !has_lagged_too_long {
                    wait_for_column(target, &column)?;
                    has_lagged_too_long = true;
                }
                match column_of(target, &row, &column) {
                    Some(index) => corrected.push(without_value(target, row, index)),
                    None => target.refuse(&row, format!("no such field: {column}")),
                }
            }
            InvalidReason::Value(index) => corrected.push(without_value(target, row, index)),
            InvalidReason::Row(reason) => target.refuse(&row, reason),
            InvalidReason::Setup(error) => return Err(error),
        }
    }
    Ok(corrected)
}

/// The row without the value of this column.
fn without_value(target: &StreamTarget<'_>, mut row: PendingRow, column: usize) -> PendingRow {
    if row.refused.is_empty() {
        Counters::add(&target.state.client().counters().rows_rescued, 1);
    }
    row.refused.push(column);
    row.refused.sort_unstable();
    row
}

fn invalid_reason(target: &StreamTarget<'_>, row: &PendingRow, errors: &[ErrorProto]) -> InvalidReason {
    let error = errors.iter().find(|error| error.reason == "invalid");
    let error = error.expect("a row is invalid because of one of its errors");
    let message = error.message.to_ascii_lowercase();
    let path = if error.location.is_empty() && message.starts_with("no such field: ") {
        error.message["no such field: ".len()..].trim_end_matches('.')
    } else {
        &error.location
    };
    // `outageProfile[0].capacity` is a part of the column `outageProfile`.
    let column = path.split(['.', '[']).next().unwrap_or_default();
    if message.starts_with("no such field") {
        return InvalidReason::UnknownColumn(column.to_owned());
    }
    if is_meta_column(column) {
        let table = target.shown();
        return InvalidReason::Setup(WarehouseError::Setup {
            why: format!("{table} does not take irispool's own column {column}: {}", error.message),
            hint: format!(
                "rename that column: `ALTER TABLE … RENAME COLUMN {column} TO {column}_old`; irispool adds its own"
            ),
        });
    }
    match column_of(target, row, column) {
        Some(column) => InvalidReason::Value(column),
        None => InvalidReason::Row(match error.message.is_empty() {
            true => "BigQuery calls the row invalid and gives no reason".to_owned(),
            false => error.message.clone(),
        }),
    }
}

/// The index of the column, if the row still has a value for it.
fn column_of(target: &StreamTarget<'_>, row: &PendingRow, column: &str) -> Option<usize> {
    let index = target.deliveries[row.delivery].schema.position(column)?;
    let has_value = target.row(row).cells().any(|(column, _)| column == index);
    (has_value && !row.refused.contains(&index)).then_some(index)
}

/// Fails as long as the rows should wait until streaming knows a column. `Ok`: streaming has had its time, and the
/// value goes to `rescued`.
fn wait_for_column(target: &StreamTarget<'_>, column: &str) -> Result<(), WarehouseError> {
    let shown = target.shown();
    let table = target.state.tables().read(target.dataset)?;
    if !column.is_empty() && !table.is_some_and(|table| table.has(column)) {
        target.state.tables().forget(target.dataset);
        return Err(WarehouseError::Later {
            why: format!(
                "the column {column} of {shown} is gone: irispool encodes the rows again for the table as it is"
            ),
            after: Duration::ZERO,
        });
    }
    match target.state.lags().note(target.dataset) {
        Some(after) => Err(WarehouseError::Later {
            why: format!("streaming does not know the new column {column} of {shown} yet"),
            after,
        }),
        None if is_meta_column(column) || column.is_empty() => Err(WarehouseError::Setup {
            why: format!("streaming does not know the column {column} of {shown}, long after it was created"),
            hint: "load jobs know it: `--method load`; then ask Google's support".into(),
        }),
        None => Ok(()),
    }
}

/// The error for a table that streaming answers not to know.
pub(super) fn missing_table(target: &StreamTarget<'_>, message: &str) -> WarehouseError {
    let shown = target.shown();
    match target.state.tables().read(target.dataset) {
        Err(error) => error,
        Ok(None) => WarehouseError::Later {
            why: format!("{shown} is gone: it is made again ({message})"),
            after: Duration::ZERO,
        },
        Ok(Some(_)) => match target.state.lags().note(target.dataset) {
            Some(after) => {
                WarehouseError::Later { why: format!("streaming does not know {shown} yet"), after }
            }
            None => WarehouseError::Setup {
                why: format!("streaming does not know {shown}, long after it was created: {message}"),
                hint: "load jobs know it: `--method load`; then ask Google's support".into(),
            },
        },
    }
}
