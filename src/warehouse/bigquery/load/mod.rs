//! Delivers whole batches by load jobs, which BigQuery runs exactly once.
//!
//! | file | what it is for |
//! |---|---|
//! | `load_state` | which backlogs go by load jobs, and what all jobs share |
//! | `budget` | how many jobs a table may still have today |
//! | `attempts` | one batch as one load job, tried again under new ids |
//! | `job` | one load job by its id |
//! | `file` | the file with the rows of a job |

mod attempts;
mod budget;
mod file;
mod job;
mod load_state;

pub(super) use self::attempts::BatchLoad;
pub(super) use self::load_state::LoadState;
