//! What can be wrong with the settings, in words for whoever set them.

use std::io;
use std::path::PathBuf;

use super::guess;
use super::load::Origin;
use crate::exit::{Exit, Explain};

/// Why there is no [`super::Config`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}, {whence}", .file.display())]
    Unreadable {
        file: PathBuf,
        /// Why this file: `named by --config`.
        whence: &'static str,
        source: io::Error,
    },

    #[error("{}, line {line}: {why}", .file.display())]
    NotToml {
        file: PathBuf,
        line: usize,
        why: String,
        /// The line as it may have been meant.
        meant: Option<String>,
    },

    #[error("{}", unknown(.origin, .name))]
    UnknownKey {
        /// As it was written.
        name: String,
        origin: Origin,
        hint: String,
    },

    #[error("the environment variable {variable} is not UTF-8")]
    NotText { variable: String },

    #[error("{} should be {}", setting(.0), .0.right)]
    BadValue(Box<BadValue>),
}

/// A value that its key does not take.
#[derive(Debug)]
pub struct BadValue {
    pub key: String,
    /// As it was written.
    pub value: String,
    pub origin: Origin,
    /// What would be right.
    pub right: String,
    /// The value that the key has by itself.
    pub default: String,
}

impl Explain for ConfigError {
    fn hint(&self) -> Option<String> {
        match self {
            ConfigError::NotToml { meant: Some(meant), .. } => Some(format!("put quotes about it: {meant}")),
            ConfigError::NotToml { .. } => {
                Some("irispool.example.toml shows how settings are written".into())
            }
            ConfigError::UnknownKey { hint, .. } => Some(hint.clone()),
            ConfigError::Unreadable { .. } | ConfigError::NotText { .. } => None,
            ConfigError::BadValue(bad) => {
                let default = format!("left out, it is {}", bad.default);
                // What is no secret only, and what is beyond the limits is of the right kind.
                Some(match guess::value(&bad.key, &bad.value, &bad.right) {
                    Some(meant) => format!("{default}\ndid you mean {meant}?"),
                    None => default,
                })
            }
        }
    }

    fn exit(&self) -> Exit {
        match self {
            ConfigError::BadValue(bad) if matches!(bad.origin, Origin::Flag { .. }) => Exit::Usage,
            _ => Exit::CannotRun,
        }
    }
}

fn unknown(origin: &Origin, name: &str) -> String {
    match origin {
        Origin::Environment { variable } => format!("the environment variable {variable} is no setting"),
        Origin::File { .. } | Origin::Flag { .. } | Origin::Default => {
            format!("{origin}: {name} is no setting")
        }
    }
}

fn setting(BadValue { origin, key, value, .. }: &BadValue) -> String {
    match origin {
        Origin::Environment { variable } => format!("the environment variable {variable}={value}"),
        Origin::Flag { flag } => format!("{flag} {value}"),
        Origin::File { .. } | Origin::Default => format!("{origin}: {key} = {value}"),
    }
}
