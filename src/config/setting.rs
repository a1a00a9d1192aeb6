//! One row of the table of settings, and the macro that makes [`super::Config`] of the rows.

use clap::ValueHint;
use clap::builder::PossibleValue;
use toml::Value;

use super::kind::ValueKind;

/// What the variables of settings begin with.
pub(super) const VARIABLE_PREFIX: &str = "IRISPOOL_";

/// Which commands have a setting as a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takers {
    /// Every command.
    Every,
    /// These commands.
    Only(&'static [&'static str]),
}

/// All that is said of a setting in one place.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file, such as `batch_rows`.
    pub name: &'static str,
    /// The flag, such as `--batch-rows`.
    pub flag: String,
    /// The environment variable, such as `IRISPOOL_BATCH_ROWS`.
    pub variable: String,
    /// The heading that the setting belongs under.
    pub group: &'static str,
    /// The default, as TOML.
    pub default: &'static str,
    /// The least and the greatest value, as they are written outside TOML.
    pub range: Option<(&'static str, &'static str)>,
    /// Which commands have the flag.
    pub takers: Takers,
    /// What the setting does, in one line of Markdown without a full stop.
    pub summary: &'static str,
    /// What else there is to say, in whole sentences of Markdown; empty if nothing.
    pub details: String,
    /// The name of the kind of value, in Markdown.
    pub kind: String,
    /// A word that stands beside the other values, such as `off`.
    pub word: Option<&'static str>,
    pub(super) placeholder: &'static str,
    pub(super) completion: ValueHint,
    pub(super) is_secret: bool,
    pub(super) choices: Vec<PossibleValue>,
}

/// Why a value is wrong.
pub(super) struct WrongValue {
    /// What is right, after "should be".
    pub(super) right: String,
    /// The value that was perhaps meant.
    pub(super) meant: Option<String>,
}

impl Setting {
    /// A row. Its `doc` has the summary in the first line, an empty line, and the details.
    pub(super) fn of<K: ValueKind>(
        name: &'static str,
        group: &'static str,
        default: &'static str,
        takers: Takers,
        doc: &[&'static str],
    ) -> Setting {
        let [summary, details @ ..] = doc else { unreachable!("each setting has a doc") };
        let details: Vec<&str> =
            details.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        Setting {
            name,
            flag: format!("--{}", name.replace('_', "-")),
            variable: format!("{VARIABLE_PREFIX}{}", name.to_ascii_uppercase()),
            group,
            default,
            range: None,
            takers,
            summary: summary.trim(),
            details: details.join(" "),
            kind: K::name(),
            word: K::WORD,
            placeholder: K::PLACEHOLDER,
            completion: K::COMPLETION,
            is_secret: K::IS_SECRET,
            choices: K::choices(),
        }
    }

    /// The row with a least and a greatest value, which are TOML.
    pub(super) fn within(self, least: &'static str, greatest: &'static str) -> Setting {
        Setting { range: Some((least.trim_matches('"'), greatest.trim_matches('"'))), ..self }
    }

    /// Reads a value and checks it.
    pub(super) fn read<K: ValueKind>(&self, value: &Value) -> Result<K::Value, WrongValue> {
        let Some(read) = K::read(value) else {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            return Err(WrongValue { right: K::right(), meant: K::guess(&text) });
        };
        let limit = |text| K::parse(text).and_then(|value| K::amount(&value)).expect("a limit is an amount");
        match (self.range, K::amount(&read)) {
            (Some((least, greatest)), Some(amount))
                if !(limit(least)..=limit(greatest)).contains(&amount) =>
            {
                Err(WrongValue { right: format!("from {least} to {greatest}"), meant: None })
            }
            _ => Ok(read),
        }
    }

    /// The default without the quotes of TOML, as it is typed.
    pub(super) fn default_text(&self) -> &'static str {
        self.default.trim_matches('"')
    }

    /// Reads the default.
    pub(super) fn read_default<K: ValueKind>(&self) -> K::Value {
        let value: Value = self.default.parse().expect("a default is TOML");
        K::read(&value).expect("a default is a value of its kind")
    }
}

/// Makes `Config`, with a field for each row, and the table of the rows themselves.
///
/// A row is its doc, then `name: ValueKind = default from least to greatest, flag of COMMANDS;`, without the limits if
/// there are none.
macro_rules! settings {
    ($(
        group $group:literal {
            $(
                $(#[doc = $doc:literal])+
                $name:ident: $kind:ty = $default:tt $(from $least:literal to $greatest:literal)?, flag of $takers:ident;
            )+
        }
    )+) => {
        /// Every setting, checked and ready to use.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Config {
            $($($(#[doc = $doc])+ pub $name: <$kind as ValueKind>::Value,)+)+
        }

        static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| vec![$($(
            Setting::of::<$kind>(stringify!($name), $group, stringify!($default), $takers, &[$($doc),+])
                $(.within(stringify!($least), stringify!($greatest)))?,
        )+)+]);

        impl Default for Config {
            fn default() -> Config {
                Config { $($($name: setting(stringify!($name)).read_default::<$kind>(),)+)+ }
            }
        }

        impl Config {
            /// Takes the value of a setting from TOML.
            pub(super) fn set(&mut self, setting: &Setting, value: &toml::Value) -> Result<(), WrongValue> {
                match setting.name {
                    $($(stringify!($name) => self.$name = setting.read::<$kind>(value)?,)+)+
                    other => unreachable!("{other} is not a row"),
                }
                Ok(())
            }

            /// The value of a setting as TOML, so that it reads as the same value.
            pub fn value(&self, setting: &Setting) -> toml::Value {
                match setting.name {
                    $($(stringify!($name) => <$kind as ValueKind>::show(&self.$name),)+)+
                    other => unreachable!("{other} is not a row"),
                }
            }

            /// The settings with absolute paths. A printed path can then be pasted anywhere, and keys and labels with
            /// paths in them are the same for every process.
            pub fn with_absolute_paths(mut self) -> Config {
                let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                settings().iter().for_each(|setting| self.map_paths(setting, &absolute));
                self
            }

            /// Changes the file paths in the value of a setting.
            pub(super) fn map_paths(&mut self, setting: &Setting, change: &dyn Fn(&Path) -> PathBuf) {
                match setting.name {
                    $($(stringify!($name) => <$kind as ValueKind>::map_paths(&mut self.$name, change),)+)+
                    other => unreachable!("{other} is not a row"),
                }
            }
        }
    };
}

pub(super) use settings;
