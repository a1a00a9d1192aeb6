//! Makes one [`Config`] of the layers, and checks every value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::error::{BadValue, ConfigError};
use super::guess;
use super::layers::{Flag, GivenValue, Layer, layers};
use super::loaded::LoadedConfig;
use super::origin::SettingOrigin;
use super::setting::{Setting, WrongValue};
use super::settings::{Config, settings};
use crate::secret::HIDDEN;

/// Reads and checks the settings.
///
/// `file` is the file that the command line names, and `environment` is all variables of the process.
///
/// # Errors
/// The first mistake that is found; see [`ConfigError`].
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &[Flag],
) -> Result<LoadedConfig, ConfigError> {
    let layers = layers(file, environment, flags)?;
    layers.iter().try_for_each(refuse_unknown)?;
    let mut config = Config::default();
    let mut origins = BTreeMap::new();
    for setting in settings() {
        let Some(given) = layers.iter().rev().find_map(|layer| layer.get(setting.name)) else { continue };
        config.set(setting, &given.value).map_err(|wrong| bad_value(setting, given, wrong))?;
        if let SettingOrigin::File { path, .. } = &given.origin
            && let Some(folder) = path.parent()
        {
            config.map_paths(setting, &|path| folder.join(path));
        }
        origins.insert(setting.name, given.origin.clone());
    }
    Ok(LoadedConfig { config, origins })
}

fn refuse_unknown(layer: &Layer) -> Result<(), ConfigError> {
    let is_known = |name: &str| settings().iter().any(|setting| setting.name == name);
    match layer.iter().find(|(name, _)| !is_known(name)) {
        Some((name, given)) => Err(ConfigError::UnknownSetting {
            name: name.clone(),
            origin: given.origin.clone(),
            hint: hint_for_unknown(name, given),
        }),
        None => Ok(()),
    }
}

fn hint_for_unknown(name: &str, given: &GivenValue) -> String {
    if given.value.is_table() {
        return format!("settings do not belong to a section: delete the line `[{name}]`");
    }
    let like = name.to_ascii_lowercase().replace('-', "_");
    let nearest = guess::nearest(&like, settings().iter().map(|setting| setting.name));
    match settings().iter().find(|setting| Some(setting.name) == nearest) {
        Some(setting) if matches!(given.origin, SettingOrigin::Environment { .. }) => {
            format!("did you mean {}?", setting.variable)
        }
        Some(setting) => format!("did you mean `{}`?", setting.name),
        None => "irispool config lists the settings, and irispool.example.toml explains them".to_owned(),
    }
}

fn bad_value(setting: &Setting, given: &GivenValue, wrong: WrongValue) -> ConfigError {
    ConfigError::BadValue(Box::new(BadValue {
        name: setting.name,
        value: if setting.is_secret { HIDDEN.to_owned() } else { given.written.clone() },
        origin: given.origin.clone(),
        right: wrong.right,
        default: setting.default,
        meant: wrong.meant,
    }))
}
