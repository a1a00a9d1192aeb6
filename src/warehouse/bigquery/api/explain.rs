//! Turns refusals into errors for people: what failed, where, and which permission, name or setting is missing.

use std::time::Duration;

use super::op::Op;
use super::refusal::{Meaning, Refusal};
use crate::bq_dataset::BqDataset;
use crate::warehouse::WarehouseError;

/// How long a table waits after its quota is spent.
const QUOTA_PARK: Duration = Duration::from_secs(5 * 60);

/// How the hint begins if BigQuery does not find the project.
pub(crate) const NO_PROJECT: &str = "check that the project";

/// The error for a refusal that the caller can do nothing about. `who` is irispool's identity at Google, and
/// `retry_after` the delay before a request that may succeed later.
pub(super) fn explain_refusal(
    bq_dataset: &BqDataset,
    who: &str,
    retry_after: Duration,
    op: Op,
    refusal: &Refusal,
) -> WarehouseError {
    let BqDataset { project, name } = bq_dataset;
    let why = format!("{} on {bq_dataset}: {}", op.name(), refusal.describe());
    let hint = match (refusal.meaning, &*refusal.reason) {
        (Meaning::Quota, _) => return WarehouseError::Later { why, after: QUOTA_PARK },
        (Meaning::Again | Meaning::SlowDown | Meaning::Changed | Meaning::Exists, _) => {
            return WarehouseError::Later { why, after: retry_after };
        }
        (Meaning::NotFound, _) if refusal.message.contains("Dataset") => {
            format!("make the dataset with `irispool setup --warehouse bigquery:{bq_dataset}`, or correct its name")
        }
        (Meaning::NotFound, _) => format!("{NO_PROJECT} {project} is there, and its name"),
        (Meaning::Token, _) => {
            "a fresh token was refused too: check the credentials, and this machine's clock".to_owned()
        }
        (_, "billingNotEnabled") => format!(
            "give the project {project} a billing account, or use load jobs, which are free: `--method load`"
        ),
        (_, "accessDenied") if refusal.message.contains("free tier") => {
            "streaming is not part of the free tier: give the project a billing account, or use `--method load`"
                .to_owned()
        }
        (_, "accessDenied" | "forbidden" | "insufficientPermissions") => {
            let permission = named_permission(&refusal.message).unwrap_or_else(|| op.permission());
            let role = match permission {
                "bigquery.datasets.create" => format!(
                    "roles/bigquery.user on the project, or make the dataset by hand: `bq mk --dataset {project}:{name}`"
                ),
                jobs if jobs.starts_with("bigquery.jobs.") => {
                    "roles/bigquery.jobUser on the project".to_owned()
                }
                _ => "roles/bigquery.dataEditor on the dataset".to_owned(),
            };
            format!("{who} lacks {permission}: grant it {role}")
        }
        (_, "accessNotConfigured") => format!(
            "switch the BigQuery API on: `gcloud services enable bigquery.googleapis.com --project {project}`"
        ),
        (Meaning::TooLarge, _) => "this is a bug in irispool: please report it".to_owned(),
        _ => "compare the table with what `irispool setup` makes in an empty dataset".to_owned(),
    };
    WarehouseError::Setup { why, hint }
}

/// The permission that Google's message names: `… Permission bigquery.tables.get denied on table …`.
fn named_permission(message: &str) -> Option<&str> {
    message
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.')
        .map(|word| word.trim_end_matches('.'))
        .find(|word| word.starts_with("bigquery.") && word.split('.').count() == 3)
}
