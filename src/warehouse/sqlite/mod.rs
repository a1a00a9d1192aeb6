//! The embedded warehouse: one SQLite file that several workers write and anybody reads.
//!
//! Exactly once: a message's line in `irispool_load_history` is committed with its rows, and a message that is there
//! with the same content is not loaded again. A commit is on the disk when it returns (WAL, `synchronous=FULL`).
//!
//! One connection of a process writes, behind a mutex; processes take turns by `BEGIN IMMEDIATE`. Statements name their
//! columns, so another process may add columns at any time.
//!
//! The tables, views and queries are SQL files in `sql/sqlite/`.

mod checks;
mod columns;
mod connection;
mod database;
mod error;
mod history;
mod load;
mod metrics;
mod names;
mod old_views;
mod own_views;
mod prune;
mod reader;
mod tables;
mod text;
mod views;

pub use checks::{Integrity, integrity, may_write, wal_works};
pub use database::Sqlite;
pub use prune::{Prune, Pruned, Pruner};
pub use reader::Reader;
