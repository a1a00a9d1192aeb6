//! Every setting that a document names exists, and `docs/settings.md` says what is true of each.

use std::fs;

use clap::CommandFactory;
use irispool::cli::Cli;
use irispool::config::{self, Config, HOOK_VARIABLES, settings};

use super::docs_links::{Pieces, anchors, manuals, pieces, spans};
use crate::support::root;

/// A file of the repository that is made of the table of settings. `INSTA_UPDATE=always` writes it anew.
#[track_caller]
pub(super) fn assert_generated(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        // Other tests read the file meanwhile.
        let whole = file.with_extension("new");
        fs::write(&whole, text).unwrap();
        fs::rename(&whole, &file).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap() == text,
        "{path} differs from the table in src/config/settings.rs. To renew it, run\n\
         INSTA_UPDATE=always cargo nextest run --test program -E 'test(the_table_of_settings_says)'"
    );
}

fn is_known(name: &str) -> bool {
    settings().iter().any(|setting| setting.name == name)
}

/// The section of one setting in `docs/settings.md`.
fn section(name: &str) -> String {
    let text = fs::read_to_string(root().join("docs/settings.md")).unwrap();
    let (_, rest) = text
        .split_once(&format!("\n### {name}\n"))
        .unwrap_or_else(|| panic!("{name} is missing in settings.md"));
    rest.split("\n##").next().unwrap().to_owned()
}

/// The cells of the row below the header of a section's table: flag, commands, variable, type, default, range.
fn cells(section: &str) -> Vec<String> {
    let row = section.lines().filter(|line| line.starts_with('|')).nth(2).unwrap();
    row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn load(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("irispool.toml");
    fs::write(&file, text).unwrap();
    let loaded = config::load(Some(&file), [], &[]);
    loaded.map(|loaded| loaded.config).map_err(|error| error.to_string())
}

#[test]
fn the_reference_is_what_the_table_of_settings_says() {
    assert_generated("docs/settings.md", &config::reference());
}

#[test]
fn every_setting_has_its_section_with_its_flag_variable_default_and_range() {
    let example = fs::read_to_string(root().join("irispool.example.toml")).unwrap();
    let command = Cli::command();
    for name in settings().iter().map(|setting| setting.name) {
        let section = section(name);
        let cells = cells(&section);
        let [flag, commands, variable, kind, default, range] = &cells[..] else {
            panic!("{name}: {cells:?}")
        };
        assert_eq!(*flag, format!("`--{}`", name.replace('_', "-")));
        assert_eq!(*variable, format!("`IRISPOOL_{}`", name.to_uppercase()));
        let in_example = example.lines().find_map(|line| line.strip_prefix(&format!("#{name} = "))).unwrap();
        assert_eq!(*default, format!("`{in_example}`"), "{name}");
        let long = flag.trim_matches('`').trim_start_matches("--");
        for verb in command.get_subcommands() {
            let has = verb.get_arguments().any(|argument| argument.get_long() == Some(long));
            let said = commands.contains(&format!("`{}`", verb.get_name()));
            assert_eq!(has, said, "{name}: the flag of `irispool {}`", verb.get_name());
        }
        let is_global = command.get_arguments().any(|argument| argument.get_long() == Some(long));
        assert_eq!(is_global, commands == "every command", "{name}");
        let too_much = match kind.split(' ').next().unwrap() {
            "duration" => "\"1000years\"",
            "size" => "\"1000000GiB\"",
            "number" | "percent" => "999999999",
            _ => {
                assert_eq!(range, "–", "{name}");
                continue;
            }
        };
        let error = load(&format!("{name} = {too_much}\n")).unwrap_err();
        assert!(error.contains(&format!("from {range}")), "{name}: {range}, and the program says: {error}");
    }
    let headings = anchors(&fs::read_to_string(root().join("docs/settings.md")).unwrap());
    for heading in headings.iter().filter(|heading| heading.contains('_')) {
        assert!(is_known(heading), "{heading} is not a setting");
    }
}

#[test]
fn every_setting_and_variable_that_a_document_names_exists() {
    for (path, text) in manuals() {
        let Pieces { blocks, prose } = pieces(&text);
        for span in spans(&prose) {
            let is_setting = span.split_once(" = ").is_some_and(|(name, _)| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            });
            if is_setting {
                load(&span).unwrap_or_else(|error| panic!("{}: `{span}`: {error}", path.display()));
            }
        }
        let all = blocks.join("\n") + &prose.join("\n");
        for rest in all.split("IRISPOOL_").skip(1) {
            let name: String =
                rest.chars().take_while(|letter| letter.is_ascii_uppercase() || *letter == '_').collect();
            let variable = format!("IRISPOOL_{name}");
            let exists = name.is_empty()
                || name == "CONFIG"
                || is_known(&name.to_lowercase())
                || HOOK_VARIABLES.contains(&&*variable);
            assert!(exists, "{}: {variable}", path.display());
        }
    }
}
