//! The layers, and which of them each setting comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::Serialized;
use toml::Spanned;

use super::error::BadValue;
use super::limits::beyond;
use super::secret::{HIDDEN, SECRET_KEYS};
use super::{Config, ConfigError};

const FILE: &str = "irispool.toml";
const PREFIX: &str = "IRISPOOL_";
const FILE_VARIABLE: &str = "IRISPOOL_CONFIG";

/// What `alert_command` finds in its environment: no settings, or it could not run irispool itself.
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

/// A setting typed on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The key in [`Config`].
    pub key: String,
    /// As it is typed: `--batch-rows`.
    pub flag: String,
    pub value: String,
}

/// Where a setting stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment { variable: String },
    Flag { flag: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => write!(out, "default"),
            Origin::File { path, line } => write!(out, "{}, line {line}", path.display()),
            Origin::Environment { variable } => write!(out, "environment variable {variable}"),
            Origin::Flag { flag } => write!(out, "flag {flag}"),
        }
    }
}

/// The settings, and where each comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    layers: Vec<Layer>,
}

impl Loaded {
    pub fn map(self, change: impl FnOnce(Config) -> Config) -> Loaded {
        Loaded { config: change(self.config), layers: self.layers }
    }

    pub fn origin(&self, key: &str) -> &Origin {
        given(&self.layers, key).map_or(&Origin::Default, |given| &given.origin)
    }
}

impl Loaded {
    /// Where the settings that are not left at their defaults stand.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.layers.iter().flat_map(|layer| layer.values()).map(|given| &given.origin)
    }
}

type Layer = BTreeMap<String, Given>;

/// What one layer says of one key.
#[derive(Clone, Debug)]
struct Given {
    value: toml::Value,
    /// The value as it was written there.
    written: String,
    origin: Origin,
}

/// Reads and checks the settings.
///
/// `file` is the one that the command line names; `environment` is all of the process's variables.
///
/// # Errors
/// The first fault that is found; see [`ConfigError`].
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &[Flag],
) -> Result<Loaded, ConfigError> {
    let mut variables = of_irispool(environment)?;
    let file_of_environment = variables.remove(FILE_VARIABLE);
    let layers = vec![
        match (file, &file_of_environment) {
            (Some(file), _) => named_file_layer(file, "named by --config")?,
            (None, Some(file)) => named_file_layer(Path::new(file), "named by IRISPOOL_CONFIG")?,
            (None, None) => usual_file_layer()?,
        },
        environment_layer(variables),
        flags_layer(flags),
    ];
    refuse_unknown(&layers)?;
    let mut config = extract(&layers)?;
    if let Some((key, right)) = beyond(&config) {
        return Err(bad_value(key, right, &layers));
    }
    if let Some(folder) = folder_of_file(&layers, "spool") {
        config.spool = folder.join(config.spool);
    }
    if let Some(folder) = folder_of_file(&layers, "warehouse") {
        config.warehouse = config.warehouse.within(folder);
    }
    for (key, path) in [("pid_file", &mut config.pid_file), ("log_file", &mut config.log_file)] {
        if let (Some(folder), Some(path)) = (folder_of_file(&layers, key), path) {
            *path = folder.join(&*path);
        }
    }
    Ok(Loaded { config, layers })
}

fn of_irispool(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for (variable, value) in environment {
        // A name that is not UTF-8 stays distinct enough to be refused as unknown.
        let variable = variable.to_string_lossy().into_owned();
        if variable.starts_with(PREFIX) && !HOOK_VARIABLES.contains(&variable.as_str()) {
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
    match std::fs::read_to_string(FILE) {
        Ok(text) => file_layer(Path::new(FILE), &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Layer::new()),
        Err(source) => Err(ConfigError::Unreadable {
            file: FILE.into(),
            whence: "looked for in the working folder",
            source,
        }),
    }
}

fn file_layer(file: &Path, text: &str) -> Result<Layer, ConfigError> {
    let line_at = |place: usize| text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1;
    let table: BTreeMap<Spanned<String>, toml::Value> =
        toml::from_str(text).map_err(|error| ConfigError::NotToml {
            file: file.to_owned(),
            line: line_at(error.span().map_or(0, |span| span.start)),
            why: error.message().to_owned(),
        })?;
    let given = table.into_iter().map(|(key, value)| {
        let origin = Origin::File { path: file.to_owned(), line: line_at(key.span().start) };
        let written = value.to_string();
        (key.into_inner(), Given { value, written, origin })
    });
    Ok(given.collect())
}

fn environment_layer(variables: BTreeMap<String, String>) -> Layer {
    let given = variables.into_iter().map(|(variable, text)| {
        let name = &variable[PREFIX.len()..];
        // Only the one spelling is a setting, so that no two variables can mean the same key.
        let key = if name == name.to_ascii_uppercase() { name.to_ascii_lowercase() } else { name.to_owned() };
        (key, Given::text(text, Origin::Environment { variable }))
    });
    given.collect()
}

fn flags_layer(flags: &[Flag]) -> Layer {
    let given = flags.iter().map(|flag| {
        let origin = Origin::Flag { flag: flag.flag.clone() };
        (flag.key.clone(), Given::text(flag.value.clone(), origin))
    });
    given.collect()
}

impl Given {
    fn text(text: String, origin: Origin) -> Given {
        let bare = !text.is_empty() && !text.contains(char::is_whitespace);
        let written = if bare { text.clone() } else { format!("{text:?}") };
        Given { value: toml::Value::String(text), written, origin }
    }
}

/// What the strongest layer that has the key says of it.
fn given<'a>(layers: &'a [Layer], key: &str) -> Option<&'a Given> {
    layers.iter().rev().find_map(|layer| layer.get(key))
}

fn folder_of_file<'a>(layers: &'a [Layer], key: &str) -> Option<&'a Path> {
    match &given(layers, key)?.origin {
        Origin::File { path, .. } => path.parent(),
        _ => None,
    }
}

fn refuse_unknown(layers: &[Layer]) -> Result<(), ConfigError> {
    let keys: BTreeSet<String> = defaults().keys().cloned().collect();
    for (name, given) in layers.iter().flatten() {
        if !keys.contains(name) {
            let hint = hint_for_unknown(name, &given.origin, &keys);
            return Err(ConfigError::UnknownKey { name: name.clone(), origin: given.origin.clone(), hint });
        }
    }
    Ok(())
}

fn hint_for_unknown(name: &str, origin: &Origin, keys: &BTreeSet<String>) -> String {
    let written = |key: &String| match origin {
        Origin::Environment { .. } => format!("{PREFIX}{}", key.to_ascii_uppercase()),
        _ => key.clone(),
    };
    let likeness = |key: &String| strsim::jaro_winkler(key, &name.to_ascii_lowercase().replace('-', "_"));
    let nearest = keys.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|key| likeness(key) > 0.8) {
        Some(key) => format!("did you mean {}?", written(key)),
        None => format!("the settings are {}", keys.iter().map(written).collect::<Vec<_>>().join(", ")),
    }
}

fn extract(layers: &[Layer]) -> Result<Config, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    for layer in layers {
        let values: BTreeMap<&String, &toml::Value> =
            layer.iter().map(|(key, given)| (key, &given.value)).collect();
        figment = figment.merge(Serialized::defaults(values));
    }
    figment.extract().map_err(|error| {
        let right = match &error.kind {
            Kind::InvalidType(_, right) | Kind::InvalidValue(_, right) => right.clone(),
            other => other.to_string(),
        };
        bad_value(&error.path.join("."), right, layers)
    })
}

fn bad_value(key: &str, right: String, layers: &[Layer]) -> ConfigError {
    let given = given(layers, key).expect("the defaults are right, so a wrong value was given");
    ConfigError::BadValue(Box::new(BadValue {
        key: key.to_owned(),
        value: if SECRET_KEYS.contains(&key) { HIDDEN.to_owned() } else { given.written.clone() },
        origin: given.origin.clone(),
        right,
        default: defaults().get(key).map(ToString::to_string).unwrap_or_default(),
    }))
}

/// The defaults, by key, in the order of [`Config`].
fn defaults() -> toml::Table {
    toml::Table::try_from(Config::default()).expect("the defaults can be written as TOML")
}
