//! Tests through the modules' public faces: the parser, the queue and both warehouses, each by itself.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod bigquery_answers;
mod bigquery_credentials;
mod bigquery_emulator;
mod bigquery_left_alone;
mod bigquery_load_jobs;
mod bigquery_sql;
mod bigquery_sql_rows;
mod bigquery_stream;
mod bigquery_tables;
mod message_answers;
mod message_encode;
mod message_properties;
mod message_warehouses;
mod spool;
mod sqlite_faults;
mod sqlite_left_alone;
mod sqlite_load;
mod sqlite_queries;
mod sqlite_tables;
#[path = "../support/mod.rs"]
mod support;
mod tidy;
mod views_cases;
mod views_oracle;
