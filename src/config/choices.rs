//! The settings that choose one of a few words.

use clap::ValueEnum;

pub use crate::observe::logs::LogFormat;

/// What happens to a field or a value that does not fit its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaPolicy {
    /// A new field becomes a column; a value that does not fit its column is null there and goes to the
    /// column `rescued`, as JSON
    Evolve,
    /// There are no new columns, and both go to `rescued`
    Rescue,
    /// The row goes to `dead/`
    Strict,
}

/// What happens to a delivered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeepPolicy {
    /// irispool deletes it
    None,
    /// irispool moves it to `done/` in the spool
    Done,
    /// irispool packs it into `archive/` in the spool, one file per dataset and day
    Archive,
}

/// How rows go to BigQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MethodSetting {
    /// Backlogs go by load jobs, and irispool streams the rest
    Auto,
    /// irispool streams all rows, which are there within a second or two; Google bills them by volume
    Stream,
    /// All rows go by load jobs, which are free; a table has 1,000 a day, and when they are used up, irispool streams
    Load,
}

/// What irispool posts to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AlertFormat {
    /// An object with every change, its level, its hint and its beginning
    Json,
    /// `{"text": …}` with the same in words, for Slack, Mattermost, and Discord (with /slack at the end of its URL)
    Slack,
}
