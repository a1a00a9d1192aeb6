//! Delivers one whole batch as one load job, exactly once.
//!
//! A job's id is the id of the batch, followed by the number of the attempt. Every worker that delivers the batch, the
//! first one or one that takes it over, asks for the attempts in turn, 0, 1, 2 …, and accepts the outcome of the first
//! one that did not fail for a passing reason. It creates a job only under an id that BigQuery does not know, and
//! BigQuery creates no second job of one id. A job takes all rows or none.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::file::RowFile;
use super::job::{JobOutcome, LoadJob, POLL_MAX};
use super::load_state::LoadState;
use crate::warehouse::bigquery::api::{CallError, Client, Counters, Meaning, Op, Refusal, RetryBudget};
use crate::warehouse::bigquery::rows::{MessageContext, RowFormat, RowWriter};
use crate::warehouse::{Bulk, BulkOutcome, Delivery, WarehouseError};

/// After so many jobs that failed for passing reasons, the batch is streamed.
const ATTEMPTS_MAX: u32 = 20;
/// BigQuery takes 4 GB of compressed JSON. A larger batch is streamed.
const FILE_BYTES_MAX: u64 = 3_900_000_000;

/// The delivery of one batch.
pub(crate) struct BatchLoad {
    state: Arc<LoadState>,
    dataset: String,
    /// What the ids of the batch's jobs begin with.
    id: String,
    /// `None` before the first row.
    rows: Option<RowFile>,
    row_count: u64,
    buffer: Vec<u8>,
    /// Nobody has created a job for this batch.
    is_new: bool,
}

/// What an attempt came to.
enum Attempt {
    /// The batch has its outcome.
    Ended(BulkOutcome),
    /// The next attempt may succeed.
    Failed,
}

/// What came of creating a job.
enum Created {
    /// The job ran.
    Ran(JobOutcome),
    /// There is no job: the batch has no rows, or it can't go by a load job.
    WithoutJob(BulkOutcome),
}

impl BatchLoad {
    /// `is_new`: nobody has tried to deliver this batch.
    pub(crate) fn begin(state: Arc<LoadState>, dataset: &str, batch: &str, is_new: bool) -> BatchLoad {
        // The id of a job may have letters, digits, dashes and underscores.
        let batch: String = batch
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
            .collect();
        let id = format!("irispool_{batch}");
        let dataset = dataset.to_owned();
        BatchLoad { state, dataset, id, rows: None, row_count: 0, buffer: Vec::new(), is_new }
    }

    fn client(&self) -> &Client {
        self.state.client()
    }

    fn disk_error(&self, error: &io::Error) -> WarehouseError {
        let folder = std::env::temp_dir();
        WarehouseError::Later {
            why: format!("the rows of a load job can't be gathered in {}: {error}", folder.display()),
            after: Duration::from_secs(10),
        }
    }

    /// Creates the job and waits for its end.
    fn create(&self, job: &LoadJob<'_>, rows: &mut Option<(File, u64)>) -> Result<Created, WarehouseError> {
        let Some((file, bytes)) = rows else { return Ok(Created::WithoutJob(BulkOutcome::Loaded)) };
        let bytes = *bytes;
        if bytes > FILE_BYTES_MAX {
            tracing::warn!(
                dataset = self.dataset,
                bytes,
                "the batch is too large for a load job: it is streamed"
            );
            return Ok(Created::WithoutJob(BulkOutcome::Refused));
        }
        let table = self.state.tables().get(&self.dataset)?;
        match job.create(&table, file, bytes) {
            Ok(()) => {}
            Err(CallError::Refused(Refusal { meaning: Meaning::Quota, message, .. }))
                if self.state.budget().note_spent_quota(&self.dataset) =>
            {
                self.log_spent_quota(job, &message);
                return Ok(Created::WithoutJob(BulkOutcome::Refused));
            }
            Err(CallError::Refused(Refusal { meaning: Meaning::TooLarge, message, .. })) => {
                tracing::warn!(
                    dataset = self.dataset,
                    bytes,
                    message,
                    "BigQuery finds the batch too large for a load job: it is streamed"
                );
                return Ok(Created::WithoutJob(BulkOutcome::Refused));
            }
            Err(error) => return Err(self.client().explain(Op::JobsInsert, error)),
        }
        match job.outcome(self.row_count)? {
            Some(outcome) => Ok(Created::Ran(outcome)),
            None => Err(WarehouseError::Later {
                why: format!("the load job {} was created and is not found", job.id()),
                after: POLL_MAX,
            }),
        }
    }

    /// Draws the conclusion from a job's outcome. If this worker created the job, it waits before the next attempt. A
    /// job that failed some time ago may succeed now.
    fn conclude(
        &self,
        job: &LoadJob<'_>,
        outcome: JobOutcome,
        is_own: bool,
        budget: &mut Option<RetryBudget>,
    ) -> Result<Attempt, WarehouseError> {
        let (dataset, id, counters) = (&*self.dataset, job.id(), self.client().counters());
        let (meaning, reason, message) = match outcome {
            JobOutcome::Loaded { rows } => {
                Counters::add(&counters.load_jobs_done, 1);
                Counters::add(&counters.rows_loaded, rows);
                tracing::info!(dataset, job = id, rows, "load job done");
                return Ok(Attempt::Ended(BulkOutcome::Loaded));
            }
            JobOutcome::Refused { why } => {
                Counters::add(&counters.load_jobs_refused, 1);
                tracing::warn!(dataset, job = id, why, "the load job was refused: its rows are streamed");
                return Ok(Attempt::Ended(BulkOutcome::Refused));
            }
            JobOutcome::Foreign => {
                tracing::warn!(
                    dataset,
                    job = id,
                    "a job of this id loads another table: irispool creates another one"
                );
                return Ok(Attempt::Failed);
            }
            JobOutcome::Failed { meaning, reason, message } => (meaning, reason, message),
        };
        Counters::add(&counters.load_jobs_failed, 1);
        tracing::warn!(dataset, job = id, reason, message, "the load job failed");
        let client = self.client();
        match meaning {
            _ if !is_own => Ok(Attempt::Failed),
            Meaning::NotFound => Err(job.missing_table(&message)),
            Meaning::Quota if self.state.budget().note_spent_quota(dataset) => {
                self.log_spent_quota(job, &message);
                Ok(Attempt::Ended(BulkOutcome::Refused))
            }
            Meaning::Again => {
                let budget = budget.get_or_insert_with(|| client.retry_budget());
                client
                    .pause(budget, Op::JobsInsert, &format!("{reason} {message}"), None)
                    .map_err(|error| client.explain(Op::JobsInsert, error))?;
                Ok(Attempt::Failed)
            }
            _ => {
                if meaning == Meaning::SlowDown {
                    client.rate_limit().slow_down(Instant::now());
                }
                let refusal = Refusal { status: 400, meaning, reason, message, is_known: true };
                Err(client.explain_refusal(Op::JobsInsert, &refusal))
            }
        }
    }

    fn log_spent_quota(&self, job: &LoadJob<'_>, message: &str) {
        tracing::warn!(
            dataset = self.dataset,
            job = job.id(),
            message,
            "a quota of load jobs stays spent: the table's rows are streamed for an hour"
        );
    }
}

impl Bulk for BatchLoad {
    fn add(&mut self, delivery: &Delivery) -> Result<(), WarehouseError> {
        if delivery.rows.is_empty() {
            return Ok(());
        }
        let table = self.state.tables().get(&self.dataset)?;
        let writer = RowWriter::new(&delivery.schema, &table.meta, RowFormat::Load);
        let mut file = match self.rows.take() {
            Some(file) => file,
            None => {
                // The location is asked for now, while more messages are read. Later, everything would wait for the
                // answer.
                self.state.location()?;
                RowFile::new(self.client().gzip()).map_err(|error| self.disk_error(&error))?
            }
        };
        for message in &delivery.messages {
            let context = MessageContext::new(delivery, message);
            for row in delivery.rows.range(message.rows.clone()) {
                writer.write(&mut self.buffer, row, &context, &[]);
                self.buffer.push(b'\n');
                self.row_count += 1;
            }
            file.write_all(&self.buffer).map_err(|error| self.disk_error(&error))?;
            self.buffer.clear();
        }
        self.rows = Some(file);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<BulkOutcome, WarehouseError> {
        let rows = self.rows.take().map(RowFile::finish);
        let mut rows = rows.transpose().map_err(|error| self.disk_error(&error))?;
        let location = self.state.location()?;
        let mut budget = None;
        for attempt in 0..ATTEMPTS_MAX {
            let id = format!("{}_{attempt}", self.id);
            let job = LoadJob::new(&self.state, &self.dataset, id, location.as_deref());
            // The first job of a new batch is created without asking for it. If it exists after all, creating it says
            // so.
            let found = if self.is_new && attempt == 0 { None } else { job.outcome(self.row_count)? };
            let is_own = found.is_none();
            let outcome = match found {
                Some(outcome) => outcome,
                None => match self.create(&job, &mut rows)? {
                    Created::Ran(outcome) => outcome,
                    Created::WithoutJob(outcome) => return Ok(outcome),
                },
            };
            if let Attempt::Ended(outcome) = self.conclude(&job, outcome, is_own, &mut budget)? {
                return Ok(outcome);
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
