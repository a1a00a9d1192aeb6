//! Deleting what is old, while workers write and people read.
//!
//! A message goes as a whole, its rows and its line in `irispool_load_history` in one transaction; so a prune that is
//! killed has deleted some messages and not others, and the next one goes on. What is old is told by when it was loaded,
//! which its line and its rows (`ingested_utc`) say alike. Only what has a line is touched: rows of a historic table, of
//! other programs, or with no message, have none.
//!
//! Transactions are short: each deletes as much as took some tens of milliseconds the last time, and after it others have
//! as long.
//!
//! A line says where its message's rows are. Where VACUUM has numbered them anew, that is found out by their count, and
//! the lines of that table are put right first, by reading it once.

mod delete;
mod pruner;
mod scope;

pub use pruner::Pruner;
pub use scope::{Prune, Pruned};
