//! The views of a dataset as they should be, by the tables that exist.

use super::live_table::LiveTable;
use super::table_resource::fetch;
use super::views::{self, View};
use crate::catalog;
use crate::warehouse::bigquery::api::{CallError, Client, Meaning, Op};
use crate::warehouse::left_alone::with_article;
use crate::warehouse::{LeftAlone, WarehouseError};

/// A dataset's views as they should be.
pub(super) struct DatasetViews {
    pub(super) unified: View,
    pub(super) latest: Option<View>,
    /// The historic table that the unified view reads.
    pub(super) history: Option<String>,
    /// The user's tables and views that the unified view does not read as history.
    pub(super) left: Vec<LeftAlone>,
}

impl DatasetViews {
    /// Finds the dataset's historic table, and writes the views. `may_exist` says of a table's name whether the table
    /// may exist at all.
    pub(super) fn find(
        client: &Client,
        dataset: &str,
        iris: &LiveTable,
        may_exist: impl Fn(&str) -> bool,
    ) -> Result<DatasetViews, WarehouseError> {
        let mut left = Vec::new();
        let mut historic = None;
        for name in catalog::historic_table_names(dataset) {
            if historic.is_some() || !may_exist(&name) {
                continue;
            }
            let why = match fetch(client, &name) {
                Ok(None) => continue,
                Ok(Some(resource)) => match resource["type"].as_str() {
                    // Only a table counts. A view may read irispool's own views, and would then show every row twice or
                    // make a circle. An external table may lose its files at any time.
                    None | Some("TABLE") => {
                        historic = Some(LiveTable::of_resource(&name, &resource));
                        continue;
                    }
                    Some(kind) => format!("is {}", with_article(&kind_in_words(kind))),
                },
                Err(CallError::Refused(refusal)) if refusal.meaning == Meaning::Refused => {
                    format!("can't be read ({})", refusal.describe())
                }
                Err(error) => return Err(client.explain(Op::TablesGet, error)),
            };
            left.push(LeftAlone::history(dataset, &name, &catalog::view_name(dataset), &why));
        }
        Ok(DatasetViews::new(client, dataset, iris, historic.as_ref(), left))
    }

    fn new(
        client: &Client,
        dataset: &str,
        iris: &LiveTable,
        historic: Option<&LiveTable>,
        left: Vec<LeftAlone>,
    ) -> DatasetViews {
        let bq_dataset = client.bq_dataset();
        DatasetViews {
            unified: views::unified(bq_dataset, dataset, iris, historic),
            latest: views::latest(bq_dataset, dataset, iris, historic),
            history: historic.map(|historic| historic.name.clone()),
            left,
        }
    }

    /// The same views without the historic table, whose rows can't be read for the reason `why`.
    pub(super) fn without_history(
        mut self,
        client: &Client,
        dataset: &str,
        iris: &LiveTable,
        why: &str,
    ) -> DatasetViews {
        if let Some(history) = &self.history {
            self.left.push(LeftAlone::history(dataset, history, &self.unified.name, why));
        }
        DatasetViews::new(client, dataset, iris, None, self.left)
    }
}

/// BigQuery's name of a kind in words: `MATERIALIZED_VIEW` is a `materialized view`.
pub(super) fn kind_in_words(kind: &str) -> String {
    match kind {
        "EXTERNAL" => "external table".to_owned(),
        "SNAPSHOT" => "table snapshot".to_owned(),
        other => other.to_ascii_lowercase().replace('_', " "),
    }
}
