//! The queries that come with irispool. Each is there in the SQL of both warehouses under one name: the files in
//! `sql/sqlite/queries` and `sql/bigquery/queries`.

use super::error::StatementError;
use crate::config::WarehouseSpec;

/// A query that comes with irispool.
pub(super) struct NamedQuery {
    /// The name of its files, without the ending.
    pub(super) name: &'static str,
    sqlite: &'static str,
    bigquery: &'static str,
}

macro_rules! named_queries {
    ($($name:literal),* $(,)?) => {
        &[$(NamedQuery {
            name: $name,
            sqlite: include_str!(concat!("../../../sql/sqlite/queries/", $name, ".sql")),
            bigquery: include_str!(concat!("../../../sql/bigquery/queries/", $name, ".sql")),
        }),*]
    };
}

/// All queries that come with irispool, by name.
pub(super) const NAMED_QUERIES: &[NamedQuery] = named_queries![
    "duplicates",
    "frequency_by_minute",
    "freshness",
    "freshness_by_table",
    "gaps_and_overlaps",
    "generation_by_fuel_today",
    "generation_mix_now",
    "generation_newest_first",
    "ingestion_rate",
    "latest_acceptances",
    "repeats",
    "rescued_values",
    "sources_side_by_side",
    "table_sizes",
    "unified_views",
    "volume_by_source",
];

impl NamedQuery {
    /// The query of that name.
    ///
    /// # Errors
    /// If there is none. The error has the name that is most like it.
    pub(super) fn find(name: &str) -> Result<&'static NamedQuery, StatementError> {
        const LIKENESS_MIN: f64 = 0.7;
        if let Some(query) = NAMED_QUERIES.iter().find(|query| query.name == name) {
            return Ok(query);
        }
        let asked = name.to_ascii_lowercase().replace(['-', ' '], "_");
        let asked = asked.strip_suffix(".sql").unwrap_or(&asked);
        let likenesses =
            NAMED_QUERIES.iter().map(|query| (strsim::jaro_winkler(query.name, asked), query.name));
        let nearest = likenesses.max_by(|one, other| one.0.total_cmp(&other.0));
        let near = nearest.filter(|(likeness, _)| *likeness > LIKENESS_MIN).map(|(_, name)| name);
        Err(StatementError::UnknownName { name: name.to_owned(), near })
    }

    /// Its SQL for that warehouse, as it is in the file.
    pub(super) fn sql(&self, warehouse: &WarehouseSpec) -> &'static str {
        match warehouse {
            WarehouseSpec::Sqlite(_) => self.sqlite,
            WarehouseSpec::BigQuery(_) => self.bigquery,
        }
    }

    /// What it answers: the first line of the files, which is a comment.
    pub(super) fn answers(&self) -> &'static str {
        self.sqlite.lines().next().unwrap_or_default().trim_start_matches("-- ")
    }
}
