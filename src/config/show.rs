//! The settings in effect, as a file that could be `irispool.toml`.

use super::Loaded;
use crate::observe::plain;

impl Loaded {
    /// Every setting as TOML, one a line, each with a comment that says where it comes from.
    pub fn to_toml(&self) -> String {
        let table = toml::Table::try_from(&self.config)
            .expect("settings were read as text, so they can be written so");
        let settings: Vec<(&String, String)> =
            table.iter().map(|(key, value)| (key, format!("{key} = {value}"))).collect();
        let width = settings.iter().map(|(_, setting)| setting.chars().count()).max().unwrap_or(0);
        settings
            .iter()
            .map(|(key, setting)| format!("{setting:width$}  # {}\n", plain(&self.origin(key).to_string())))
            .collect()
    }
}
