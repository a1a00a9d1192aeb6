//! Requests about the dataset in BigQuery as a whole.

use serde_json::json;

use super::call_error::CallError;
use super::client::Client;
use super::op::Op;
use super::refusal::{Meaning, Refusal};
use crate::bq_dataset::BqDataset;
use crate::warehouse::WarehouseError;

/// The location of the dataset, such as `EU`; `None` if BigQuery does not say it. Each call makes a request.
pub(crate) fn location(client: &Client) -> Result<Option<String>, WarehouseError> {
    let bq_dataset =
        client.get(Op::DatasetsGet, &path(client)).map_err(|error| client.explain(Op::DatasetsGet, error))?;
    Ok(bq_dataset["location"].as_str().map(str::to_owned))
}

/// Creates the dataset in this location if it does not exist. True: it did not exist.
pub(crate) fn create(client: &Client, location: Option<&str>) -> Result<bool, WarehouseError> {
    // A user who may do everything in this dataset may still not create datasets: BigQuery would refuse the request
    // although the dataset exists.
    match client.get(Op::DatasetsGet, &path(client)) {
        Ok(_) => return Ok(false),
        Err(CallError::Refused(refusal)) if refusal.is_missing_in_project() => {}
        Err(error) => return Err(client.explain(Op::DatasetsGet, error)),
    }
    let BqDataset { project, name } = client.bq_dataset();
    let mut resource = json!({"datasetReference": {"projectId": project, "datasetId": name}});
    if let Some(location) = location {
        resource["location"] = location.into();
    }
    match client.post(Op::DatasetsInsert, "datasets", &resource) {
        Ok(_) => Ok(true),
        Err(CallError::Refused(Refusal { meaning: Meaning::Exists, .. })) => Ok(false),
        Err(error) => Err(client.explain(Op::DatasetsInsert, error)),
    }
}

fn path(client: &Client) -> String {
    format!("datasets/{}", client.bq_dataset().name)
}
