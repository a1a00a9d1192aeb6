//! Which tables and views there are: one request for all of them.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::Shared;
use super::answer::{Answer, Meaning};
use super::fault::{CallError, Op};
use super::query::percent_encoded;
use crate::warehouse::WarehouseError;

const TABLES_A_PAGE: u32 = 1000;
/// What was listed so long ago may have got views and histories since.
const LISTED_AGE_MAX: Duration = Duration::from_secs(60);

/// The tables and views that there were.
pub(super) struct Listed {
    at: Instant,
    /// What BigQuery calls the kind of each, such as `VIEW`; empty where it does not say. None where they could not be
    /// listed.
    names: Option<HashMap<String, String>>,
}

impl Listed {
    fn is_old(&self) -> bool {
        self.at.elapsed() > LISTED_AGE_MAX
    }
}

impl Shared {
    /// The names of all tables and views, with their kinds; `None` where the dataset is not there.
    fn table_names(&self) -> Result<Option<HashMap<String, String>>, CallError> {
        let mut names = HashMap::new();
        let mut page = String::new();
        loop {
            let dataset = &self.client.place.name;
            let path = format!("datasets/{dataset}/tables?maxResults={TABLES_A_PAGE}{page}");
            let answer = match self.client.get(Op::TablesList, &path) {
                Ok(answer) => answer,
                Err(CallError::Answer(Answer { meaning: Meaning::NotFound, message, .. }))
                    if !message.contains("Not found: Project") =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            let tables = answer["tables"].as_array().map_or(&[][..], Vec::as_slice);
            names.extend(tables.iter().filter_map(|table| {
                let name = table["tableReference"]["tableId"].as_str()?;
                Some((name.to_owned(), table["type"].as_str().unwrap_or_default().to_owned()))
            }));
            match answer["nextPageToken"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => page = format!("&pageToken={}", percent_encoded(token)),
                None => return Ok(Some(names)),
            }
        }
    }

    pub(super) fn all_tables(&self) -> Result<Option<HashSet<String>>, WarehouseError> {
        let names = self.table_names().map_err(|error| self.client.explain(Op::TablesList, error))?;
        Ok(names.map(|names| names.into_keys().collect()))
    }

    /// Whether a table or view is in the list of all that there was when one was first asked for, which takes one
    /// request for all of them. `None`: they can't be listed.
    ///
    /// # Errors
    /// For the one who asks first when BigQuery can't be asked at all; the others find out by themselves.
    pub(super) fn is_listed(&self, name: &str) -> Result<Option<bool>, WarehouseError> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if listed.as_ref().is_none_or(|listed| listed.names.is_none() && listed.is_old()) {
            let names = self.table_names();
            *listed = Some(Listed { at: Instant::now(), names: None });
            match names {
                Ok(names) => *listed = Some(Listed { at: Instant::now(), names }),
                Err(CallError::Answer(answer)) => {
                    let why = answer.describe();
                    tracing::debug!(why, "the tables can't be listed: each is asked for by itself");
                }
                Err(CallError::Warehouse(error)) => return Err(error),
            }
        }
        let names = listed.as_ref().and_then(|listed| listed.names.as_ref());
        Ok(names.map(|names| names.contains_key(name)))
    }

    /// The tables and views that there were a moment ago, where that is known.
    pub(super) fn listed_lately(&self) -> Option<HashSet<String>> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let names = listed.as_ref().filter(|listed| !listed.is_old())?.names.as_ref()?;
        Some(names.keys().cloned().collect())
    }

    /// What the list of all that there was calls the kind of a thing, where it says it.
    pub(super) fn listed_kind(&self, name: &str) -> Option<String> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.as_ref()?.names.as_ref()?.get(name).filter(|kind| !kind.is_empty()).cloned()
    }
}
