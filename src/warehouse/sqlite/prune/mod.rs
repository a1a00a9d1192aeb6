//! Deletes old messages while workers write and people read.
//!
//! A message goes as a whole, its rows and its line in `irispool_load_history` in one transaction. So a prune that is
//! killed has deleted some messages and not others, and the next one continues. A message is old if it was loaded
//! long ago, which its line and its rows (`ingested_utc`) both say. Only messages with a line are deleted. Rows of a
//! historic table, rows of other programs and rows without a message have no line.
//!
//! Transactions are short. Each deletes as much as took some tens of milliseconds the last time, and then leaves as
//! much time to others.
//!
//! A line says where its message's rows are. If VACUUM has renumbered them, their count shows it, and the prune first
//! corrects the lines of that table by reading the table once.
//!
//! - `scope`: what is to be pruned
//! - `pruner`: prunes table by table
//! - `delete`: deletes the oldest messages of one table

mod delete;
mod pruner;
mod scope;

pub use pruner::Pruner;
pub use scope::{Prune, Pruned};
