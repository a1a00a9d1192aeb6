//! How each kind of value is written.
//!
//! Every value is one word of text, or a whole number in TOML, which reads as its digits; so the file, the environment
//! and the command line take the same values. An error says what would be right, never what a parser tripped over.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use tracing_subscriber::EnvFilter;

use super::{AlertFormat, GIB, KIB, Keep, LogFormat, MIB, Method, SchemaPolicy};

/// A warehouse as it is named: `sqlite:PATH` or `bigquery:PROJECT.DATASET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WarehouseSpec {
    /// The database's file.
    Sqlite(PathBuf),
    BigQuery {
        project: String,
        dataset: String,
    },
}

impl WarehouseSpec {
    pub(super) fn parse(text: &str) -> Option<WarehouseSpec> {
        if let Some(file) = text.strip_prefix("sqlite:") {
            // SQLite takes these two for something else than a file's path, and for memory that dies with the process.
            let special = file.starts_with(":memory:") || file.starts_with("file:");
            return (!special).then(|| parse_path(file)).flatten().map(WarehouseSpec::Sqlite);
        }
        // A project may be `example.com:project`; a dataset has no dot.
        let (project, dataset) = text.strip_prefix("bigquery:")?.rsplit_once('.')?;
        let named = |text: &str, others: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
        };
        (named(project, "-.:") && named(dataset, "_"))
            .then(|| WarehouseSpec::BigQuery { project: project.to_owned(), dataset: dataset.to_owned() })
    }

    /// The same, with a relative path meant from `folder`.
    pub(super) fn within(self, folder: &Path) -> WarehouseSpec {
        match self {
            WarehouseSpec::Sqlite(file) => WarehouseSpec::Sqlite(folder.join(file)),
            WarehouseSpec::BigQuery { .. } => self,
        }
    }
}

impl fmt::Display for WarehouseSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WarehouseSpec::Sqlite(file) => write!(out, "sqlite:{}", file.display()),
            WarehouseSpec::BigQuery { project, dataset } => write!(out, "bigquery:{project}.{dataset}"),
        }
    }
}

impl Serialize for WarehouseSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WarehouseSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, "sqlite:PATH or bigquery:PROJECT.DATASET", WarehouseSpec::parse)
    }
}

/// Where to serve HTTP: `127.0.0.1:9464`, or `off`. With port 0 the system chooses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub Option<SocketAddr>);

impl Serialize for Listen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(address) => serializer.collect_str(&address),
            None => serializer.serialize_str("off"),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, "an address and a port such as 127.0.0.1:9464, or off", |text| match text {
            "off" => Some(Listen(None)),
            _ => text.parse().ok().map(|address| Listen(Some(address))),
        })
    }
}

/// Modules for `#[serde(with = …)]`: how a value is written, what is right, and how it is read.
macro_rules! kinds_of_text {
    ($($(#[$doc:meta])* $name:ident: $kind:ty, $right:literal, $show:expr, $parse:expr;)*) => {$(
        $(#[$doc])*
        pub(super) mod $name {
            use super::*;

            pub(in super::super) fn serialize<S: Serializer>(value: &$kind, serializer: S) -> Result<S::Ok, S::Error> {
                let show: fn(&$kind) -> String = $show;
                serializer.serialize_str(&show(value))
            }

            pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$kind, D::Error> {
                word(deserializer, $right, $parse)
            }
        }
    )*};
}

kinds_of_text! {
    /// Paths of folders. Written back they are text: what is not UTF-8 in them is lost.
    path: PathBuf, "a path, with the home folder written out, not as ~", |path| show_path(path), parse_path;
    /// Paths of files that are written only where one is named.
    path_or_off: Option<PathBuf>, "a path, with the home folder written out, not as ~, or off",
        |path| show_or("off", path.as_deref(), show_path), |text| parse_or("off", text, parse_path);
    /// Sizes: `8MiB`, `64 MB`, `1048576`; written back in the largest unit that divides them.
    bytes: u64, "a size such as 8MiB, 64 MB or 1048576", |bytes| show_bytes(*bytes), parse_bytes;
    /// A size, or `off` for no limit.
    bytes_or_off: Option<u64>, "a size such as 10GiB or 500 MB, or \"off\"",
        |bytes| show_or("off", *bytes, show_bytes), |text| parse_or("off", text, parse_bytes);
    /// Durations: `200ms`, `5s`, `1m 30s`.
    duration: Duration, "a duration such as 200ms, 5s or 1m", |duration| show_duration(*duration), parse_duration;
    /// A duration, or `auto` for none in particular.
    duration_or_auto: Option<Duration>, "a duration such as 200ms, 5s or 1m, or \"auto\"",
        |duration| show_or("auto", *duration, show_duration), |text| parse_or("auto", text, parse_duration);
    /// A duration, or `off` for no limit.
    duration_or_off: Option<Duration>, "a duration such as 12h or 90days, or \"off\"",
        |duration| show_or("off", *duration, show_duration), |text| parse_or("off", text, parse_duration);
}

fn show_or<T>(none: &str, value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| none.to_owned(), show)
}

fn parse_or<T>(none: &str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text == none { Some(None) } else { parse(text).map(Some) }
}

fn show_path(path: &Path) -> String {
    path.display().to_string()
}

/// Nothing expands `~` here, and a folder of that name is a trap for whoever removes it. Control characters would
/// spoil every line that names the path.
fn parse_path(text: &str) -> Option<PathBuf> {
    let usable =
        !text.is_empty() && !text.contains(char::is_control) && text != "~" && !text.starts_with("~/");
    usable.then(|| PathBuf::from(text))
}

pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    word(deserializer, "a whole number", |text| text.parse().ok())
}

pub(super) fn readers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    word(deserializer, "a whole number, or \"auto\" for 4 a core", |text| match text {
        "auto" => Some(super::default_readers()),
        _ => text.parse().ok(),
    })
}

/// A level alone, or directives. The filter itself would take a misspelt level for the name of a module.
pub(super) fn log_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let right = "error, warn, info, debug, trace, or directives such as info,irispool::spool=debug";
    word(deserializer, right, |text| {
        let known = text.split(',').all(|part| LEVELS.contains(&part) || part.contains('='));
        (known && EnvFilter::try_new(text).is_ok()).then(|| text.to_owned())
    })
}

pub(super) fn show_bytes(bytes: u64) -> String {
    [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")]
        .into_iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .map_or_else(|| bytes.to_string(), |(unit, name)| format!("{}{name}", bytes / unit))
}

fn parse_bytes(text: &str) -> Option<u64> {
    text.parse().map(|size: bytesize::ByteSize| size.as_u64()).ok()
}

fn show_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

fn parse_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// Patterns of names: a list as in TOML, or, where a value is text, words between spaces or commas.
pub(super) mod temporary_names {
    use serde::de::SeqAccess;

    use super::*;
    use crate::spool::TemporaryNames;

    pub(in super::super) fn serialize<S: Serializer>(
        names: &TemporaryNames,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        names.added().serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<TemporaryNames, D::Error> {
        deserializer.deserialize_any(Patterns)
    }

    #[derive(serde::Deserialize)]
    struct List {
        names: Vec<String>,
    }

    fn words(text: &str) -> Vec<String> {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    struct Patterns;

    impl<'de> Visitor<'de> for Patterns {
        type Value = TemporaryNames;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str(
                "patterns of file names such as [\"*.new\", \"upload-*\"], none of which fits every name",
            )
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<TemporaryNames, E> {
            let is_list = text.trim_start().starts_with('[');
            let list = is_list.then(|| toml::from_str::<List>(&format!("names = {text}")).ok()).flatten();
            let patterns = list.map_or_else(|| words(text), |list| list.names);
            TemporaryNames::with(patterns).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TemporaryNames, A::Error> {
            let mut patterns = Vec::new();
            while let Some(pattern) = list.next_element()? {
                patterns.push(pattern);
            }
            TemporaryNames::with(patterns).ok_or_else(|| A::Error::invalid_value(Unexpected::Seq, &self))
        }
    }
}

/// So many a second; `none` or 0 is no limit.
pub(super) mod rate {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(
        rate: &Option<u32>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match rate {
            Some(rate) => serializer.serialize_u32(*rate),
            None => serializer.serialize_str("none"),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u32>, D::Error> {
        word(deserializer, "a whole number, or \"none\" for no limit", |text| match text {
            "none" | "0" => Some(None),
            _ => text.parse().ok().map(Some),
        })
    }
}

/// A region or multi-region, as Google writes them: `US`, `EU`, `europe-west2`.
pub(super) fn location<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    word(deserializer, "a location of BigQuery such as US, EU or europe-west2", |text| {
        let usable =
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        usable.then(|| text.to_owned())
    })
}

macro_rules! deserialize_as_choice {
    ($($choice:ty),*) => {$(
        impl<'de> Deserialize<'de> for $choice {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                choice(deserializer)
            }
        }
    )*};
}

deserialize_as_choice!(SchemaPolicy, Keep, LogFormat, Method, AlertFormat);

fn choice<'de, D: Deserializer<'de>, T: ValueEnum>(deserializer: D) -> Result<T, D::Error> {
    let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    let (last, others) = names.split_last().expect("a choice has values");
    let right = format!("{} or {last}", others.join(", "));
    word(deserializer, &right, |text| T::from_str(text, false).ok())
}

/// Reads one word by `parse`; `right` says what would be one.
pub(super) fn word<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    right: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(Word { right, parse })
}

struct Word<'a, P> {
    right: &'a str,
    parse: P,
}

impl<T, P: FnOnce(&str) -> Option<T>> Visitor<'_> for Word<'_, P> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.right)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let Word { right, parse } = self;
        parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &right))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}
