//! `irispool query`: asks the warehouse in its own SQL.
//!
//! | file | what it is for |
//! |---|---|
//! | `args` | the arguments |
//! | `run` | what the command does |
//! | `named_query` | the queries that come with irispool |
//! | `print` | prints the rows of a query in one of the formats |
//! | `output_format` | the formats |
//! | `screen_answer` | rows for people: a table, or records |
//! | `records` | one row as a record: one field a line |
//! | `csv_answer`, `json_answer` | rows for programs |
//! | `value_text` | a value as text |
//! | `error` | the errors |

mod args;
mod csv_answer;
mod error;
mod json_answer;
mod named_query;
mod output_format;
mod print;
mod records;
mod run;
mod screen_answer;
mod value_text;

pub use args::QueryArgs;
pub use output_format::OutputFormat;
pub use print::{Printed, print};
pub(super) use run::{print_to_stdout, run};
