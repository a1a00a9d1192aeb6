//! The settings: one [`Config`], made of the defaults, `irispool.toml`, the environment and the flags.
//!
//! - `settings.rs` is the table: one row for each setting. `setting.rs` says what a row is.
//! - `kind.rs` says what a kind of values is. `numbers.rs`, `texts.rs`, `choices.rs` and `warehouse_spec.rs` have the
//!   kinds, and `secret.rs` keeps values out of messages.
//! - `layers.rs` reads the file and the environment, `flags.rs` the command line. `load.rs` makes the settings of them,
//!   `loaded.rs` has the result, and `origin.rs` says where a setting comes from.
//! - `error.rs` says what is wrong, and `guess.rs` what was perhaps meant.
//! - `documents.rs` writes `irispool.example.toml` and `docs/settings.md`, and `markdown.rs` makes plain text of a row.
//!
//! A later layer wins over an earlier one: defaults, file, environment, flags. A setting has the same name everywhere:
//! `batch_rows`, `IRISPOOL_BATCH_ROWS`, `--batch-rows`. An unknown name and a wrong value are errors, which say where they
//! stand and what is right, so that nobody believes in a setting that has no effect. A relative path in the file starts at
//! the folder of the file. Anywhere else it starts at the working folder.

mod choices;
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
mod secret;
mod setting;
mod settings;
mod texts;
mod warehouse_spec;

pub use choices::{AlertFormat, DeliveryMethod, KeepPolicy, LogFormat, SchemaPolicy};
pub use documents::{example, reference};
pub use error::{BadValue, ConfigError};
pub use flags::{TypedSettings, with_flags_of_commands};
pub use layers::{Flag, HOOK_VARIABLES};
pub use load::load;
pub use loaded::LoadedConfig;
pub use origin::SettingOrigin;
pub use secret::Secret;
pub use setting::{Setting, Takers};
pub use settings::{Config, settings};
pub use warehouse_spec::WarehouseSpec;
