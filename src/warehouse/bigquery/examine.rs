//! What `irispool check` asks of BigQuery. Nothing is changed by it, and nothing of it costs anything.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::{Answer, Meaning};
use super::fault::{CallError, Op};
use super::sql::quoted;
use super::table::table_of;
use super::tables::table_path;
use super::{BigQuery, BqDataset};
use crate::catalog;
use crate::warehouse::WarehouseError;

/// What a run may not lack, each with what it is for.
const OF_TABLES: [(&str, &str); 3] = [
    ("bigquery.tables.updateData", "adds rows"),
    ("bigquery.tables.update", "adds columns and changes views"),
    ("bigquery.tables.getData", "lets the views be made, and asked"),
];

/// Something that Google must allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Such as `bigquery.tables.create`.
    pub name: &'static str,
    /// What it is for, behind its name: `makes tables and views`.
    pub does: &'static str,
    pub answer: Allowed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    Yes,
    No {
        /// How to get it.
        hint: String,
    },
    /// It can't be found out without changing something, or not now.
    Unknown {
        why: String,
    },
}

/// A table that is there and can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableTable {
    pub why: String,
    pub hint: String,
}

impl BigQuery {
    /// Which credentials were found, and where; nothing secret.
    pub fn credentials(&self) -> String {
        let environment = &self.shared.options.environment;
        let whence = match (&environment.emulator_host, &environment.credentials_file) {
            (Some(_), _) => ", as BIGQUERY_EMULATOR_HOST is set",
            (None, Some(_)) => ", which GOOGLE_APPLICATION_CREDENTIALS names",
            (None, None) => "",
        };
        format!("{}{whence}", self.client().auth.describe())
    }

    /// Whether no credentials were found, so that they are this machine's own, if it has any.
    pub fn credentials_are_assumed(&self) -> bool {
        self.client().auth.is_of_machine()
    }

    /// The address of the API.
    pub fn address(&self) -> &str {
        self.client().address()
    }

    /// What the server's clock says, in ms since 1970 UTC, asked without credentials; none where it does not say.
    ///
    /// # Errors
    /// When there is no answer at all.
    pub fn server_time(&self) -> Result<Option<i64>, WarehouseError> {
        self.client().server_time()
    }

    /// Fetches a token. False: none is asked for.
    pub fn sign_in(&self) -> Result<bool, WarehouseError> {
        self.client().sign_in()
    }

    /// The names of all tables and views, in lower case; `None` where the dataset is not there.
    pub fn names(&self) -> Result<Option<BTreeSet<String>>, WarehouseError> {
        let names = self.shared.all_tables()?;
        Ok(names.map(|names| names.iter().map(|name| name.to_ascii_lowercase()).collect()))
    }

    /// Every permission that a run takes. `names`: the tables that there are, where that is known.
    pub fn permissions(&self, names: Option<&BTreeSet<String>>) -> Vec<Permission> {
        let known = names.and_then(|names| {
            let ours = |name: &&String| name.starts_with("bmrs_") && name.ends_with("_iris");
            names.iter().find(ours).cloned()
        });
        let dataset = format!("datasets/{}", self.place().name);
        let tables = format!("{dataset}/tables?maxResults=1");
        // Of a table that is not there the answer is 404 only to who may ask.
        let table = table_path(self.client(), known.as_deref().unwrap_or("irispool_check"));
        let mut permissions = vec![
            self.asked(Op::DatasetsGet, "bigquery.datasets.get", "finds the dataset", &dataset),
            self.asked(Op::TablesList, "bigquery.tables.list", "finds tables", &tables),
            self.asked(Op::TablesGet, "bigquery.tables.get", "reads a table's columns", &table),
            self.tried("bigquery.jobs.create", "runs load jobs and queries", "SELECT 1"),
            self.tried("bigquery.tables.create", "makes tables and views", &self.new_table_sql()),
        ];
        permissions.extend(self.of_table(known.as_deref()));
        permissions
    }

    fn new_table_sql(&self) -> String {
        let BqDataset { project, name: dataset } = self.place();
        let table = quoted(&format!("{project}.{dataset}.irispool_check"));
        format!("CREATE TABLE IF NOT EXISTS {table} (x INT64)")
    }

    /// A question that takes just this permission.
    fn asked(&self, op: Op, name: &'static str, does: &'static str, path: &str) -> Permission {
        Permission { name, does, answer: self.judged(op, self.client().get(op, path)) }
    }

    /// A dry run: BigQuery analyses the statement and looks at who asks, and does nothing.
    fn tried(&self, name: &'static str, does: &'static str, sql: &str) -> Permission {
        let body = json!({"query": sql, "useLegacySql": false, "dryRun": true});
        let answer = self.judged(Op::JobsQuery, self.client().post(Op::JobsQuery, "queries", &body));
        Permission { name, does, answer }
    }

    fn judged(&self, op: Op, answer: Result<Value, CallError>) -> Allowed {
        match answer {
            Ok(_) => Allowed::Yes,
            Err(CallError::Answer(Answer { meaning: Meaning::NotFound, message, .. }))
                if op == Op::TablesGet && !message.contains("Not found: Dataset") =>
            {
                Allowed::Yes
            }
            Err(CallError::Answer(answer)) if answer.status == 403 && answer.meaning == Meaning::Refused => {
                match self.client().fault(op, &answer) {
                    WarehouseError::Setup { hint, .. } => Allowed::No { hint },
                    WarehouseError::Later { why, .. } => Allowed::Unknown { why },
                }
            }
            Err(CallError::Answer(answer)) => Allowed::Unknown { why: answer.describe() },
            Err(CallError::Warehouse(error)) => Allowed::Unknown { why: error.to_string() },
        }
    }

    /// What may be done with a table, which Google tells of a table that is there.
    fn of_table(&self, table: Option<&str>) -> Vec<Permission> {
        let all = |answer: &dyn Fn(&'static str) -> Allowed| {
            let permission = |(name, does)| Permission { name, does, answer: answer(name) };
            OF_TABLES.map(permission).to_vec()
        };
        let Some(table) = table else {
            let why = "it is asked of a table, and there is none yet";
            return all(&|_| Allowed::Unknown { why: why.to_owned() });
        };
        let path = format!("{}:testIamPermissions", table_path(self.client(), table));
        let body = json!({"permissions": OF_TABLES.map(|(name, _)| name)});
        let answer = match self.client().post(Op::TablesTestPermissions, &path, &body) {
            Ok(answer) => answer,
            Err(error) => {
                let why = match error {
                    CallError::Answer(answer) => answer.describe(),
                    CallError::Warehouse(error) => error.to_string(),
                };
                return all(&|_| Allowed::Unknown { why: why.clone() });
            }
        };
        let granted = answer["permissions"].as_array().cloned().unwrap_or_default();
        all(&|name| match granted.iter().any(|granted| granted == name) {
            true => Allowed::Yes,
            false => {
                let who = self.client().who();
                Allowed::No { hint: format!("grant {who} roles/bigquery.dataEditor on the dataset") }
            }
        })
    }

    /// Those of the tables for IRIS rows that irispool can't use as they are.
    pub fn unusable_tables(&self, names: &BTreeSet<String>) -> Result<Vec<UnusableTable>, WarehouseError> {
        let datasets: Vec<String> = names
            .iter()
            .filter_map(|name| name.strip_prefix("bmrs_")?.strip_suffix("_iris"))
            .map(catalog::dataset_name)
            .collect();
        let client = self.client();
        let found = self.for_all(&datasets, |dataset| {
            let path = table_path(client, &catalog::table_name(dataset));
            let resource = match client.get(Op::TablesGet, &path) {
                Ok(resource) => resource,
                // Somebody has just removed it.
                Err(CallError::Answer(Answer { meaning: Meaning::NotFound, .. })) => return Ok(None),
                Err(error) => return Err(client.explain(Op::TablesGet, error)),
            };
            Ok(match table_of(client, dataset, &resource) {
                Err(WarehouseError::Setup { why, hint }) => Some(UnusableTable { why, hint }),
                _ => None,
            })
        })?;
        Ok(found.into_iter().flatten().collect())
    }
}
