//! Which tables and views exist: one request lists all of them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::locks::Unpoisoned;
use crate::warehouse::WarehouseError;
use crate::warehouse::bigquery::api::{CallError, Client, Op, percent_encoded};

const TABLES_PER_PAGE: u32 = 1000;
/// After this time, views and historic tables may have been created since the list was made.
const RECENT: Duration = Duration::from_secs(60);

/// The list of all tables and views in the dataset. The first question about a table fetches it.
pub(super) struct TableListing {
    client: Arc<Client>,
    last: Mutex<Option<ListedTables>>,
}

/// The tables and views that existed at one moment.
struct ListedTables {
    at: Instant,
    /// By name what BigQuery calls the kind of each, such as `VIEW`; empty if it does not say it. `None` if they can't
    /// be listed.
    kinds: Option<HashMap<String, String>>,
}

impl ListedTables {
    fn new(kinds: Option<HashMap<String, String>>) -> ListedTables {
        ListedTables { at: Instant::now(), kinds }
    }

    fn is_recent(&self) -> bool {
        self.at.elapsed() <= RECENT
    }
}

impl TableListing {
    pub(super) fn new(client: Arc<Client>) -> TableListing {
        TableListing { client, last: Mutex::default() }
    }

    /// The names of all tables and views, listed now; `None` if the dataset does not exist.
    pub(super) fn fetch_names(&self) -> Result<Option<HashSet<String>>, WarehouseError> {
        let kinds = self.fetch().map_err(|error| self.client.explain(Op::TablesList, error))?;
        Ok(kinds.map(|kinds| kinds.into_keys().collect()))
    }

    fn fetch(&self) -> Result<Option<HashMap<String, String>>, CallError> {
        let mut kinds = HashMap::new();
        let mut page = String::new();
        loop {
            let name = &self.client.bq_dataset().name;
            let path = format!("datasets/{name}/tables?maxResults={TABLES_PER_PAGE}{page}");
            let answer = match self.client.get(Op::TablesList, &path) {
                Ok(answer) => answer,
                Err(CallError::Refused(refusal)) if refusal.is_missing_in_project() => return Ok(None),
                Err(error) => return Err(error),
            };
            let tables = answer["tables"].as_array().map_or(&[][..], Vec::as_slice);
            kinds.extend(tables.iter().filter_map(|table| {
                let name = table["tableReference"]["tableId"].as_str()?;
                Some((name.to_owned(), table["type"].as_str().unwrap_or_default().to_owned()))
            }));
            match answer["nextPageToken"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => page = format!("&pageToken={}", percent_encoded(token)),
                None => return Ok(Some(kinds)),
            }
        }
    }

    /// Whether a table or view is in the list, which the first call fetches. `None`: the tables can't be listed.
    ///
    /// # Errors
    /// If BigQuery can't be asked at all. Only the call that fetches the list fails; the others see that it is missing.
    pub(super) fn has(&self, name: &str) -> Result<Option<bool>, WarehouseError> {
        let mut last = self.last.lock().unpoisoned();
        if last.as_ref().is_none_or(|listed| listed.kinds.is_none() && !listed.is_recent()) {
            let kinds = self.fetch();
            *last = Some(ListedTables::new(None));
            match kinds {
                Ok(kinds) => *last = Some(ListedTables::new(kinds)),
                Err(CallError::Refused(refusal)) => {
                    let why = refusal.describe();
                    tracing::debug!(why, "the tables can't be listed: each is asked for by itself");
                }
                Err(CallError::Warehouse(error)) => return Err(error),
            }
        }
        let kinds = last.as_ref().and_then(|listed| listed.kinds.as_ref());
        Ok(kinds.map(|kinds| kinds.contains_key(name)))
    }

    /// The names in the list, if it is recent.
    pub(super) fn recent_names(&self) -> Option<HashSet<String>> {
        let last = self.last.lock().unpoisoned();
        let kinds = last.as_ref().filter(|listed| listed.is_recent())?.kinds.as_ref()?;
        Some(kinds.keys().cloned().collect())
    }

    /// The kind of a table or view by the list, such as `VIEW`, if the list says it.
    pub(super) fn kind_of(&self, name: &str) -> Option<String> {
        let last = self.last.lock().unpoisoned();
        last.as_ref()?.kinds.as_ref()?.get(name).filter(|kind| !kind.is_empty()).cloned()
    }
}
