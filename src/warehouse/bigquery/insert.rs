//! One piece of streaming: some rows of one table, sent until each is in, refused, or has to wait with its table.

use std::collections::VecDeque;

use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, ErrorProto, Meaning, RowMeaning, classify_row};
use super::fault::{CallError, Op};
use super::metrics::Metrics;
use super::patience::Patience;
use super::rows::{Form, OfMessage, RowWriter};
use super::table::Table;
use super::try_once::Body;
use crate::observe::is_news;
use crate::warehouse::{Delivery, WarehouseError};

/// BigQuery takes 10 MB a request and 10 MB a row.
const ROW_BYTES_MAX: usize = 9_500_000;
const HEAD: &[u8] = br#"{"rows":["#;
const TAIL: &[u8] = b"]}";

/// A row on its way.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    /// Its delivery's place in the load.
    pub(super) delivery: usize,
    /// Its message's place in the delivery.
    pub(super) message: usize,
    /// Its place in the delivery's rows.
    pub(super) row: usize,
    /// The columns whose values BigQuery refused.
    pub(super) refused: Vec<usize>,
}

/// What becomes of the rows is told to this.
pub(super) trait Report: Sync {
    /// These are in.
    fn taken(&self, rows: &[Sending]);
    /// This one never will be.
    fn refused(&self, row: &Sending, reason: String);
    /// Whether the table has failed meanwhile, elsewhere.
    fn has_failed(&self) -> bool;
}

/// Sends the rows of one table. Those that were not reported, on an error, have to be sent again.
pub(super) struct Inserter<'a> {
    pub(super) warehouse: &'a Shared,
    pub(super) deliveries: &'a [Delivery],
    pub(super) dataset: &'a str,
    pub(super) table: &'a Table,
    path: String,
    report: &'a dyn Report,
}

/// Why a request is not the end of it.
enum Unsettled {
    /// The rows are in, refused, or listed anew.
    No,
    /// The rows wait for a while, then go again.
    Pause(String),
}

impl<'a> Inserter<'a> {
    pub(super) fn new(
        warehouse: &'a Shared,
        deliveries: &'a [Delivery],
        dataset: &'a str,
        table: &'a Table,
        report: &'a dyn Report,
    ) -> Inserter<'a> {
        let place = &warehouse.client.place;
        let (project, in_dataset, name) = (&place.project, &place.name, &table.name);
        let path = format!("/bigquery/v2/projects/{project}/datasets/{in_dataset}/tables/{name}/insertAll");
        Inserter { warehouse, deliveries, dataset, table, path, report }
    }

    pub(super) fn send(&self, rows: Vec<Sending>) -> Result<(), WarehouseError> {
        let mut patience = self.patience();
        let mut queue = VecDeque::from([rows]);
        let mut body = Vec::new();
        while let Some(mut rows) = queue.pop_front() {
            if self.report.has_failed() {
                return Ok(());
            }
            let fitting = self.write_body(&mut body, &rows);
            if fitting == 0 {
                let row = rows.remove(0);
                self.refuse(
                    &row,
                    format!("the row is larger than the {ROW_BYTES_MAX} bytes that BigQuery takes"),
                );
                fitting_rest(&mut queue, rows);
                continue;
            }
            fitting_rest(&mut queue, rows.split_off(fitting));
            Metrics::add(&self.warehouse.metrics.rows_sent, rows.len() as u64);
            let answer = self.warehouse.client.call(
                Op::InsertAll,
                "POST",
                &self.path,
                None,
                &mut Body::Json(&body),
                &mut patience,
            );
            match answer {
                Ok(answer) => match self.settle(rows, &answer, &mut queue, &mut patience)? {
                    Unsettled::No => {}
                    Unsettled::Pause(why) => self.pause(&mut patience, &why)?,
                },
                Err(CallError::Answer(Answer { meaning: Meaning::TooLarge, message, .. })) => {
                    let half = rows.len() / 2;
                    if half == 0 {
                        self.refuse(&rows[0], format!("the row is too large for BigQuery: {message}"));
                    } else {
                        queue.push_front(rows.split_off(half));
                        queue.push_front(rows);
                    }
                }
                Err(CallError::Answer(Answer { meaning: Meaning::NotFound, message, .. })) => {
                    return Err(self.missing_table(&message));
                }
                Err(CallError::Answer(answer)) => {
                    let fault = self.warehouse.client.fault(Op::InsertAll, &answer);
                    if answer.meaning == Meaning::Quota
                        && is_news(&format!("{}: {}", self.table.name, answer.reason))
                    {
                        tracing::error!(
                            table = self.table.name,
                            reason = answer.reason,
                            message = answer.message,
                            "a quota is spent: the table waits"
                        );
                    }
                    return Err(fault);
                }
                Err(CallError::Warehouse(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// While it waits, the table is in trouble.
    fn patience(&self) -> Patience {
        self.warehouse.client.patience().about(self.warehouse.tables.trouble(self.dataset))
    }

    fn pause(&self, patience: &mut Patience, why: &str) -> Result<(), WarehouseError> {
        let client = &self.warehouse.client;
        client.pause(patience, Op::InsertAll, why, None).map_err(|error| client.explain(Op::InsertAll, error))
    }

    /// Writes as many of the rows as one request takes, and says how many; none when the first is too large by itself.
    fn write_body(&self, body: &mut Vec<u8>, rows: &[Sending]) -> usize {
        body.clear();
        body.extend_from_slice(HEAD);
        let mut writer: Option<(usize, RowWriter<'_>)> = None;
        let mut message: Option<(usize, usize, OfMessage<'_>)> = None;
        for (count, sending) in rows.iter().enumerate() {
            let delivery = &self.deliveries[sending.delivery];
            let (_, writer) = match writer {
                Some(ref writer) if writer.0 == sending.delivery => writer,
                _ => &*writer.insert((
                    sending.delivery,
                    RowWriter::new(&delivery.schema, &self.table.meta, Form::Stream),
                )),
            };
            let place = (sending.delivery, sending.message);
            let (_, _, of_message) = match message {
                Some(ref message) if (message.0, message.1) == place => message,
                _ => &*message.insert((
                    place.0,
                    place.1,
                    OfMessage::new(delivery, &delivery.messages[place.1]),
                )),
            };
            let Some(row) = delivery.rows.range(sending.row..sending.row + 1).next() else {
                unreachable!("a row on its way is one of its delivery");
            };
            let start = body.len();
            if count > 0 {
                body.push(b',');
            }
            // A row that goes without some of its values is another row to BigQuery: it may remember the id of one that
            // it refused.
            let mut insert_id = of_message.insert_id(row.message_row());
            for column in &sending.refused {
                insert_id.push_str(&format!("-{column}"));
            }
            insert_id.truncate(128);
            body.extend_from_slice(format!("{{\"insertId\":\"{insert_id}\",\"json\":").as_bytes());
            writer.write(body, row, of_message, &sending.refused);
            body.push(b'}');
            let is_too_large = body.len() - start > ROW_BYTES_MAX;
            if is_too_large || (count > 0 && body.len() > self.warehouse.options.batch_bytes) {
                body.truncate(start);
                body.extend_from_slice(TAIL);
                return count;
            }
        }
        body.extend_from_slice(TAIL);
        rows.len()
    }

    /// Reads what became of each row of a request that was answered with 200.
    fn settle(
        &self,
        mut rows: Vec<Sending>,
        answer: &[u8],
        queue: &mut VecDeque<Vec<Sending>>,
        patience: &mut Patience,
    ) -> Result<Unsettled, WarehouseError> {
        let answer: InsertAnswer = match serde_json::from_slice(answer) {
            Ok(answer) => answer,
            Err(error) => {
                queue.push_front(rows);
                return Ok(Unsettled::Pause(format!("the answer is not BigQuery's JSON: {error}")));
            }
        };
        if answer.insert_errors.is_empty() {
            self.take(&rows);
            return Ok(Unsettled::No);
        }
        let mut listed: Vec<Option<Vec<ErrorProto>>> = vec![None; rows.len()];
        for RowErrors { index, errors } in answer.insert_errors {
            match listed.get_mut(index) {
                Some(of_row) => of_row.get_or_insert_default().extend(errors),
                None => tracing::warn!(
                    table = self.table.name,
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
            let (meaning, known) = classify_row(&errors);
            let first = errors.first().cloned().unwrap_or_default();
            self.warehouse.metrics.reason(&first.reason);
            if !known {
                self.warehouse.metrics.reason("unknown");
                if is_news(&format!("unknown of a row: {} {}", self.table.name, first.reason)) {
                    tracing::warn!(
                        table = self.table.name,
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
            self.take(&taken);
            // The rest is few, and has a fresh start.
            *patience = self.patience();
        }
        let found_culprits = !invalid.is_empty();
        let corrected = self.judge_all(invalid)?;
        if !corrected.is_empty() {
            queue.push_front(corrected);
        }
        if !again.is_empty() {
            queue.push_front(again);
            // With the culprits gone the innocent ones go again at once. Without culprits there would be no end to it.
            if !found_culprits || !reason_again.contains("stopped") {
                return Ok(Unsettled::Pause(reason_again.trim_end().to_owned()));
            }
        }
        Ok(Unsettled::No)
    }

    fn take(&self, rows: &[Sending]) {
        self.warehouse.tables.caught_up(self.dataset);
        Metrics::add(&self.warehouse.metrics.rows_streamed, rows.len() as u64);
        self.report.taken(rows);
    }

    pub(super) fn refuse(&self, row: &Sending, reason: String) {
        Metrics::add(&self.warehouse.metrics.rows_refused, 1);
        self.report.refused(row, reason);
    }
}

fn fitting_rest(queue: &mut VecDeque<Vec<Sending>>, rest: Vec<Sending>) {
    if !rest.is_empty() {
        queue.push_front(rest);
    }
}

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
