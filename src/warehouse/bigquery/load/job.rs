//! One load job, known by its id: asks for it, creates it, and finds out what became of it.

use std::fs::File;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load_state::LoadState;
use crate::catalog;
use crate::warehouse::WarehouseError;
use crate::warehouse::bigquery::api::{Body, CallError, Client, Counters, Meaning, Op, Refusal, meaning_of};
use crate::warehouse::bigquery::tables::BqTable;

/// The longest pause between two questions about a job that runs.
pub(super) const POLL_MAX: Duration = Duration::from_secs(5);

/// What became of a job.
pub(super) enum JobOutcome {
    Loaded {
        rows: u64,
    },
    /// BigQuery refuses the job because of some of its rows.
    Refused {
        why: String,
    },
    /// The job loads another table: perhaps somebody copied the spool.
    Foreign,
    /// The job failed for a reason that may pass. The next attempt needs another id.
    Failed {
        meaning: Meaning,
        reason: String,
        message: String,
    },
}

/// A load job of some id, which may not exist.
pub(super) struct LoadJob<'a> {
    state: &'a LoadState,
    dataset: &'a str,
    id: String,
    location: Option<&'a str>,
}

impl<'a> LoadJob<'a> {
    pub(super) fn new(
        state: &'a LoadState,
        dataset: &'a str,
        id: String,
        location: Option<&'a str>,
    ) -> LoadJob<'a> {
        LoadJob { state, dataset, id, location }
    }

    fn client(&self) -> &Client {
        self.state.client()
    }

    /// The job's id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Asks for the job until it is done. `None`: there is no job of this id. `rows`: how many rows the job was given,
    /// in case BigQuery does not say how many it took.
    pub(super) fn outcome(&self, rows: u64) -> Result<Option<JobOutcome>, WarehouseError> {
        let query = self.location.map_or_else(String::new, |location| format!("?location={location}"));
        let path = format!("jobs/{}{query}", self.id);
        let until = Instant::now() + self.client().options().load_job_patience;
        let mut pause = self.client().options().backoff_first.min(POLL_MAX) / 4;
        loop {
            let job = match self.client().get(Op::JobsGet, &path) {
                Ok(job) => job,
                Err(CallError::Refused(refusal)) if refusal.is_missing_in_project() => return Ok(None),
                Err(error) => return Err(self.client().explain(Op::JobsGet, error)),
            };
            if job["status"]["state"] == "DONE" {
                return Ok(Some(self.read(&job, rows)));
            }
            pause = (pause * 3 / 2).min(POLL_MAX);
            if Instant::now() + pause > until || !self.client().stop().wait(pause) {
                return Err(WarehouseError::Later {
                    why: format!("the load job {} is not done yet", self.id),
                    after: POLL_MAX,
                });
            }
        }
    }

    /// Reads the outcome of a job that is done.
    fn read(&self, job: &Value, rows: u64) -> JobOutcome {
        let destination = &job["configuration"]["load"]["destinationTable"];
        let bq_dataset = self.client().bq_dataset();
        let table = catalog::table_name(self.dataset);
        let differs =
            |field: &str, ours: &str| destination[field].as_str().is_some_and(|theirs| theirs != ours);
        if differs("datasetId", &bq_dataset.name) || differs("tableId", &table) {
            return JobOutcome::Foreign;
        }
        let status = &job["status"];
        let Some(error) = status.get("errorResult").filter(|error| !error.is_null()) else {
            let taken = job["statistics"]["load"]["outputRows"].as_str().and_then(|rows| rows.parse().ok());
            return JobOutcome::Loaded { rows: taken.unwrap_or(rows) };
        };
        let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let (reason, message) = (text(error, "reason"), text(error, "message"));
        self.client().counters().reason(&reason);
        let meaning = meaning_of(&reason);
        if meaning.is_none() {
            self.client().counters().reason("unknown");
        }
        if matches!(reason.as_str(), "invalid" | "parseError" | "badRequest" | "resourcesExceeded")
            || meaning == Some(Meaning::TooLarge)
        {
            // An error of a row says more than the error of the whole job.
            let errors = status["errors"].as_array().map_or(&[][..], Vec::as_slice);
            let about_row = errors.iter().map(|error| text(error, "message")).find(|other| *other != message);
            return JobOutcome::Refused { why: about_row.unwrap_or(message) };
        }
        JobOutcome::Failed { meaning: meaning.unwrap_or(Meaning::Again), reason, message }
    }

    /// The error if somebody deleted the table since it was read.
    pub(super) fn missing_table(&self, message: &str) -> WarehouseError {
        self.state.tables().forget(self.dataset);
        WarehouseError::Later {
            why: format!("the table of {} is gone: it is made again ({message})", self.dataset),
            after: Duration::ZERO,
        }
    }

    /// Creates the job, unless it exists.
    pub(super) fn create(&self, table: &BqTable, file: &mut File, bytes: u64) -> Result<(), CallError> {
        let bq_dataset = self.client().bq_dataset();
        let mut reference = json!({"projectId": bq_dataset.project, "jobId": self.id});
        if let Some(location) = self.location {
            reference["location"] = location.into();
        }
        let configuration = json!({
            "jobReference": reference,
            "configuration": {"load": {
                "destinationTable": {
                    "projectId": bq_dataset.project, "datasetId": bq_dataset.name, "tableId": table.name,
                },
                "sourceFormat": "NEWLINE_DELIMITED_JSON",
                "schema": {"fields": table.fields},
                "writeDisposition": "WRITE_APPEND",
                "createDisposition": "CREATE_NEVER",
                "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
            }},
        })
        .to_string();
        let path = format!("/upload/bigquery/v2/projects/{}/jobs?uploadType=multipart", bq_dataset.project);
        let mut body = Body::Upload { configuration: configuration.as_bytes(), file, bytes };
        let mut budget = self.client().retry_budget();
        // After a 5xx or a lost answer nobody knows whether BigQuery created the job. The same id again finds out.
        let created = self.client().call(Op::JobsInsert, "POST", &path, None, &mut body, &mut budget);
        match created {
            Ok(_) => {
                self.state.budget().count(self.dataset);
                Counters::add(&self.client().counters().load_jobs, 1);
                Ok(())
            }
            Err(CallError::Refused(Refusal { meaning: Meaning::Exists, .. })) => Ok(()),
            Err(CallError::Refused(Refusal { meaning: Meaning::NotFound, message, .. }))
                if message.contains("Table") =>
            {
                Err(CallError::Warehouse(self.missing_table(&message)))
            }
            Err(error) => Err(error),
        }
    }
}
