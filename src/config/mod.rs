//! The settings: one [`Config`], made of the defaults, `irispool.toml`, the environment and the flags.
//!
//! - `settings.rs`: the table, one row for each setting
//! - `setting.rs`: what a row is, and the macro that makes [`Config`] of the rows
//! - `kind.rs`: what a kind of values is, and values that may also be a word such as `off`
//! - `numbers.rs`: sizes, durations and counts
//! - `texts.rs`: paths, choices, lists, addresses and secrets
//! - `dates.rs`: dates
//! - `choices.rs`: the words of the settings that are a choice
//! - `warehouse_spec.rs`: the warehouse as it is named
//! - `layers.rs`: what the file, the environment and the command line say
//! - `flags.rs`: the settings as flags
//! - `load.rs`: makes one [`Config`] of the layers
//! - `loaded.rs`: the settings in effect, and where each comes from
//! - `origin.rs`: where a setting is written
//! - `error.rs`: what can be wrong with the settings
//! - `guess.rs`: what was perhaps meant
//! - `documents.rs`: `irispool.example.toml` and `docs/settings.md`
//! - `markdown.rs`: the Markdown of a row as plain text
//!
//! A later layer wins over an earlier one: defaults, file, environment, flags. A setting has the same name everywhere:
//! `batch_rows`, `IRISPOOL_BATCH_ROWS`, `--batch-rows`. An unknown name and a wrong value are errors, which say where
//! they stand and what is right, so that nobody believes in a setting that has no effect. A relative path in the file
//! starts at the folder of the file. Anywhere else it starts at the working folder.

mod choices;
mod dates;
mod documents;
mod error;
mod flags;
mod guess;
mod kind;
mod layers;
mod load;
mod loaded;
mod markdown;
mod numbers;
mod origin;
mod setting;
mod settings;
mod texts;
mod warehouse_spec;

pub use crate::secret::Secret;
pub use choices::{AlertFormat, KeepPolicy, LogFormat, MethodSetting, SchemaPolicy};
pub use documents::{example, reference};
pub use error::{BadValue, ConfigError};
pub use flags::{TypedSettings, with_flags_of_commands};
pub use layers::{Flag, HOOK_VARIABLES};
pub use load::load;
pub use loaded::LoadedConfig;
pub use origin::SettingOrigin;
pub use setting::{Setting, Takers};
pub use settings::{Config, settings};
pub use warehouse_spec::WarehouseSpec;
