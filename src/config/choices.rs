//! The settings that choose one of a few words.

use clap::ValueEnum;

pub use crate::observe::logs::LogFormat;

/// What happens to a field or a value that does not fit its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaPolicy {
    /// A new field becomes a column; a value that does not fit its column goes to `rescued`
    Evolve,
    /// Both go to `rescued`
    Rescue,
    /// The row goes to dead
    Strict,
}

/// What happens to a delivered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeepPolicy {
    /// Delete it
    None,
    /// Move it to `done/` in the spool
    Done,
    /// Pack it into one file a day in `archive/` in the spool
    Archive,
}

/// How rows go to BigQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeliveryMethod {
    /// Backlogs go by load jobs, and irispool streams the rest
    Auto,
    /// irispool streams all rows
    Stream,
    /// All rows go by load jobs, until a table has used up its jobs of the day
    Load,
}

/// What irispool posts to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AlertFormat {
    /// An object with every change, its level, its hint and its beginning
    Json,
    /// The same in words, for Slack, Mattermost, and Discord (with /slack at the end of its URL)
    Slack,
}
