//! The layers of settings: what the file, the environment and the command line say.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use toml::{Spanned, Value};

use super::error::ConfigError;
use super::guess;
use super::origin::SettingOrigin;
use super::setting::VARIABLE_PREFIX;
use super::settings::settings;
use crate::secret::HIDDEN;

/// The file of settings in the working folder.
const USUAL_FILE: &str = "irispool.toml";

/// The variable that names another file of settings.
const FILE_VARIABLE: &str = "IRISPOOL_CONFIG";

/// What `alert_command` finds in its environment. They are not settings, and they are not refused, because otherwise
/// the command could not run irispool.
pub const HOOK_VARIABLES: [&str; 9] = [
    "IRISPOOL_ALERT_REASON",
    "IRISPOOL_ALERT_LEVEL",
    "IRISPOOL_ALERT_HOST",
    "IRISPOOL_ALERT_SPOOL",
    "IRISPOOL_ALERT_TEXT",
    "IRISPOOL_ALERT_NEW",
    "IRISPOOL_ALERT_WORSE",
    "IRISPOOL_ALERT_BETTER",
    "IRISPOOL_ALERT_CLEARED",
];

/// A setting on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The name of the setting.
    pub name: &'static str,
    /// The flag as it was typed, such as `--batch-rows`.
    pub flag: String,
    /// The value as it was typed.
    pub value: String,
}

/// What one layer says, by the name of the setting. A name may be unknown.
pub(super) type Layer = BTreeMap<String, GivenValue>;

/// A value, and where it was written.
pub(super) struct GivenValue {
    pub(super) value: Value,
    /// The value as it was written there.
    pub(super) written: String,
    pub(super) origin: SettingOrigin,
}

impl GivenValue {
    fn text(text: String, origin: SettingOrigin) -> GivenValue {
        let is_bare = !text.is_empty() && !text.contains(char::is_whitespace);
        let written = if is_bare { text.clone() } else { format!("{text:?}") };
        GivenValue { value: Value::String(text), written, origin }
    }
}

/// The layers, the weakest first.
///
/// `file` is the file that the command line names, and `environment` is all variables of the process.
///
/// # Errors
/// If the file cannot be read or is not TOML, or if a variable is not UTF-8.
pub(super) fn layers(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &[Flag],
) -> Result<[Layer; 3], ConfigError> {
    let mut variables = variables_of_irispool(environment)?;
    let file_of_environment = variables.remove(FILE_VARIABLE);
    let of_file = match (file, &file_of_environment) {
        (Some(file), _) => named_file_layer(file, "named by --config")?,
        (None, Some(file)) => named_file_layer(Path::new(file), "named by IRISPOOL_CONFIG")?,
        (None, None) => usual_file_layer()?,
    };
    Ok([of_file, environment_layer(variables), flags_layer(flags)])
}

fn variables_of_irispool(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for (variable, value) in environment {
        // A name that is not UTF-8 is still refused as unknown, because no setting has its replacement characters.
        let variable = variable.to_string_lossy().into_owned();
        if variable.starts_with(VARIABLE_PREFIX) && !HOOK_VARIABLES.contains(&variable.as_str()) {
            let Ok(value) = value.into_string() else { return Err(ConfigError::NotText { variable }) };
            variables.insert(variable, value);
        }
    }
    Ok(variables)
}

fn named_file_layer(file: &Path, whence: &'static str) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
        file: file.to_owned(),
        whence,
        source,
    })?;
    file_layer(file, &text)
}

fn usual_file_layer() -> Result<Layer, ConfigError> {
    match std::fs::read_to_string(USUAL_FILE) {
        Ok(text) => file_layer(Path::new(USUAL_FILE), &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Layer::new()),
        Err(source) => Err(ConfigError::Unreadable {
            file: USUAL_FILE.into(),
            whence: "looked for in the working folder",
            source,
        }),
    }
}

fn file_layer(file: &Path, text: &str) -> Result<Layer, ConfigError> {
    let line_at = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
    let table: BTreeMap<Spanned<String>, Value> = toml::from_str(text).map_err(|error| {
        let line = line_at(error.span().map_or(0, |span| span.start));
        ConfigError::NotToml {
            file: file.to_owned(),
            line,
            why: error.message().to_owned(),
            meant: text.lines().nth(line - 1).and_then(with_quotes),
        }
    })?;
    let given = table.into_iter().map(|(name, value)| {
        let origin = SettingOrigin::File { path: file.to_owned(), line: line_at(name.span().start) };
        let written = value.to_string();
        (name.into_inner(), GivenValue { value, written, origin })
    });
    Ok(given.collect())
}

/// The line with its value in quotes, if these make it right. It does not repeat a secret.
fn with_quotes(line: &str) -> Option<String> {
    let (name, value) = guess::in_quotes(line)?;
    let is_secret = settings().iter().any(|setting| setting.name == name && setting.is_secret);
    Some(if is_secret { format!("{name} = \"{HIDDEN}\"") } else { format!("{name} = {value}") })
}

fn environment_layer(variables: BTreeMap<String, String>) -> Layer {
    let given = variables.into_iter().map(|(variable, text)| {
        let name = &variable[VARIABLE_PREFIX.len()..];
        // Only one spelling is a setting, so that no two variables can mean the same setting.
        let name =
            if name == name.to_ascii_uppercase() { name.to_ascii_lowercase() } else { name.to_owned() };
        (name, GivenValue::text(text, SettingOrigin::Environment { variable }))
    });
    given.collect()
}

fn flags_layer(flags: &[Flag]) -> Layer {
    let given = flags.iter().map(|flag| {
        let origin = SettingOrigin::Flag { flag: flag.flag.clone() };
        (flag.name.to_owned(), GivenValue::text(flag.value.clone(), origin))
    });
    given.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_without_quotes_is_not_repeated() {
        let meant = with_quotes("alert_webhook = https://example.com/key");
        assert_eq!(meant.as_deref(), Some("alert_webhook = \"…\""));
    }
}
