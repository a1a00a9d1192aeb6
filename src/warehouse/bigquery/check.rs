//! What `irispool check` asks BigQuery. It changes nothing and costs nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::{CallError, Client, Meaning, Op};
use super::tables::setup::dataset_of_table;
use super::tables::{KnownTables, for_each_dataset, quoted, read_table, table_path};
use crate::catalog;
use crate::warehouse::WarehouseError;

/// The permissions on tables that a run needs, each with what it is for.
const TABLE_PERMISSIONS: [(&str, &str); 3] = [
    ("bigquery.tables.updateData", "adds rows"),
    ("bigquery.tables.update", "adds columns and changes views"),
    ("bigquery.tables.getData", "lets the views be made, and asked"),
];

/// A permission that a run needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Google's name, such as `bigquery.tables.create`.
    pub name: &'static str,
    /// What it is for, as it follows the name in a sentence: `makes tables and views`.
    pub does: &'static str,
    /// Whether irispool has it.
    pub answer: Allowed,
}

/// Whether irispool has a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// irispool has it.
    Yes,
    /// irispool lacks it.
    No {
        /// How to get it.
        hint: String,
    },
    /// irispool can't find out without changing something, or can't find out now.
    Unknown {
        /// Why irispool can't find out.
        why: String,
    },
}

/// A table that exists and that irispool can't write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableTable {
    /// What is wrong with it, in one sentence.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

/// Which credentials were found and which file has them, without any secret.
pub(super) fn credentials(client: &Client) -> String {
    let environment = &client.options().environment;
    let whence = match (&environment.emulator_host, &environment.credentials_file) {
        (Some(_), _) => ", as BIGQUERY_EMULATOR_HOST is set",
        (None, Some(_)) => ", which GOOGLE_APPLICATION_CREDENTIALS names",
        (None, None) => "",
    };
    format!("{}{whence}", client.credentials())
}

/// The names of all tables and views, in lower case; `None` if the dataset does not exist.
pub(super) fn names(tables: &KnownTables) -> Result<Option<BTreeSet<String>>, WarehouseError> {
    let names = tables.fetch_names()?;
    Ok(names.map(|names| names.iter().map(|name| name.to_ascii_lowercase()).collect()))
}

/// Every permission that a run needs. `names`: the names of all tables, if they are known.
pub(super) fn permissions(client: &Client, names: Option<&BTreeSet<String>>) -> Vec<Permission> {
    let known = names.and_then(|names| {
        let is_own = |name: &&String| name.starts_with("bmrs_") && name.ends_with("_iris");
        names.iter().find(is_own).cloned()
    });
    let bq_dataset = client.bq_dataset();
    let dataset = format!("datasets/{}", bq_dataset.name);
    let tables = format!("{dataset}/tables?maxResults=1");
    // For a table that does not exist, BigQuery answers 404 only to somebody who has the permission.
    let table = table_path(client, known.as_deref().unwrap_or("irispool_check"));
    let new_table =
        format!("CREATE TABLE IF NOT EXISTS {} (x INT64)", quoted(&bq_dataset.full_name("irispool_check")));
    let mut permissions = vec![
        by_request(client, Op::DatasetsGet, "bigquery.datasets.get", "finds the dataset", &dataset),
        by_request(client, Op::TablesList, "bigquery.tables.list", "finds tables", &tables),
        by_request(client, Op::TablesGet, "bigquery.tables.get", "reads a table's columns", &table),
        by_dry_run(client, "bigquery.jobs.create", "runs load jobs and queries", "SELECT 1"),
        by_dry_run(client, "bigquery.tables.create", "makes tables and views", &new_table),
    ];
    permissions.extend(on_table(client, known.as_deref()));
    permissions
}

/// Finds out with a request that needs just this permission.
fn by_request(client: &Client, op: Op, name: &'static str, does: &'static str, path: &str) -> Permission {
    Permission { name, does, answer: allowed_by(client, op, client.get(op, path)) }
}

/// Finds out with a dry run: BigQuery analyses the statement and checks the permissions, and does nothing.
fn by_dry_run(client: &Client, name: &'static str, does: &'static str, sql: &str) -> Permission {
    let body = json!({"query": sql, "useLegacySql": false, "dryRun": true});
    let answer = client.post(Op::JobsQuery, "queries", &body);
    Permission { name, does, answer: allowed_by(client, Op::JobsQuery, answer) }
}

fn allowed_by(client: &Client, op: Op, answer: Result<Value, CallError>) -> Allowed {
    match answer {
        Ok(_) => Allowed::Yes,
        Err(CallError::Refused(refusal))
            if refusal.meaning == Meaning::NotFound
                && op == Op::TablesGet
                && !refusal.message.contains("Not found: Dataset") =>
        {
            Allowed::Yes
        }
        Err(CallError::Refused(refusal)) if refusal.status == 403 && refusal.meaning == Meaning::Refused => {
            match client.explain_refusal(op, &refusal) {
                WarehouseError::Setup { hint, .. } => Allowed::No { hint },
                WarehouseError::Later { why, .. } => Allowed::Unknown { why },
            }
        }
        Err(CallError::Refused(refusal)) => Allowed::Unknown { why: refusal.describe() },
        Err(CallError::Warehouse(error)) => Allowed::Unknown { why: error.to_string() },
    }
}

/// The permissions on a table. BigQuery answers this only about a table that exists.
fn on_table(client: &Client, table: Option<&str>) -> Vec<Permission> {
    let all = |answer: &dyn Fn(&'static str) -> Allowed| {
        let permission = |(name, does)| Permission { name, does, answer: answer(name) };
        TABLE_PERMISSIONS.map(permission).to_vec()
    };
    let Some(table) = table else {
        let why = "it is asked of a table, and there is none yet";
        return all(&|_| Allowed::Unknown { why: why.to_owned() });
    };
    let path = format!("{}:testIamPermissions", table_path(client, table));
    let body = json!({"permissions": TABLE_PERMISSIONS.map(|(name, _)| name)});
    let answer = match client.post(Op::TablesTestPermissions, &path, &body) {
        Ok(answer) => answer,
        Err(error) => {
            let why = match error {
                CallError::Refused(refusal) => refusal.describe(),
                CallError::Warehouse(error) => error.to_string(),
            };
            return all(&|_| Allowed::Unknown { why: why.clone() });
        }
    };
    let granted = answer["permissions"].as_array().cloned().unwrap_or_default();
    all(&|name| match granted.iter().any(|granted| granted == name) {
        true => Allowed::Yes,
        false => {
            let who = client.who();
            Allowed::No { hint: format!("grant {who} roles/bigquery.dataEditor on the dataset") }
        }
    })
}

/// The tables for IRIS rows that irispool can't write to as they are. `names`: the names of all tables.
pub(super) fn unusable_tables(
    client: &Client,
    names: &BTreeSet<String>,
) -> Result<Vec<UnusableTable>, WarehouseError> {
    let datasets: Vec<String> = names.iter().filter_map(|name| dataset_of_table(name)).collect();
    let found = for_each_dataset(client.options().in_flight, &datasets, |dataset| {
        let path = table_path(client, &catalog::table_name(dataset));
        let resource = match client.get(Op::TablesGet, &path) {
            Ok(resource) => resource,
            // Somebody has just deleted it.
            Err(CallError::Refused(refusal)) if refusal.meaning == Meaning::NotFound => return Ok(None),
            Err(error) => return Err(client.explain(Op::TablesGet, error)),
        };
        Ok(match read_table(client.bq_dataset(), dataset, &resource) {
            Err(WarehouseError::Setup { why, hint }) => Some(UnusableTable { why, hint }),
            _ => None,
        })
    })?;
    Ok(found.into_iter().flatten().collect())
}
