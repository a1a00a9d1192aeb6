//! What can be wrong with the settings, in words for the user who set them.

use std::io;
use std::path::PathBuf;

use super::origin::SettingOrigin;
use crate::exit::{Exit, Explain};

/// Why there is no [`super::Config`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file of settings cannot be read.
    #[error("cannot read {}, {whence}", .file.display())]
    Unreadable {
        file: PathBuf,
        /// Why irispool reads this file, such as "named by --config".
        whence: &'static str,
        source: io::Error,
    },

    /// The file of settings is not TOML.
    #[error("{}, line {line}: {why}", .file.display())]
    NotToml {
        file: PathBuf,
        line: usize,
        why: String,
        /// The line as it may have been meant.
        meant: Option<String>,
    },

    /// There is no setting of this name.
    #[error("{}", unknown(.origin, .name))]
    UnknownSetting {
        /// The name as it was written.
        name: String,
        origin: SettingOrigin,
        hint: String,
    },

    /// The value of a variable is not UTF-8.
    #[error("the environment variable {variable} is not UTF-8")]
    NotText { variable: String },

    /// The value is of the wrong kind or out of range.
    #[error("{} should be {}", written(.0), .0.right)]
    BadValue(Box<BadValue>),
}

/// A value that its setting does not take.
#[derive(Debug)]
pub struct BadValue {
    /// The name of the setting.
    pub name: &'static str,
    /// The value as it was written, unless it is a secret.
    pub value: String,
    /// Where it was written.
    pub origin: SettingOrigin,
    /// What is right.
    pub right: String,
    /// The default, as TOML.
    pub default: &'static str,
    /// The value that was perhaps meant.
    pub meant: Option<String>,
}

impl Explain for ConfigError {
    fn hint(&self) -> Option<String> {
        match self {
            ConfigError::NotToml { meant: Some(meant), .. } => {
                Some(format!("put the value in quotes: {meant}"))
            }
            ConfigError::NotToml { .. } => {
                Some("irispool.example.toml shows how settings are written".to_owned())
            }
            ConfigError::UnknownSetting { hint, .. } => Some(hint.clone()),
            ConfigError::Unreadable { .. } | ConfigError::NotText { .. } => None,
            ConfigError::BadValue(bad) => {
                let default = format!("the default is {}", bad.default);
                Some(match &bad.meant {
                    Some(meant) => format!("{default}\ndid you mean {meant}?"),
                    None => default,
                })
            }
        }
    }

    fn exit(&self) -> Exit {
        match self {
            ConfigError::BadValue(bad) if matches!(bad.origin, SettingOrigin::Flag { .. }) => Exit::Usage,
            _ => Exit::CannotRun,
        }
    }
}

fn unknown(origin: &SettingOrigin, name: &str) -> String {
    match origin {
        SettingOrigin::Environment { variable } => format!("unknown environment variable {variable}"),
        _ => format!("{origin}: unknown setting `{name}`"),
    }
}

fn written(BadValue { origin, name, value, .. }: &BadValue) -> String {
    match origin {
        SettingOrigin::Environment { variable } => format!("the environment variable {variable}={value}"),
        SettingOrigin::Flag { flag } => format!("{flag} {value}"),
        SettingOrigin::File { .. } | SettingOrigin::Default => format!("{origin}: {name} = {value}"),
    }
}
