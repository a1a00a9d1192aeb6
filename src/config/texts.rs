//! Kinds of values that are texts: paths, choices, lists, addresses and secrets.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{ValueEnum, ValueHint};
use toml::Value;
use tracing_subscriber::EnvFilter;

use super::guess;
use super::kind::ValueKind;
use crate::secret::Secret;
use crate::spool::TemporaryNames;

/// The path of a file.
pub enum FilePath {}

impl ValueKind for FilePath {
    type Value = PathBuf;
    const PLACEHOLDER: &'static str = "FILE";
    const COMPLETION: ValueHint = ValueHint::FilePath;

    fn name() -> String {
        "path".to_owned()
    }

    fn right() -> String {
        "a path, with the home folder written out, not as ~".to_owned()
    }

    fn parse(text: &str) -> Option<PathBuf> {
        parse_path(text)
    }

    fn show(path: &PathBuf) -> Value {
        path.display().to_string().into()
    }

    fn map_paths(path: &mut PathBuf, change: &dyn Fn(&Path) -> PathBuf) {
        *path = change(path);
    }
}

/// The path of a folder.
pub enum FolderPath {}

impl ValueKind for FolderPath {
    type Value = PathBuf;
    const PLACEHOLDER: &'static str = "DIR";
    const COMPLETION: ValueHint = ValueHint::DirPath;

    fn name() -> String {
        FilePath::name()
    }

    fn right() -> String {
        FilePath::right()
    }

    fn parse(text: &str) -> Option<PathBuf> {
        parse_path(text)
    }

    fn show(path: &PathBuf) -> Value {
        FilePath::show(path)
    }

    fn map_paths(path: &mut PathBuf, change: &dyn Fn(&Path) -> PathBuf) {
        FilePath::map_paths(path, change);
    }
}

/// Reads a path. Nothing expands `~`, so it would create a folder of that name, which is dangerous to remove. A control
/// character would spoil every line that names the path.
pub(super) fn parse_path(text: &str) -> Option<PathBuf> {
    let is_usable =
        !text.is_empty() && !text.contains(char::is_control) && text != "~" && !text.starts_with("~/");
    is_usable.then(|| PathBuf::from(text))
}

/// One of a few words.
pub struct Choice<T>(PhantomData<T>);

impl<T: ValueEnum> Choice<T> {
    /// The words, the last after "or".
    fn words(quote: &str) -> String {
        let words: Vec<String> =
            Self::choices().iter().map(|choice| format!("{quote}{}{quote}", choice.get_name())).collect();
        let (last, others) = words.split_last().expect("a choice has values");
        format!("{} or {last}", others.join(", "))
    }
}

impl<T: ValueEnum> ValueKind for Choice<T> {
    type Value = T;
    const PLACEHOLDER: &'static str = "CHOICE";

    fn name() -> String {
        Self::words("`")
    }

    fn right() -> String {
        Self::words("")
    }

    fn parse(text: &str) -> Option<T> {
        T::from_str(text, false).ok()
    }

    fn show(value: &T) -> Value {
        value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned()).into()
    }

    fn guess(text: &str) -> Option<String> {
        let choices = Self::choices();
        let names = choices.iter().map(PossibleValue::get_name);
        guess::nearest(&text.to_ascii_lowercase(), names).map(str::to_owned)
    }

    fn choices() -> Vec<PossibleValue> {
        T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect()
    }
}

/// Patterns of file names. TOML has them as a list; elsewhere they are words between spaces or commas, or such a list.
pub enum NamePatterns {}

impl ValueKind for NamePatterns {
    type Value = TemporaryNames;
    const PLACEHOLDER: &'static str = "LIST";

    fn name() -> String {
        "list".to_owned()
    }

    fn right() -> String {
        "patterns of file names such as [\"*.new\", \"upload-*\"], none of which fits every name".to_owned()
    }

    fn parse(text: &str) -> Option<TemporaryNames> {
        let is_list = text.trim_start().starts_with('[');
        if let Some(list) = is_list.then(|| text.parse::<Value>().ok()).flatten() {
            return Self::read(&list);
        }
        let words = text.split(|letter: char| letter == ',' || letter.is_whitespace());
        TemporaryNames::with(words.filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    fn read(value: &Value) -> Option<TemporaryNames> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Array(list) => {
                let patterns: Option<Vec<String>> =
                    list.iter().map(|pattern| pattern.as_str().map(str::to_owned)).collect();
                TemporaryNames::with(patterns?)
            }
            _ => None,
        }
    }

    fn show(names: &TemporaryNames) -> Value {
        Value::Array(names.added().iter().map(|pattern| Value::from(pattern.as_str())).collect())
    }
}

/// Which log lines there are: a level, or directives of tracing's `EnvFilter`.
pub enum LogLevel {}

impl ValueKind for LogLevel {
    type Value = String;
    const PLACEHOLDER: &'static str = "LEVEL";

    fn name() -> String {
        "`error`, `warn`, `info`, `debug`, `trace`, or directives".to_owned()
    }

    fn right() -> String {
        "error, warn, info, debug, trace, or directives such as info,irispool::spool=debug".to_owned()
    }

    /// The filter itself would take a misspelt level for the name of a module.
    fn parse(text: &str) -> Option<String> {
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        let is_known = text.split(',').all(|part| LEVELS.contains(&part) || part.contains('='));
        (is_known && EnvFilter::try_new(text).is_ok()).then(|| text.to_owned())
    }

    fn show(level: &String) -> Value {
        level.as_str().into()
    }
}

/// A region or multi-region of Google's: `US`, `EU`, `europe-west2`.
pub enum Location {}

impl ValueKind for Location {
    type Value = String;
    const PLACEHOLDER: &'static str = "LOCATION";

    fn name() -> String {
        "region or multi-region".to_owned()
    }

    fn right() -> String {
        "a location of BigQuery such as US, EU or europe-west2".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        let is_usable =
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_usable.then(|| text.to_owned())
    }

    fn show(location: &String) -> Value {
        location.as_str().into()
    }
}

/// An address and a port to listen on. With port 0 the system chooses one.
pub enum Address {}

impl ValueKind for Address {
    type Value = SocketAddr;
    const PLACEHOLDER: &'static str = "ADDRESS";

    fn name() -> String {
        "address with port".to_owned()
    }

    fn right() -> String {
        "an address and a port such as 127.0.0.1:9464".to_owned()
    }

    fn parse(text: &str) -> Option<SocketAddr> {
        text.parse().ok()
    }

    fn show(address: &SocketAddr) -> Value {
        address.to_string().into()
    }
}

/// The URL of a webhook or a heartbeat: `http://…` or `https://…`.
pub enum Url {}

impl ValueKind for Url {
    type Value = Secret;
    const PLACEHOLDER: &'static str = "URL";
    const COMPLETION: ValueHint = ValueHint::Url;
    const IS_SECRET: bool = true;

    fn name() -> String {
        "URL".to_owned()
    }

    fn right() -> String {
        "a URL that begins with https:// or http://".to_owned()
    }

    fn parse(text: &str) -> Option<Secret> {
        is_url(text).then(|| Secret::new(text))
    }

    /// `irispool config` shows the secret, because it shows the settings only to a user who can read them anyway.
    fn show(url: &Secret) -> Value {
        url.expose().into()
    }
}

/// The URL of a public server, which is no secret. Requests add their own query to it.
pub enum PublicUrl {}

impl ValueKind for PublicUrl {
    type Value = String;
    const PLACEHOLDER: &'static str = "URL";
    const COMPLETION: ValueHint = ValueHint::Url;

    fn name() -> String {
        "URL".to_owned()
    }

    fn right() -> String {
        "a URL that begins with https:// or http:// and has no query".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        (is_url(text) && !text.contains(['?', '#'])).then(|| text.to_owned())
    }

    fn show(url: &String) -> Value {
        url.as_str().into()
    }
}

/// A command that `sh` runs.
pub enum ShellCommand {}

impl ValueKind for ShellCommand {
    type Value = Secret;
    const PLACEHOLDER: &'static str = "COMMAND";
    const COMPLETION: ValueHint = ValueHint::CommandString;
    const IS_SECRET: bool = true;

    fn name() -> String {
        "shell command".to_owned()
    }

    fn right() -> String {
        "a command for sh".to_owned()
    }

    fn parse(text: &str) -> Option<Secret> {
        (!text.trim().is_empty() && !text.contains('\0')).then(|| Secret::new(text))
    }

    fn show(command: &Secret) -> Value {
        command.expose().into()
    }
}

fn is_url(text: &str) -> bool {
    let Ok(url) = text.parse::<ureq::http::Uri>() else { return false };
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    is_http && url.host().is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_with_a_host_is_a_url() {
        for url in ["https://hooks.example.com/a/b?c=d", "http://127.0.0.1:8080", "http://[::1]:80/x"] {
            assert!(is_url(url), "{url}");
        }
        for other in ["", "hooks.example.com/a", "ftp://a/b", "https://", "https:///a", "http://a b/", "off"]
        {
            assert!(!is_url(other), "{other}");
        }
    }
}
