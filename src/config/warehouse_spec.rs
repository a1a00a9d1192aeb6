//! The warehouse as the settings name it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::guess;
use super::kind::ValueKind;
use super::texts::{FilePath, parse_path};
use crate::bq_dataset::BqDataset;

/// A warehouse: `sqlite:PATH` or `bigquery:PROJECT.DATASET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WarehouseSpec {
    /// The file of the database.
    Sqlite(PathBuf),
    /// The dataset of BigQuery.
    BigQuery(BqDataset),
}

impl WarehouseSpec {
    /// How long a row waits for others to be sent with it, unless the setting `flush_interval` says so.
    ///
    /// With BigQuery, each table with new rows takes one request in each interval. About sixty tables are busy all the
    /// time, so an interval of 1 s stays below 90 requests a second.
    pub fn usual_flush_interval(&self) -> Duration {
        match self {
            WarehouseSpec::Sqlite(_) => Duration::from_millis(200),
            WarehouseSpec::BigQuery(_) => Duration::from_secs(1),
        }
    }
}

impl fmt::Display for WarehouseSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WarehouseSpec::Sqlite(file) => write!(out, "sqlite:{}", file.display()),
            WarehouseSpec::BigQuery(bq_dataset) => write!(out, "bigquery:{bq_dataset}"),
        }
    }
}

impl ValueKind for WarehouseSpec {
    type Value = WarehouseSpec;
    const PLACEHOLDER: &'static str = "WAREHOUSE";

    fn name() -> String {
        "`sqlite:PATH` or `bigquery:PROJECT.DATASET`".to_owned()
    }

    fn right() -> String {
        "sqlite:PATH or bigquery:PROJECT.DATASET".to_owned()
    }

    fn parse(text: &str) -> Option<WarehouseSpec> {
        if let Some(file) = text.strip_prefix("sqlite:") {
            // SQLite takes `file:` for a URL, and `:memory:` for a database that dies with the process.
            let is_special = file.starts_with(":memory:") || file.starts_with("file:");
            return (!is_special).then(|| parse_path(file)).flatten().map(WarehouseSpec::Sqlite);
        }
        text.strip_prefix("bigquery:")?.parse().ok().map(WarehouseSpec::BigQuery)
    }

    fn show(warehouse: &WarehouseSpec) -> toml::Value {
        warehouse.to_string().into()
    }

    fn guess(text: &str) -> Option<String> {
        guess::warehouse(text).filter(|meant| WarehouseSpec::parse(meant).is_some())
    }

    fn map_paths(warehouse: &mut WarehouseSpec, change: &dyn Fn(&Path) -> PathBuf) {
        if let WarehouseSpec::Sqlite(file) = warehouse {
            FilePath::map_paths(file, change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warehouse_that_is_written_another_way_is_guessed() {
        for (written, meant) in [
            ("bigquery:p:d", Some("bigquery:p.d")),
            ("bigquery:example.com:p:d", Some("bigquery:example.com:p.d")),
            ("bigquery:p/d", Some("bigquery:p.d")),
            ("bigquery://p/d", Some("bigquery:p.d")),
            ("bq:p.d", Some("bigquery:p.d")),
            ("BigQuery:p.d", Some("bigquery:p.d")),
            ("my-project.elexon", Some("bigquery:my-project.elexon")),
            ("irispool.db", Some("sqlite:irispool.db")),
            ("/srv/JJ work/iris.db", Some("sqlite:/srv/JJ work/iris.db")),
            ("./iris", Some("sqlite:./iris")),
            ("sqlite:///srv/iris.db", Some("sqlite:/srv/iris.db")),
            ("SQLite:iris.db", Some("sqlite:iris.db")),
            ("sqlite3:iris.db", Some("sqlite:iris.db")),
            ("bigquery:project", None),
            ("bigquery:my_project.elexon", None),
            ("sqlite:", None),
            ("", None),
        ] {
            assert_eq!(WarehouseSpec::guess(written).as_deref(), meant, "{written}");
        }
    }
}
