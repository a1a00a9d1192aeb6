//! What a request is for, and what an answer that nothing can be done about means for people: what failed, where, and
//! the permission, name or setting that is missing.

use super::answer::{Answer, Meaning};
use super::client::Client;
use crate::warehouse::WarehouseError;

/// What a request is for: how the API calls it, and the permission that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    DatasetsGet,
    DatasetsInsert,
    TablesGet,
    TablesList,
    TablesInsert,
    TablesPatch,
    TablesDelete,
    TablesTestPermissions,
    InsertAll,
    JobsInsert,
    JobsGet,
    JobsQuery,
}

impl Op {
    pub fn name(self) -> &'static str {
        match self {
            Op::DatasetsGet => "datasets.get",
            Op::DatasetsInsert => "datasets.insert",
            Op::TablesGet => "tables.get",
            Op::TablesList => "tables.list",
            Op::TablesInsert => "tables.insert",
            Op::TablesPatch => "tables.patch",
            Op::TablesDelete => "tables.delete",
            Op::TablesTestPermissions => "tables.testIamPermissions",
            Op::InsertAll => "tabledata.insertAll",
            Op::JobsInsert => "jobs.insert",
            Op::JobsGet => "jobs.get",
            Op::JobsQuery => "jobs.query",
        }
    }

    fn permission(self) -> &'static str {
        match self {
            Op::DatasetsGet => "bigquery.datasets.get",
            Op::DatasetsInsert => "bigquery.datasets.create",
            Op::TablesGet | Op::TablesTestPermissions => "bigquery.tables.get",
            Op::TablesList => "bigquery.tables.list",
            Op::TablesInsert => "bigquery.tables.create",
            Op::TablesPatch => "bigquery.tables.update",
            Op::TablesDelete => "bigquery.tables.delete",
            Op::InsertAll => "bigquery.tables.updateData",
            Op::JobsInsert | Op::JobsQuery => "bigquery.jobs.create",
            Op::JobsGet => "bigquery.jobs.get",
        }
    }
}

/// How the hint begins where BigQuery does not find the project.
pub const NO_PROJECT: &str = "check that the project";

/// Why a request came to nothing.
#[derive(Clone, Debug)]
pub enum CallError {
    /// BigQuery's last word, for the caller to act on: never one that only asks for another try.
    Answer(Answer),
    /// Given up for now, or a person is needed before anything can be asked.
    Warehouse(WarehouseError),
}

impl Client {
    /// What an answer means for a delivery, for the callers that can do nothing about it.
    pub(super) fn fault(&self, op: Op, answer: &Answer) -> WarehouseError {
        let why = format!("{} on {}: {}", op.name(), self.place, answer.describe());
        let hint = match (answer.meaning, &*answer.reason) {
            (Meaning::Quota, _) => return WarehouseError::Later { why, after: super::QUOTA_PARK },
            (Meaning::Again | Meaning::SlowDown | Meaning::Changed | Meaning::Exists, _) => {
                return WarehouseError::Later { why, after: self.backoff_max };
            }
            (Meaning::NotFound, _) if answer.message.contains("Dataset") => {
                format!("make the dataset with `irispool setup --warehouse bigquery:{}`, or correct its name", self.place)
            }
            (Meaning::NotFound, _) => format!("{NO_PROJECT} {} is there, and its name", self.place.project),
            (Meaning::Token, _) => {
                "a fresh token was refused too: check the credentials, and this machine's clock".to_owned()
            }
            (_, "billingNotEnabled") => format!(
                "give the project {} a billing account, or use load jobs, which are free: `--method load`",
                self.place.project
            ),
            (_, "accessDenied") if answer.message.contains("free tier") => {
                "streaming is not part of the free tier: give the project a billing account, or use `--method load`".to_owned()
            }
            (_, "accessDenied" | "forbidden" | "insufficientPermissions") => {
                let permission = named_permission(&answer.message).unwrap_or_else(|| op.permission());
                let role = match permission {
                    "bigquery.datasets.create" => format!(
                        "roles/bigquery.user on the project, or make the dataset by hand: `bq mk --dataset {}:{}`",
                        self.place.project, self.place.name
                    ),
                    jobs if jobs.starts_with("bigquery.jobs.") => {
                        "roles/bigquery.jobUser on the project".to_owned()
                    }
                    _ => "roles/bigquery.dataEditor on the dataset".to_owned(),
                };
                format!("{} lacks {permission}: grant it {role}", self.who())
            }
            (_, "accessNotConfigured") => {
                format!("switch the BigQuery API on: `gcloud services enable bigquery.googleapis.com --project {}`", self.place.project)
            }
            (Meaning::TooLarge, _) => "this is a fault of irispool: please report it".to_owned(),
            _ => "compare the table with what `irispool setup` makes in an empty dataset".to_owned(),
        };
        WarehouseError::Setup { why, hint }
    }

    /// [`Self::fault`] for a whole [`CallError`].
    pub(super) fn explain(&self, op: Op, error: CallError) -> WarehouseError {
        match error {
            CallError::Answer(answer) => self.fault(op, &answer),
            CallError::Warehouse(error) => error,
        }
    }
}

impl Answer {
    /// For people: `403 quotaExceeded: Quota exceeded …`.
    pub fn describe(&self) -> String {
        let text = format!("{} {}: {}", self.status, self.reason, self.message);
        text.replace(" :", ":").trim_end_matches([':', ' ']).to_owned()
    }
}

/// The permission that Google's message names: `… Permission bigquery.tables.get denied on table …`.
fn named_permission(message: &str) -> Option<&str> {
    message
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.')
        .map(|word| word.trim_end_matches('.'))
        .find(|word| word.starts_with("bigquery.") && word.split('.').count() == 3)
}
