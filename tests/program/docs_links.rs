//! The documents say what is true: links lead somewhere, commands can be typed, log lines and tests exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use clap::error::ErrorKind;
use irispool::cli::Cli;

use crate::support::{root, skip};

/// Every document of the project with its text.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for folder in [root(), root().join("docs")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path, text);
            }
        }
    }
    assert!(found.len() >= 10, "{:?}", found.keys());
    found
}

/// The documents that describe the program as it is; a changelog also names what went.
pub(super) fn manuals() -> BTreeMap<PathBuf, String> {
    let mut found = documents();
    found.retain(|path, _| !path.ends_with("CHANGELOG.md"));
    found
}

/// The text in pieces: code blocks with their fences away, and everything else line by line.
pub(super) struct Pieces {
    pub(super) blocks: Vec<String>,
    pub(super) prose: Vec<String>,
}

pub(super) fn pieces(text: &str) -> Pieces {
    let (mut blocks, mut prose, mut block) = (Vec::new(), Vec::new(), None::<String>);
    for line in text.lines() {
        match (&mut block, line.trim_start().starts_with("```")) {
            (None, true) => block = Some(String::new()),
            (None, false) => prose.push(line.to_owned()),
            (Some(_), true) => blocks.extend(block.take()),
            (Some(inside), false) => {
                inside.push_str(line);
                inside.push('\n');
            }
        }
    }
    assert_eq!(block, None, "a code block has no end");
    Pieces { blocks, prose }
}

/// What stands between single backticks.
pub(super) fn spans(prose: &[String]) -> Vec<String> {
    let text = prose.join("\n");
    text.split('`').skip(1).step_by(2).map(|span| span.replace('\n', " ")).collect()
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

pub(super) fn anchors(text: &str) -> BTreeSet<String> {
    let prose = pieces(text).prose;
    let headings = prose.iter().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

/// The targets of `[…](…)`, outside code.
fn targets(prose: &[String]) -> Vec<String> {
    let text: String = prose.join("\n").split('`').step_by(2).collect();
    let ends = text.split("](").skip(1);
    ends.map(|rest| rest.split(')').next().unwrap().to_owned()).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut broken = Vec::new();
    let mut links = 0;
    for (path, text) in documents() {
        for target in targets(&pieces(&text).prose) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (file, heading) = target.split_once('#').map_or((&*target, None), |(f, h)| (f, Some(h)));
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let is_there = match heading {
                None => file.exists(),
                Some(heading) => fs::read_to_string(&file).is_ok_and(|text| anchors(&text).contains(heading)),
            };
            if !is_there {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(links > 50, "only {links} links were found");
}

/// The picture in the README.
#[test]
fn the_picture_of_status_is_what_status_shows() {
    let program = assert_cmd::cargo::cargo_bin!("irispool");
    let made =
        Command::new(root().join("scripts/status-svg")).arg("--check").env("IRISPOOL", program).output();
    let made = match made {
        Err(_) => return skip("the picture of status: python3 is missing"),
        Ok(made) if made.status.code() == Some(127) => {
            return skip("the picture of status: python3 is missing");
        }
        Ok(made) => made,
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn every_document_is_linked_from_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for path in documents().keys() {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        assert!(name == "README.md" || readme.contains(&format!("]({name})")), "{name}");
    }
    assert!(readme.lines().count() <= 150);
}

/// A line of shell as simple commands, each as its words. It knows quotes, comments, pipes, lists and redirections.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut quote = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, '>' | '<') => {
                // Neither the number nor the file of a redirection is an argument.
                words.extend(word.take().filter(|word| word.parse::<u8>().is_err()));
                while letters.next_if(|next| " >&".contains(*next)).is_some() {}
                while letters.next_if(|next| *next != ' ' && *next != ')').is_some() {}
            }
            (None, '|' | '&' | ';' | '(' | ')') => {
                words.extend(word.take());
                all.push(std::mem::take(&mut words));
            }
            (None, ' ') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    all.push(words);
    all.retain(|words| !words.is_empty());
    all
}

/// The arguments of irispool, if these words start it: by itself, or by one of the programs that start others.
fn arguments(words: &[String]) -> Option<&[String]> {
    let is_irispool = |word: &String| word.rsplit('/').next() == Some("irispool");
    let is_assignment = |word: &str| word.split_once('=').is_some_and(|(name, _)| !name.starts_with('-'));
    let (first, rest) = words.split_first()?;
    match first.as_str() {
        _ if is_irispool(first) => Some(rest),
        "sudo" if rest.first().is_some_and(|word| word == "-u") => arguments(rest.get(2..)?),
        "sudo" => arguments(rest),
        "podman" if rest.first().is_some_and(|word| word == "exec") => arguments(rest.get(2..)?),
        "systemd-run" => arguments(&rest[rest.iter().position(|word| *word == "/usr/local/bin/irispool")?..]),
        "cargo" if rest.first().is_some_and(|word| word == "run") => {
            Some(&rest[rest.iter().position(|word| word == "--")? + 1..])
        }
        word if is_assignment(word) => arguments(rest),
        _ => None,
    }
}

/// Checks every command of irispool in a piece of shell, also in text that another command is given; says how many
/// there were. Where a document only names a command, its arguments may be missing.
fn check_commands(shell: &str, is_name: bool, of: &Path, wrong: &mut Vec<String>) -> usize {
    use ErrorKind::{DisplayHelpOnMissingArgumentOrSubcommand, MissingRequiredArgument};
    let mut checked = 0;
    for line in shell.replace("\\\n", " ").lines() {
        for words in commands(line) {
            if let Some(arguments) = arguments(&words) {
                checked += 1;
                let typed = ["irispool"].into_iter().chain(arguments.iter().map(|word| &**word));
                let Err(error) = Cli::try_parse_from(typed) else { continue };
                let is_missing = [DisplayHelpOnMissingArgumentOrSubcommand, MissingRequiredArgument];
                if error.use_stderr() && !(is_name && is_missing.contains(&error.kind())) {
                    wrong.push(format!("{}: {line}\n{error}", of.display()));
                }
                continue;
            }
            for text in words.iter().filter(|word| word.contains("irispool ") && *word != line) {
                checked += check_commands(text, is_name, of, wrong);
            }
        }
    }
    checked
}

#[test]
fn every_command_can_be_typed() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (path, text) in manuals() {
        let Pieces { blocks, prose } = pieces(&text);
        for shell in blocks {
            checked += check_commands(&shell, false, &path, &mut wrong);
        }
        for span in spans(&prose).iter().filter(|span| span.contains("irispool ")) {
            checked += check_commands(span, true, &path, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 60, "only {checked} commands were found");
}

#[test]
fn a_command_is_found_wherever_it_stands() {
    let wrong = |shell: &str| {
        let mut wrong = Vec::new();
        check_commands(shell, false, Path::new("x"), &mut wrong);
        wrong.len()
    };
    for shell in [
        "irispool rum",
        "cd /srv && irispool rum > file",
        "sudo -u iris A=b /usr/local/bin/irispool rum",
        "podman exec irispool irispool rum",
        "irispool run \\\n  --onze    # a comment",
        "(crontab -l; echo '* * * * * cd /srv && irispool rum') | crontab -",
        "cargo run --release -- rum",
    ] {
        assert!(wrong(shell) == 1, "{shell}");
    }
    for shell in
        ["irispool run --once 2>&1 | tee log", "podman build -t irispool .", "irispool --help # or rum"]
    {
        assert!(wrong(shell) == 0, "{shell}");
    }
}

/// All of the program's source, with the breaks of long strings taken out.
fn source(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source(&path, text);
        } else if let Ok(file) = fs::read_to_string(&path) {
            text.push_str(&file);
        }
    }
}

#[test]
fn every_finding_and_log_line_of_the_runbook_is_the_programs() {
    let mut program = String::new();
    source(&root().join("src"), &mut program);
    let runbook = fs::read_to_string(root().join("docs/runbook.md")).unwrap();
    let mut named = 0;
    for heading in ["The findings", "Log lines", "irispool does not start"] {
        let (_, rest) = runbook.split_once(&format!("\n## {heading}\n")).unwrap();
        let rows = rest.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
        for row in rows {
            let first = row.split('|').nth(1).unwrap().to_owned();
            for words in spans(&[first]) {
                let words = words.split('<').next().unwrap().to_owned();
                let is_there =
                    program.contains(&words) || words == "database is locked" || words == "run --once";
                assert!(is_there, "{words}");
                named += 1;
            }
        }
    }
    assert!(named > 30, "{named}");
}

#[test]
fn every_test_that_an_invariant_names_is_there() {
    let mut all = String::new();
    for folder in ["src", "tests/program", "tests/modules"] {
        source(&root().join(folder), &mut all);
    }
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table = text.split_once("\n## Invariants\n").unwrap().1.split("\n## ").next().unwrap();
    let rows =
        table.split("\n\nOne gap").next().unwrap().lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut named = 0;
    for row in rows {
        let tests = row.trim_matches('|').rsplit(" | ").next().unwrap().to_owned();
        let spans = spans(std::slice::from_ref(&tests));
        assert!(!spans.is_empty() || tests.contains("none"), "{row}");
        for span in spans.iter().filter(|span| !span.starts_with("scripts/")) {
            let is_there = span.split("::").all(|part| {
                let part = part.trim_end_matches('…');
                all.contains(&format!("fn {part}")) || all.contains(&format!("mod {part}"))
            });
            assert!(is_there, "{span}");
            named += 1;
        }
    }
    assert!(named > 70, "{named}");
}
