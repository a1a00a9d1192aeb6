//! One whole batch as one load job: exactly once.
//!
//! The job's id is the batch's, with the number of the attempt behind it. Whoever delivers the batch, the first worker
//! or one that took it over, asks for the attempts in turn, 0, 1, 2 …, and takes on the outcome of the first that did
//! not fail for a passing reason. Only where an attempt's id is unknown is a job made, under that id; BigQuery makes
//! no second job of one id. A job takes all rows or none.

use std::fs::File;
use std::io;
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::answer::{Answer, Meaning};
use super::fault::{CallError, Op};
use super::job::{Job, Outcome, POLL_MAX};
use super::load_file::Gathered;
use super::metrics::Metrics;
use super::patience::Patience;
use super::rows::{Form, OfMessage, RowWriter};
use crate::warehouse::{Bulk, BulkOutcome, Delivery, WarehouseError};

/// A batch whose jobs fail so often for passing reasons is streamed.
const ATTEMPTS_MAX: u32 = 20;
/// BigQuery takes 4 GB of compressed JSON; a batch of more is streamed.
const FILE_BYTES_MAX: u64 = 3_900_000_000;

/// The delivery of one batch.
pub(super) struct LoadJob {
    shared: Arc<Shared>,
    dataset: String,
    id: String,
    /// None before the first row.
    rows: Option<Gathered>,
    row_count: u64,
    buffer: Vec<u8>,
    /// Nobody has made a job of it.
    is_new: bool,
}

impl LoadJob {
    pub(super) fn begin(shared: Arc<Shared>, dataset: &str, batch: &str, is_new: bool) -> LoadJob {
        // Job ids have letters, digits, dashes and underscores.
        let batch: String = batch
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
            .collect();
        let id = format!("irispool_{batch}");
        let dataset = dataset.to_owned();
        LoadJob { shared, dataset, id, rows: None, row_count: 0, buffer: Vec::new(), is_new }
    }

    fn no_disk(&self, error: &io::Error) -> WarehouseError {
        let folder = std::env::temp_dir();
        WarehouseError::Later {
            why: format!("the rows of a load job can't be gathered in {}: {error}", folder.display()),
            after: Duration::from_secs(10),
        }
    }

    /// Makes the job and waits for its end. Break: without one, as there are no rows, or as it must be streamed.
    fn make(
        &self,
        job: &Job<'_>,
        rows: &mut Option<(File, u64)>,
    ) -> Result<ControlFlow<bool, Outcome>, WarehouseError> {
        let Some((file, bytes)) = rows else { return Ok(Break(true)) };
        let bytes = *bytes;
        if bytes > FILE_BYTES_MAX {
            tracing::warn!(
                dataset = self.dataset,
                bytes,
                "the batch is too large for a load job: it is streamed"
            );
            return Ok(Break(false));
        }
        let table = self.shared.tables.get(&self.shared.client, &self.dataset)?;
        match job.make(&table, file, bytes) {
            Ok(()) => {}
            Err(CallError::Answer(Answer { meaning: Meaning::Quota, message, .. }))
                if self.shared.jobs.quota_is_spent(&self.dataset) =>
            {
                self.tell_spent(job, &message);
                return Ok(Break(false));
            }
            Err(CallError::Answer(Answer { meaning: Meaning::TooLarge, message, .. })) => {
                tracing::warn!(
                    dataset = self.dataset,
                    bytes,
                    message,
                    "BigQuery finds the batch too large for a load job: it is streamed"
                );
                return Ok(Break(false));
            }
            Err(error) => return Err(self.shared.client.explain(Op::JobsInsert, error)),
        }
        match job.outcome(self.row_count)? {
            Some(outcome) => Ok(Continue(outcome)),
            None => Err(WarehouseError::Later {
                why: format!("the load job {} was made and is not found", job.id()),
                after: POLL_MAX,
            }),
        }
    }

    /// What follows of an attempt's outcome. Break: the batch is in, or must be streamed. Continue: one more attempt,
    /// after a pause where the job was ours; what failed some time ago may succeed now.
    fn conclude(
        &self,
        job: &Job<'_>,
        outcome: Outcome,
        is_ours: bool,
        patience: &mut Option<Patience>,
    ) -> Result<ControlFlow<bool>, WarehouseError> {
        let (dataset, id, metrics) = (&*self.dataset, job.id(), &self.shared.metrics);
        let (meaning, reason, message) = match outcome {
            Outcome::Loaded { rows } => {
                Metrics::add(&metrics.load_jobs_done, 1);
                Metrics::add(&metrics.rows_loaded, rows);
                tracing::info!(dataset, job = id, rows, "load job done");
                return Ok(Break(true));
            }
            Outcome::Refused { why } => {
                Metrics::add(&metrics.load_jobs_refused, 1);
                tracing::warn!(dataset, job = id, why, "the load job was refused: its rows are streamed");
                return Ok(Break(false));
            }
            Outcome::Foreign => {
                tracing::warn!(dataset, job = id, "a job of this id loads another table: another is made");
                return Ok(Continue(()));
            }
            Outcome::Failed { meaning, reason, message } => (meaning, reason, message),
        };
        Metrics::add(&metrics.load_jobs_failed, 1);
        tracing::warn!(dataset, job = id, reason, message, "the load job failed");
        let client = &self.shared.client;
        match meaning {
            _ if !is_ours => Ok(Continue(())),
            Meaning::NotFound => Err(job.missing_table(&message)),
            Meaning::Quota if self.shared.jobs.quota_is_spent(dataset) => {
                self.tell_spent(job, &message);
                Ok(Break(false))
            }
            Meaning::Again => {
                let patience = patience.get_or_insert_with(|| client.patience());
                client
                    .pause(patience, Op::JobsInsert, &format!("{reason} {message}"), None)
                    .map_err(|error| client.explain(Op::JobsInsert, error))?;
                Ok(Continue(()))
            }
            _ => {
                if meaning == Meaning::SlowDown {
                    client.pace.slow_down(Instant::now());
                }
                let answer = Answer { status: 400, meaning, reason, message, known: true };
                Err(client.fault(Op::JobsInsert, &answer))
            }
        }
    }

    fn tell_spent(&self, job: &Job<'_>, message: &str) {
        tracing::warn!(
            dataset = self.dataset,
            job = job.id(),
            message,
            "a quota of load jobs stays spent: the table's rows are streamed for an hour"
        );
    }
}

impl Bulk for LoadJob {
    fn add(&mut self, delivery: &Delivery) -> Result<(), WarehouseError> {
        if delivery.rows.is_empty() {
            return Ok(());
        }
        let table = self.shared.tables.get(&self.shared.client, &self.dataset)?;
        let writer = RowWriter::new(&delivery.schema, &table.meta, Form::Load);
        let mut out = match self.rows.take() {
            Some(out) => out,
            None => {
                // Asked while more is being read, not when all waits for the job.
                self.shared.location()?;
                Gathered::new(self.shared.client.gzip).map_err(|error| self.no_disk(&error))?
            }
        };
        for message in &delivery.messages {
            let of_message = OfMessage::new(delivery, message);
            for row in delivery.rows.range(message.rows.clone()) {
                writer.write(&mut self.buffer, row, &of_message, &[]);
                self.buffer.push(b'\n');
                self.row_count += 1;
            }
            out.write_all(&self.buffer).map_err(|error| self.no_disk(&error))?;
            self.buffer.clear();
        }
        self.rows = Some(out);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<BulkOutcome, WarehouseError> {
        let ended = |is_in| if is_in { BulkOutcome::Loaded } else { BulkOutcome::Refused };
        let rows = self.rows.take().map(Gathered::finish);
        let mut rows = rows.transpose().map_err(|error| self.no_disk(&error))?;
        let location = self.shared.location()?;
        let mut patience = None;
        for attempt in 0..ATTEMPTS_MAX {
            let id = format!("{}_{attempt}", self.id);
            let job = Job::new(&self.shared, &self.dataset, id, location.as_deref());
            // Were there one of that id after all, making it would say so.
            let asked = if self.is_new && attempt == 0 { None } else { job.outcome(self.row_count)? };
            let is_ours = asked.is_none();
            let outcome = match asked {
                Some(outcome) => outcome,
                None => match self.make(&job, &mut rows)? {
                    Continue(outcome) => outcome,
                    Break(is_in) => return Ok(ended(is_in)),
                },
            };
            if let Break(is_in) = self.conclude(&job, outcome, is_ours, &mut patience)? {
                return Ok(ended(is_in));
            }
        }
        tracing::warn!(
            dataset = self.dataset,
            job = self.id,
            attempts = ATTEMPTS_MAX,
            "load jobs keep failing: the batch is streamed"
        );
        Ok(BulkOutcome::Refused)
    }
}
