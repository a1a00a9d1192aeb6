//! Where the value of a setting comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a setting is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingOrigin {
    /// Nowhere: it has its default.
    Default,
    /// In a file of settings. The first line is 1.
    File { path: PathBuf, line: usize },
    /// In an environment variable.
    Environment { variable: String },
    /// On the command line.
    Flag { flag: String },
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingOrigin::Default => write!(out, "default"),
            SettingOrigin::File { path, line } => write!(out, "{}, line {line}", path.display()),
            SettingOrigin::Environment { variable } => write!(out, "environment variable {variable}"),
            SettingOrigin::Flag { flag } => write!(out, "flag {flag}"),
        }
    }
}
