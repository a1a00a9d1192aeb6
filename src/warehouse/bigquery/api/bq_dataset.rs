//! The name of a dataset in BigQuery.

use std::fmt;

use crate::warehouse::WarehouseError;

/// A dataset in BigQuery: a Google project, and a dataset in it. `Display` writes `PROJECT.DATASET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BqDataset {
    /// The Google project, such as `my-project` or `example.com:my-project`.
    pub project: String,
    /// The name of the dataset in the project, such as `elexon`.
    pub name: String,
}

impl BqDataset {
    /// The dataset `name` in `project`. The names are not checked.
    pub fn new(project: impl Into<String>, name: impl Into<String>) -> BqDataset {
        BqDataset { project: project.into(), name: name.into() }
    }

    /// Reads `PROJECT.DATASET`, with or without `bigquery:` before it.
    ///
    /// # Errors
    /// [`WarehouseError::Setup`] if the text is not the name of a project and a dataset.
    pub fn parse(spec: &str) -> Result<BqDataset, WarehouseError> {
        let text = spec.strip_prefix("bigquery:").unwrap_or(spec);
        let is_project = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte))
        };
        let is_name = |text: &str| {
            (1..=1024).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match text.rsplit_once('.') {
            Some((project, name)) if is_project(project) && is_name(name) => {
                Ok(BqDataset::new(project, name))
            }
            _ => Err(WarehouseError::Setup {
                why: format!("`{text}` is not a BigQuery project and dataset"),
                hint: "write --warehouse bigquery:PROJECT.DATASET, for instance bigquery:my-project.elexon"
                    .into(),
            }),
        }
    }

    /// The full name of a table or view, `PROJECT.DATASET.TABLE`.
    pub(crate) fn full_name(&self, table: &str) -> String {
        format!("{self}.{table}")
    }
}

impl fmt::Display for BqDataset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.project, self.name)
    }
}
