//! `irispool status`: whether data flows, at a glance and as an exit code.
//!
//! | file | what it is for |
//! |---|---|
//! | `run` | the arguments, and what the command does |
//! | `report` | what was found out at one moment |
//! | `screen`, `client`, `datasets` | the screen, what it says of the client, and its table of datasets |
//! | `watch` | `--watch`: the screen again and again |
//! | `alert` | `--alert` and `--alert-test` |

mod alert;
mod client;
mod datasets;
mod report;
mod run;
mod screen;
mod watch;

pub(super) use report::StatusReport;
pub(super) use run::StatusArgs;
pub(super) use run::run;
pub(super) use screen::verdict;
