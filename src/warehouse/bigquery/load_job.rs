//! One whole batch as one load job: exactly once.
//!
//! The job's id is the batch's, with the number of the attempt behind it. Whoever delivers the batch, the first worker
//! or one that took it over, asks for the attempts in turn, 0, 1, 2 …, and takes on the outcome of the first that did
//! not fail for a passing reason. Only where an attempt's id is unknown is a job made, under that id; BigQuery makes
//! no second job of one id. A job takes all rows or none.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Shared;
use super::answer::{Answer, Meaning, meaning_of};
use super::fault::{CallError, Op};
use super::load_file::Gathered;
use super::metrics::Metrics;
use super::rows::{Form, OfMessage, RowWriter};
use super::table::Table;
use super::try_once::Body;
use crate::catalog;
use crate::warehouse::{Bulk, Delivery, WarehouseError};

/// A batch whose jobs fail so often for passing reasons is streamed.
const ATTEMPTS_MAX: u32 = 20;
/// BigQuery takes 4 GB of compressed JSON; a batch of more is streamed.
const FILE_BYTES_MAX: u64 = 3_900_000_000;
const POLL_MAX: Duration = Duration::from_secs(5);

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

/// What became of one attempt.
enum Attempt {
    Loaded {
        rows: u64,
    },
    /// The batch has rows that a load does not take.
    Refused {
        why: String,
    },
    /// A job of that id that is about another table: a copied queue, say.
    Foreign,
    /// It ran and failed for a reason that passes: the next attempt has another id.
    Failed {
        meaning: Meaning,
        reason: String,
        message: String,
    },
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

    fn explain(&self, op: Op, error: CallError) -> WarehouseError {
        self.shared.client.explain(op, error)
    }

    /// Asks for a job until it is done; `None` where there is no job of that id.
    fn outcome(&self, id: &str, location: Option<&str>) -> Result<Option<Attempt>, WarehouseError> {
        let query = location.map_or_else(String::new, |location| format!("?location={location}"));
        let path = format!("jobs/{id}{query}");
        let until = Instant::now() + self.shared.options.load_job_patience;
        let mut pause = self.shared.options.backoff_first.min(POLL_MAX) / 4;
        loop {
            let job = match self.shared.client.get(Op::JobsGet, &path) {
                Ok(job) => job,
                Err(CallError::Answer(Answer { meaning: Meaning::NotFound, message, .. }))
                    if !message.contains("Not found: Project") =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(self.explain(Op::JobsGet, error)),
            };
            if job["status"]["state"] == "DONE" {
                return Ok(Some(self.read(&job)));
            }
            pause = (pause * 3 / 2).min(POLL_MAX);
            if Instant::now() + pause > until || !self.shared.client.waits.wait(pause) {
                return Err(WarehouseError::Later {
                    why: format!("the load job {id} is not done yet"),
                    after: POLL_MAX,
                });
            }
        }
    }

    /// The outcome of a job that is done.
    fn read(&self, job: &Value) -> Attempt {
        let destination = &job["configuration"]["load"]["destinationTable"];
        let place = &self.shared.client.place;
        let table = catalog::table_name(&self.dataset);
        let differs =
            |field: &str, ours: &str| destination[field].as_str().is_some_and(|theirs| theirs != ours);
        if differs("datasetId", &place.dataset) || differs("tableId", &table) {
            return Attempt::Foreign;
        }
        let status = &job["status"];
        let Some(error) = status.get("errorResult").filter(|error| !error.is_null()) else {
            let rows = job["statistics"]["load"]["outputRows"].as_str().and_then(|rows| rows.parse().ok());
            return Attempt::Loaded { rows: rows.unwrap_or(self.row_count) };
        };
        let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let (reason, message) = (text(error, "reason"), text(error, "message"));
        self.shared.metrics.reason(&reason);
        let meaning = meaning_of(&reason);
        if meaning.is_none() {
            self.shared.metrics.reason("unknown");
        }
        if matches!(reason.as_str(), "invalid" | "parseError" | "badRequest" | "resourcesExceeded")
            || meaning == Some(Meaning::TooLarge)
        {
            // The first of errors[] that is about a row says more than the job's own.
            let errors = status["errors"].as_array().map_or(&[][..], Vec::as_slice);
            let about_row = errors.iter().map(|error| text(error, "message")).find(|other| *other != message);
            return Attempt::Refused { why: about_row.unwrap_or(message) };
        }
        Attempt::Failed { meaning: meaning.unwrap_or(Meaning::Again), reason, message }
    }

    fn tell_spent(&self, id: &str, message: &str) {
        tracing::warn!(
            dataset = self.dataset,
            job = id,
            message,
            "a quota of load jobs stays spent: the table's rows are streamed for an hour"
        );
    }

    /// Somebody has removed the table since it was read.
    fn missing_table(&self, message: &str) -> WarehouseError {
        self.shared.tables.forget(&self.dataset);
        WarehouseError::Later {
            why: format!("the table of {} is gone: it is made again ({message})", self.dataset),
            after: Duration::ZERO,
        }
    }

    /// Makes the job of that id, if it is not there.
    fn make(
        &self,
        id: &str,
        location: Option<&str>,
        table: &Table,
        file: &mut File,
        bytes: u64,
    ) -> Result<(), CallError> {
        let place = &self.shared.client.place;
        let mut reference = json!({"projectId": place.project, "jobId": id});
        if let Some(location) = location {
            reference["location"] = location.into();
        }
        let configuration = json!({
            "jobReference": reference,
            "configuration": {"load": {
                "destinationTable": {
                    "projectId": place.project, "datasetId": place.dataset, "tableId": table.name,
                },
                "sourceFormat": "NEWLINE_DELIMITED_JSON",
                "schema": {"fields": table.fields},
                "writeDisposition": "WRITE_APPEND",
                "createDisposition": "CREATE_NEVER",
                "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
            }},
        })
        .to_string();
        let path = format!("/upload/bigquery/v2/projects/{}/jobs?uploadType=multipart", place.project);
        let mut body = Body::Upload { configuration: configuration.as_bytes(), file, bytes };
        let mut patience = self.shared.client.patience();
        // After a 5xx or a lost answer nobody knows whether the job was made: the same id again finds out.
        let made = self.shared.client.call(Op::JobsInsert, "POST", &path, None, &mut body, &mut patience);
        match made {
            Ok(_) => {
                self.shared.jobs.count(&self.dataset);
                self.shared.metrics.load_jobs.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(CallError::Answer(Answer { meaning: Meaning::Exists, .. })) => Ok(()),
            Err(CallError::Answer(Answer { meaning: Meaning::NotFound, message, .. }))
                if message.contains("Table") =>
            {
                Err(CallError::Warehouse(self.missing_table(&message)))
            }
            Err(error) => Err(error),
        }
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
            let of_message = OfMessage::new(message);
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

    fn finish(mut self: Box<Self>) -> Result<bool, WarehouseError> {
        let rows = self.rows.take().map(Gathered::finish);
        let mut rows = rows.transpose().map_err(|error| self.no_disk(&error))?;
        let location = self.shared.location()?;
        let location = location.as_deref();
        let mut patience = None;
        for attempt in 0..ATTEMPTS_MAX {
            let id = format!("{}_{attempt}", self.id);
            // Were there one of that id after all, making it would say so.
            let mut outcome = match self.is_new && attempt == 0 {
                true => None,
                false => self.outcome(&id, location)?,
            };
            let is_ours = outcome.is_none();
            if is_ours {
                let Some((file, bytes)) = &mut rows else { return Ok(true) };
                if *bytes > FILE_BYTES_MAX {
                    tracing::warn!(
                        dataset = self.dataset,
                        bytes,
                        "the batch is too large for a load job: it is streamed"
                    );
                    return Ok(false);
                }
                let table = self.shared.tables.get(&self.shared.client, &self.dataset)?;
                match self.make(&id, location, &table, file, *bytes) {
                    Ok(()) => outcome = self.outcome(&id, location)?,
                    Err(CallError::Answer(Answer { meaning: Meaning::Quota, message, .. }))
                        if self.shared.jobs.quota_is_spent(&self.dataset) =>
                    {
                        self.tell_spent(&id, &message);
                        return Ok(false);
                    }
                    Err(CallError::Answer(Answer { meaning: Meaning::TooLarge, message, .. })) => {
                        tracing::warn!(
                            dataset = self.dataset,
                            bytes,
                            message,
                            "BigQuery finds the batch too large for a load job: it is streamed"
                        );
                        return Ok(false);
                    }
                    Err(error) => return Err(self.explain(Op::JobsInsert, error)),
                }
            }
            match outcome {
                Some(Attempt::Loaded { rows }) => {
                    Metrics::add(&self.shared.metrics.load_jobs_done, 1);
                    Metrics::add(&self.shared.metrics.rows_loaded, rows);
                    tracing::info!(dataset = self.dataset, job = id, rows, "load job done");
                    return Ok(true);
                }
                Some(Attempt::Refused { why }) => {
                    Metrics::add(&self.shared.metrics.load_jobs_refused, 1);
                    tracing::warn!(
                        dataset = self.dataset,
                        job = id,
                        why,
                        "the load job was refused: its rows are streamed"
                    );
                    return Ok(false);
                }
                Some(Attempt::Foreign) => {
                    tracing::warn!(
                        dataset = self.dataset,
                        job = id,
                        "a job of this id loads another table: another is made"
                    );
                }
                Some(Attempt::Failed { meaning, reason, message }) => {
                    Metrics::add(&self.shared.metrics.load_jobs_failed, 1);
                    tracing::warn!(dataset = self.dataset, job = id, reason, message, "the load job failed");
                    if is_ours && meaning == Meaning::NotFound {
                        return Err(self.missing_table(&message));
                    }
                    if is_ours && meaning == Meaning::Quota && self.shared.jobs.quota_is_spent(&self.dataset)
                    {
                        self.tell_spent(&id, &message);
                        return Ok(false);
                    }
                    // What failed some time ago may succeed now.
                    if !is_ours {
                        continue;
                    }
                    let client = &self.shared.client;
                    if meaning == Meaning::Again {
                        let patience = patience.get_or_insert_with(|| client.patience());
                        client
                            .pause(patience, Op::JobsInsert, &format!("{reason} {message}"), None)
                            .map_err(|error| self.explain(Op::JobsInsert, error))?;
                        continue;
                    }
                    if meaning == Meaning::SlowDown {
                        client.pace.slow_down(Instant::now());
                    }
                    let answer = Answer { status: 400, meaning, reason, message, known: true };
                    return Err(client.fault(Op::JobsInsert, &answer));
                }
                None => {
                    return Err(WarehouseError::Later {
                        why: format!("the load job {id} was made and is not found"),
                        after: POLL_MAX,
                    });
                }
            }
        }
        tracing::warn!(
            dataset = self.dataset,
            job = self.id,
            attempts = ATTEMPTS_MAX,
            "load jobs keep failing: the batch is streamed"
        );
        Ok(false)
    }
}
