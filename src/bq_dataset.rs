//! The name of a dataset in BigQuery, and the only parser of it.

use std::fmt;
use std::str::FromStr;

/// A dataset in BigQuery: a Google project, and a dataset in it. `Display` writes `PROJECT.DATASET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BqDataset {
    /// The id of the Google project, such as `my-project` or `example.com:my-project`.
    pub project: String,
    /// The name of the dataset in the project, such as `elexon`.
    pub name: String,
}

impl BqDataset {
    /// The dataset `name` in `project`. The names are not checked.
    pub fn new(project: impl Into<String>, name: impl Into<String>) -> BqDataset {
        BqDataset { project: project.into(), name: name.into() }
    }

    /// The full name of a table or view, `PROJECT.DATASET.TABLE`.
    pub fn full_name(&self, table: &str) -> String {
        format!("{self}.{table}")
    }
}

/// A text does not name a dataset of BigQuery.
#[derive(Debug, thiserror::Error)]
#[error("not a project and a dataset of BigQuery")]
pub struct NotABqDataset;

impl FromStr for BqDataset {
    type Err = NotABqDataset;

    /// Reads `PROJECT.DATASET`. A project id has letters, digits and hyphens, and may have a domain in front
    /// (`example.com:`). The name of a dataset has up to 1024 letters, digits and underscores.
    /// <https://docs.cloud.google.com/resource-manager/docs/creating-managing-projects>,
    /// <https://docs.cloud.google.com/bigquery/docs/datasets#dataset-naming>
    fn from_str(text: &str) -> Result<BqDataset, NotABqDataset> {
        let is_made_of = |text: &str, others: &[u8]| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
        };
        let is_project = |project: &str| match project.split_once(':') {
            Some((domain, id)) => is_made_of(domain, b"-.") && is_made_of(id, b"-"),
            None => is_made_of(project, b"-"),
        };
        match text.rsplit_once('.') {
            Some((project, name)) if is_project(project) && is_made_of(name, b"_") && name.len() <= 1024 => {
                Ok(BqDataset::new(project, name))
            }
            _ => Err(NotABqDataset),
        }
    }
}

impl fmt::Display for BqDataset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.project, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_project_and_a_dataset_are_taken() {
        for text in ["my-project.elexon", "example.com:p-1.d_2", "p.d"] {
            assert_eq!(text.parse::<BqDataset>().unwrap().to_string(), text);
        }
        for text in
            ["d", "p.", ".d", "p.d e", "p/x.d", "", "p.d-e", "my_project.d", "a.b.c", ":p.d", "bigquery:"]
        {
            assert!(text.parse::<BqDataset>().is_err(), "{text}");
        }
    }
}
