//! When rows of each dataset arrived, and how often they usually do.
//!
//! SQLite's ledger knows when rows arrived. BigQuery charges for such a query. So, if the warehouse is BigQuery, the
//! workers note in the spool what they deliver. This is the flow log, and only people are shown what it says: a line
//! that cannot be read is passed over, a file that cannot be written costs a minute of the log, and so does a killed
//! worker.
//!
//! - `dataset_flow`: the rows of one dataset.
//! - `rhythm`: how often rows usually arrive.
//! - `ledger`: the rows that SQLite's ledger has.
//! - `log_line`: a line of the flow log.
//! - `log_files`: the files of the flow log, one for each day.
//! - `log_writer`: adds lines to the flow log.
//! - `log_reader`: adds up the lines of the flow log.
//! - `last_row_file`: when the last row of all arrived, which the other sources forget after a while.

mod dataset_flow;
pub(super) mod last_row_file;
mod ledger;
mod log_files;
mod log_line;
mod log_reader;
mod log_writer;
mod rhythm;

pub(crate) use dataset_flow::DatasetFlow;
pub(super) use dataset_flow::rhythm_of_all;
pub(super) use ledger::ask_ledger;
pub(super) use log_line::MinuteLog;
pub(super) use log_reader::{OldDays, read_log};
pub(super) use log_writer::FlowLogWriter;
pub(super) use rhythm::Rhythm;
