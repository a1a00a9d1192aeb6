//! BigQuery.

mod sql;
pub mod views;
