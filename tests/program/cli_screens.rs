//! What the command line says: help, wrong usage, colours, pipes.

use std::process::Stdio;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;

use crate::support::root;

/// irispool in an empty folder, at a fixed width, with no variable that could change what it says.
fn irispool(folder: &tempfile::TempDir) -> Command {
    let mut command = cargo_bin_cmd!("irispool");
    command.current_dir(folder).env_clear().env("COLUMNS", "100");
    command
}

fn said(arguments: &[&str], code: i32) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = irispool(&folder).args(arguments).assert().code(code).get_output().clone();
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn help() {
    for (name, arguments) in [
        ("irispool", &["--help"][..]),
        ("run", &["run", "-h"]),
        ("run_long", &["run", "--help"]),
        ("demo", &["demo", "-h"]),
        ("feed", &["feed", "-h"]),
        ("setup", &["setup", "-h"]),
        ("query", &["query", "-h"]),
        ("status", &["status", "-h"]),
        ("check", &["check", "-h"]),
        ("dead", &["dead", "-h"]),
        ("dead_retry", &["dead", "retry", "-h"]),
        ("archive", &["archive", "-h"]),
        ("archive_list", &["archive", "list", "-h"]),
        ("archive_restore", &["archive", "restore", "-h"]),
        ("prune", &["prune", "-h"]),
        ("verify", &["verify", "-h"]),
        ("config", &["config", "-h"]),
    ] {
        let (stdout, stderr) = said(arguments, 0);
        assert_eq!(stderr, "");
        insta::assert_snapshot!(format!("help_{name}"), stdout);
    }
}

/// The commit is the one that was checked out when the program was built, so only its form is known here. Without git there
/// is none, and a build for development says that it is one.
#[test]
fn the_version_names_the_commit_and_the_target() {
    let (said_long, stderr) = said(&["--version"], 0);
    assert_eq!((said(&["-V"], 0).0, stderr), (said_long.clone(), String::new()));
    let before = format!("irispool {} (", env!("CARGO_PKG_VERSION"));
    let details = said_long.strip_prefix(&before).and_then(|rest| rest.strip_suffix(")\n")).unwrap();
    let target = details.rsplit(", ").next().unwrap();
    assert!(target.starts_with(std::env::consts::ARCH) && target.contains(std::env::consts::OS), "{target}");
    if cfg!(debug_assertions) {
        assert_eq!(details, format!("development, {target}"));
        return;
    }
    let git = std::process::Command::new("git").arg("-C").arg(root()).args(["log", "-1"]).output();
    if git.is_ok_and(|log| log.status.success()) {
        let (commit, day) = details.strip_suffix(&format!(", {target}")).unwrap().split_once(' ').unwrap();
        assert!(commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{commit}");
        assert!(day.parse::<jiff::civil::Date>().is_ok(), "{day}");
    }
}

#[test]
fn completions_and_man_pages_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (text, stderr) = said(&["completions", shell], 0);
        assert!(
            text.contains("status") && text.contains("backlog-warn") && stderr.is_empty(),
            "{shell}: {stderr}"
        );
    }
    let (page, _) = said(&["man"], 0);
    assert!(page.contains(".TH irispool 1") && page.contains("irispool\\-status(1)"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    irispool(&folder).args(["man", "pages"]).assert().code(0).stdout("");
    let pages = std::fs::read_dir(folder.path().join("pages")).unwrap();
    let pages: Vec<String> = pages.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    for page in ["irispool.1", "irispool-run.1", "irispool-dead-retry.1"] {
        assert!(pages.iter().any(|name| name == page), "{page}: {pages:?}");
    }
    irispool(&folder).args(["man", "/dev/null/pages"]).assert().code(1);
}

#[test]
fn wrong_usage_is_2_and_goes_to_stderr() {
    for (name, arguments) in [
        ("unknown_verb", &["rum"][..]),
        ("unknown_flag", &["run", "--onec"]),
        ("unknown_choice", &["run", "--schema", "evolv"]),
        ("value_out_of_range", &["config", "--settlers", "0"]),
        ("two_levels", &["config", "-v", "--log-level", "warn"]),
        ("idle_flag_of_feed", &["feed", "--spool", "spool", "incoming"]),
        ("idle_flag_of_demo", &["demo", "--warehouse", "sqlite:x.db"]),
        ("rate_out_of_range", &["feed", "--per-second", "0", "incoming"]),
        ("no_sql", &["query"]),
    ] {
        let (stdout, stderr) = said(arguments, 2);
        assert_eq!(stdout, "");
        insta::assert_snapshot!(format!("usage_{name}"), stderr);
    }
}

#[test]
fn nothing_typed_is_answered_with_help() {
    let (stdout, stderr) = said(&[], 2);
    assert_eq!(stdout, "");
    assert!(stderr.contains("Usage: irispool [OPTIONS] <COMMAND>"), "{stderr}");
}

#[test]
fn global_options_may_stand_before_the_verb_or_after() {
    let before = said(&["--spool", "a", "config"], 0);
    assert!(before.0.starts_with("spool = \"a\" "), "{}", before.0);
    assert_eq!(said(&["config", "--spool", "a"], 0), before);
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let escapes = |command: &mut Command| {
        let stderr =
            command.args(["config", "--config", "absent"]).assert().code(1).get_output().stderr.clone();
        stderr.contains(&0x1b)
    };
    assert!(!escapes(&mut irispool(&folder)));
    assert!(!escapes(irispool(&folder).args(["--color", "never"])));
    assert!(escapes(irispool(&folder).args(["--color", "always"])));
    assert!(escapes(irispool(&folder).args(["--color", "always"]).env("NO_COLOR", "1")));
}

#[test]
fn a_reader_that_left_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_irispool"));
    command.current_dir(&folder).arg("config").stdin(Stdio::null()).stdout(writer);
    let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[test]
fn a_stdout_that_is_full_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_irispool"));
    command.current_dir(&folder).arg("config").stdin(Stdio::null()).stdout(full);
    let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @"error: cannot write to stdout: No space left on device (os error 28)");
}
