//! `irispool.example.toml` says what is true, and all of it.

use std::fs;

use irispool::config::{self, Config, LoadedConfig, SettingOrigin, settings};

use super::docs_settings::assert_generated;
use crate::support::root;

fn example() -> String {
    fs::read_to_string(root().join("irispool.example.toml")).unwrap()
}

/// A setting has no space behind its `#`; a comment has one.
fn is_setting(line: &str) -> bool {
    line.starts_with('#') && !line.starts_with("# ") && line != "#"
}

fn uncommented() -> String {
    example().lines().filter(|line| is_setting(line)).map(|line| format!("{}\n", &line[1..])).collect()
}

fn load(text: &str) -> LoadedConfig {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("irispool.toml");
    fs::write(&file, text).unwrap();
    let mut loaded = config::load(Some(&file), [], &[]).unwrap();
    // A relative path in a file starts at its folder, and the defaults are relative.
    if let config::WarehouseSpec::Sqlite(database) = &mut loaded.config.warehouse {
        *database = database.strip_prefix(folder.path()).unwrap_or(database).to_owned();
    }
    loaded.config.spool =
        loaded.config.spool.strip_prefix(folder.path()).unwrap_or(&loaded.config.spool).to_owned();
    loaded
}

#[test]
fn it_is_what_the_table_of_settings_says() {
    assert_generated("irispool.example.toml", &config::example());
}

#[test]
fn uncommented_it_is_the_defaults() {
    assert_eq!(load(&uncommented()).config, Config::default());
}

#[test]
fn it_has_every_setting_once_in_their_order() {
    let of_example = toml::from_str::<toml::Table>(&uncommented()).unwrap();
    let names: Vec<&str> = settings().iter().map(|setting| setting.name).collect();
    assert_eq!(of_example.keys().collect::<Vec<_>>(), names);
}

#[test]
fn every_setting_in_it_is_read() {
    let loaded = load(&uncommented());
    for setting in settings() {
        assert!(matches!(loaded.origin(setting.name), SettingOrigin::File { .. }), "{}", setting.name);
    }
}

#[test]
fn as_it_is_it_sets_nothing() {
    assert!(toml::from_str::<toml::Table>(&example()).unwrap().is_empty());
}

#[test]
fn every_setting_in_it_is_explained() {
    let text = example();
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| is_setting(line)) {
        assert!(index > 0 && lines[index - 1].starts_with("# "), "{line}");
    }
}

#[test]
fn help_names_the_defaults_that_are() {
    let help = assert_cmd::cargo::cargo_bin_cmd!("irispool").args(["config", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let words: Vec<&str> = help.split_whitespace().collect();
    for (key, default) in toml::from_str::<toml::Table>(&uncommented()).unwrap() {
        let flag = format!("--{}", key.replace('_', "-"));
        let at = words.iter().position(|word| *word == flag).unwrap();
        let default_at = at + words[at..].iter().position(|word| *word == "[default:").unwrap();
        let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        assert_eq!(words[default_at + 1], format!("{text}]"), "{flag}");
    }
}
