//! The embedded warehouse: one SQLite file that several workers write and anybody reads.
//!
//! A message is loaded exactly once: its line in `irispool_load_history` is committed with its rows, and a message
//! that is there with the same content is not loaded again. A commit is on the disk when it returns (WAL,
//! `synchronous=FULL`).
//!
//! One connection of a process writes, behind a mutex, and processes take turns by `BEGIN IMMEDIATE`. Statements name
//! their columns, so another process may add columns at any time.
//!
//! The tables, views and queries are SQL files in `sql/sqlite/`.
//!
//! - `database`: the file as a warehouse
//! - `connection`: opening the file while other processes use it
//! - `load`: taking rows
//! - `tables`: completing a dataset's table and views, step by step
//! - `names`: the names of a dataset's table and views
//! - `columns`: which columns a table has, and what each one holds
//! - `history`: the historic table of a dataset
//! - `views`: the SQL of the views
//! - `own_views`: which views to create or change, and which are the user's
//! - `old_views`: the views that irispool 0.1.0 created
//! - `reader`: queries by people
//! - `checks`: what `irispool check` asks
//! - `prune`: deleting old messages
//! - `error`: what SQLite's errors mean
//! - `metrics`: what the database counts
//! - `text`: names and times in SQL

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
pub use reader::SqliteReader;
