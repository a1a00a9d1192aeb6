//! A load job by its id: asked for, made, and what became of it.

use std::fs::File;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Shared;
use super::answer::{Answer, Meaning, meaning_of};
use super::fault::{CallError, Op};
use super::table::Table;
use super::try_once::Body;
use crate::catalog;
use crate::warehouse::WarehouseError;

/// A job that runs is asked about so often at least.
pub(super) const POLL_MAX: Duration = Duration::from_secs(5);

/// What became of a job.
pub(super) enum Outcome {
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

/// A job of that id, whether it is there or not.
pub(super) struct Job<'a> {
    shared: &'a Shared,
    dataset: &'a str,
    id: String,
    location: Option<&'a str>,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        dataset: &'a str,
        id: String,
        location: Option<&'a str>,
    ) -> Job<'a> {
        Job { shared, dataset, id, location }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Asks for the job until it is done; `None` where there is no job of that id. `rows`: how many it was given, should
    /// Google not say how many it took.
    pub(super) fn outcome(&self, rows: u64) -> Result<Option<Outcome>, WarehouseError> {
        let query = self.location.map_or_else(String::new, |location| format!("?location={location}"));
        let path = format!("jobs/{}{query}", self.id);
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
                Err(error) => return Err(self.shared.client.explain(Op::JobsGet, error)),
            };
            if job["status"]["state"] == "DONE" {
                return Ok(Some(self.read(&job, rows)));
            }
            pause = (pause * 3 / 2).min(POLL_MAX);
            if Instant::now() + pause > until || !self.shared.client.waits.wait(pause) {
                return Err(WarehouseError::Later {
                    why: format!("the load job {} is not done yet", self.id),
                    after: POLL_MAX,
                });
            }
        }
    }

    /// The outcome of a job that is done.
    fn read(&self, job: &Value, rows: u64) -> Outcome {
        let destination = &job["configuration"]["load"]["destinationTable"];
        let place = &self.shared.client.place;
        let table = catalog::table_name(self.dataset);
        let differs =
            |field: &str, ours: &str| destination[field].as_str().is_some_and(|theirs| theirs != ours);
        if differs("datasetId", &place.name) || differs("tableId", &table) {
            return Outcome::Foreign;
        }
        let status = &job["status"];
        let Some(error) = status.get("errorResult").filter(|error| !error.is_null()) else {
            let taken = job["statistics"]["load"]["outputRows"].as_str().and_then(|rows| rows.parse().ok());
            return Outcome::Loaded { rows: taken.unwrap_or(rows) };
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
            return Outcome::Refused { why: about_row.unwrap_or(message) };
        }
        Outcome::Failed { meaning: meaning.unwrap_or(Meaning::Again), reason, message }
    }

    /// Somebody has removed the table since it was read.
    pub(super) fn missing_table(&self, message: &str) -> WarehouseError {
        self.shared.tables.forget(self.dataset);
        WarehouseError::Later {
            why: format!("the table of {} is gone: it is made again ({message})", self.dataset),
            after: Duration::ZERO,
        }
    }

    /// Makes it, if it is not there.
    pub(super) fn make(&self, table: &Table, file: &mut File, bytes: u64) -> Result<(), CallError> {
        let place = &self.shared.client.place;
        let mut reference = json!({"projectId": place.project, "jobId": self.id});
        if let Some(location) = self.location {
            reference["location"] = location.into();
        }
        let configuration = json!({
            "jobReference": reference,
            "configuration": {"load": {
                "destinationTable": {
                    "projectId": place.project, "datasetId": place.name, "tableId": table.name,
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
                self.shared.jobs.count(self.dataset);
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
