//! Sends rows of one table by `insertAll`, until BigQuery has taken or refused each, or the table fails.

use std::collections::VecDeque;

use serde::Deserialize;

use super::pending_row::PendingRow;
use super::refused_rows::{correct_invalid_rows, missing_table};
use super::request_body::{ROW_BYTES_MAX, write_body};
use super::target::StreamTarget;
use crate::observe::is_news;
use crate::warehouse::WarehouseError;
use crate::warehouse::bigquery::api::{
    Body, CallError, Client, Counters, ErrorProto, Meaning, Op, Refusal, RetryBudget, RowMeaning,
    classify_row,
};

/// Sends the rows of one table.
pub(super) struct Inserter<'a> {
    target: StreamTarget<'a>,
    path: String,
}

/// What an answer with status 200 leaves to do.
enum AfterAnswer {
    /// Nothing more about these rows: they are taken, refused, or in the queue again.
    GoOn,
    /// Wait, for this reason, before the rows in the queue go again.
    Pause(String),
}

impl<'a> Inserter<'a> {
    pub(super) fn new(target: StreamTarget<'a>) -> Inserter<'a> {
        let bq_dataset = target.state.client().bq_dataset();
        let (project, bq_name, table) = (&bq_dataset.project, &bq_dataset.name, &target.table.name);
        let path = format!("/bigquery/v2/projects/{project}/datasets/{bq_name}/tables/{table}/insertAll");
        Inserter { target, path }
    }

    /// Sends the rows and reports what becomes of each. After an error, the rows that were not reported must be sent
    /// again.
    pub(super) fn send(&self, rows: Vec<PendingRow>) -> Result<(), WarehouseError> {
        let mut budget = self.retry_budget();
        let target = &self.target;
        let mut queue = VecDeque::from([rows]);
        let mut body = Vec::new();
        while let Some(mut rows) = queue.pop_front() {
            if target.report.has_failed() {
                return Ok(());
            }
            let fitting = write_body(target, &mut body, &rows);
            if fitting == 0 {
                let row = rows.remove(0);
                target.refuse(
                    &row,
                    format!("the row is larger than the {ROW_BYTES_MAX} bytes that BigQuery takes"),
                );
                put_back(&mut queue, rows);
                continue;
            }
            put_back(&mut queue, rows.split_off(fitting));
            Counters::add(&self.client().counters().rows_sent, rows.len() as u64);
            let answer = self.client().call(
                Op::InsertAll,
                "POST",
                &self.path,
                None,
                &mut Body::Json(&body),
                &mut budget,
            );
            match answer {
                Ok(answer) => match self.settle(rows, &answer, &mut queue, &mut budget)? {
                    AfterAnswer::GoOn => {}
                    AfterAnswer::Pause(why) => self.pause(&mut budget, &why)?,
                },
                Err(CallError::Refused(Refusal { meaning: Meaning::TooLarge, message, .. })) => {
                    let half = rows.len() / 2;
                    if half == 0 {
                        target.refuse(&rows[0], format!("the row is too large for BigQuery: {message}"));
                    } else {
                        queue.push_front(rows.split_off(half));
                        queue.push_front(rows);
                    }
                }
                Err(CallError::Refused(Refusal { meaning: Meaning::NotFound, message, .. })) => {
                    return Err(missing_table(target, &message));
                }
                Err(CallError::Refused(refusal)) => {
                    let error = self.client().explain_refusal(Op::InsertAll, &refusal);
                    if refusal.meaning == Meaning::Quota
                        && is_news(&format!("{}: {}", self.target.table.name, refusal.reason))
                    {
                        tracing::error!(
                            table = self.target.table.name,
                            reason = refusal.reason,
                            message = refusal.message,
                            "a quota is spent: the table waits"
                        );
                    }
                    return Err(error);
                }
                Err(CallError::Warehouse(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The time for a piece of work. While it is retried, other loads see that the table is being retried.
    fn retry_budget(&self) -> RetryBudget {
        self.client().retry_budget().counted_by(self.target.state.retries(self.target.dataset))
    }

    fn client(&self) -> &Client {
        self.target.state.client()
    }

    fn pause(&self, budget: &mut RetryBudget, why: &str) -> Result<(), WarehouseError> {
        let paused = self.client().pause(budget, Op::InsertAll, why, None);
        paused.map_err(|error| self.client().explain(Op::InsertAll, error))
    }

    /// Reads what became of each row of a request that was answered with status 200.
    fn settle(
        &self,
        mut rows: Vec<PendingRow>,
        answer: &[u8],
        queue: &mut VecDeque<Vec<PendingRow>>,
        budget: &mut RetryBudget,
    ) -> Result<AfterAnswer, WarehouseError> {
        let answer: InsertAnswer = match serde_json::from_slice(answer) {
            Ok(answer) => answer,
            Err(error) => {
                queue.push_front(rows);
                return Ok(AfterAnswer::Pause(format!("the answer is not BigQuery's JSON: {error}")));
            }
        };
        if answer.insert_errors.is_empty() {
            self.target.take(&rows);
            return Ok(AfterAnswer::GoOn);
        }
        let mut listed: Vec<Option<Vec<ErrorProto>>> = vec![None; rows.len()];
        for RowErrors { index, errors } in answer.insert_errors {
            match listed.get_mut(index) {
                Some(of_row) => of_row.get_or_insert_default().extend(errors),
                None => tracing::warn!(
                    table = self.target.table.name,
                    index,
                    "BigQuery lists an error for a row that was not sent"
                ),
            }
        }
        let (mut taken, mut again, mut invalid) = (Vec::new(), Vec::new(), Vec::new());
        let mut reason_again = String::new();
        for (row, errors) in rows.drain(..).zip(listed) {
            let Some(errors) = errors else {
                taken.push(row);
                continue;
            };
            let (meaning, is_known) = classify_row(&errors);
            let first = errors.first().cloned().unwrap_or_default();
            self.client().counters().reason(&first.reason);
            if !is_known {
                self.client().counters().reason("unknown");
                if is_news(&format!("unknown of a row: {} {}", self.target.table.name, first.reason)) {
                    tracing::warn!(
                        table = self.target.table.name,
                        reason = first.reason,
                        message = first.message,
                        "BigQuery gives a reason for a row that irispool does not know"
                    );
                }
            }
            match meaning {
                RowMeaning::Invalid => invalid.push((row, errors)),
                RowMeaning::Again => {
                    if first.reason != "stopped" || reason_again.is_empty() {
                        reason_again = format!("rows are not in: {} {}", first.reason, first.message);
                    }
                    again.push(row);
                }
            }
        }
        if !taken.is_empty() {
            self.target.take(&taken);
            // The other rows are few, and get the whole time again.
            *budget = self.retry_budget();
        }
        let found_invalid = !invalid.is_empty();
        let corrected = correct_invalid_rows(&self.target, invalid)?;
        if !corrected.is_empty() {
            queue.push_front(corrected);
        }
        if !again.is_empty() {
            queue.push_front(again);
            // BigQuery stops a whole request for one invalid row. Without the invalid rows the others go again at once.
            // If there was no invalid row, they must wait, or this would never end.
            if !found_invalid || !reason_again.contains("stopped") {
                return Ok(AfterAnswer::Pause(reason_again.trim_end().to_owned()));
            }
        }
        Ok(AfterAnswer::GoOn)
    }
}

/// Puts rows back at the front of the queue.
fn put_back(queue: &mut VecDeque<Vec<PendingRow>>, rest: Vec<PendingRow>) {
    if !rest.is_empty() {
        queue.push_front(rest);
    }
}

/// The body of an answer with status 200.
#[derive(Deserialize)]
struct InsertAnswer {
    #[serde(default, rename = "insertErrors")]
    insert_errors: Vec<RowErrors>,
}

#[derive(Deserialize)]
struct RowErrors {
    #[serde(default)]
    index: usize,
    #[serde(default)]
    errors: Vec<ErrorProto>,
}
