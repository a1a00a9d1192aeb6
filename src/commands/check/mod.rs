//! `irispool check`: checks whether a run has everything it needs, and changes nothing.
//!
//! | file | what it is for |
//! |---|---|
//! | `run` | runs all checks and prints what they found |
//! | `line`, `screen` | a line of the answer, and how the lines are drawn |
//! | `spool`, `rights` | the spool: its folders, and what this user may do in them |
//! | `client` | whether Elexon's client runs, and its secret |
//! | `machine` | the clock and the limit on open files |
//! | `sqlite`, `bigquery`, `tables` | the warehouse, and the tables and views in it |
//! | `outputs` | what a worker writes or serves besides rows: alerts, the log, the PID file, HTTP |
//! | `disk`, `access` | what several checks ask about a folder |

mod access;
mod bigquery;
mod client;
mod disk;
mod line;
mod machine;
mod outputs;
mod rights;
mod run;
mod screen;
mod spool;
mod sqlite;
mod tables;

pub(super) use run::{CheckArgs, run};
