//! The settings in effect, and where each comes from.

use std::collections::BTreeMap;

use super::origin::SettingOrigin;
use super::settings::{Config, settings};
use crate::observe::plain;

/// The settings, and where each comes from.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    /// The settings.
    pub config: Config,
    /// Where each setting comes from that is not left at its default.
    pub(super) origins: BTreeMap<&'static str, SettingOrigin>,
}

impl LoadedConfig {
    /// The settings after a change that does not change where they come from.
    pub fn map(self, change: impl FnOnce(Config) -> Config) -> LoadedConfig {
        LoadedConfig { config: change(self.config), origins: self.origins }
    }

    /// Where the setting comes from.
    pub fn origin(&self, name: &str) -> &SettingOrigin {
        self.origins.get(name).unwrap_or(&SettingOrigin::Default)
    }

    /// Where the settings come from that are not left at their defaults.
    pub fn origins(&self) -> impl Iterator<Item = &SettingOrigin> {
        self.origins.values()
    }

    /// Every setting as TOML, one a line, each with a comment that says where it comes from. The text could be
    /// `irispool.toml`.
    pub fn to_toml(&self) -> String {
        let lines: Vec<(&str, String)> = settings()
            .iter()
            .map(|setting| (setting.name, format!("{} = {}", setting.name, self.config.value(setting))))
            .collect();
        let width = lines.iter().map(|(_, line)| line.chars().count()).max().unwrap_or(0);
        lines
            .iter()
            .map(|(name, line)| format!("{line:width$}  # {}\n", plain(&self.origin(name).to_string())))
            .collect()
    }
}
