//! `irispool check`: each line good, and bad out of the condition that it is about.

#![allow(clippy::unwrap_used)]

mod run_support;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use run_support::{Site, is_root, skip};
use serde_json::Value;

fn check(site: &Site) -> Command {
    let mut command = site.irispool();
    command.arg("check").env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    // The disk of whoever runs the tests may be as full as it likes.
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    command
}

/// The line about one thing, and the exit code.
#[track_caller]
fn line(command: &mut Command, about: &str) -> (Value, i32) {
    let output = command.arg("--json").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let line = lines.into_iter().find(|line| line["check"] == about).unwrap_or_else(|| panic!("{text}"));
    (line, output.status.code().unwrap())
}

#[track_caller]
fn assert_bad(command: &mut Command, about: &str, what: &str) {
    let (line, code) = line(command, about);
    assert_eq!((code, &line["verdict"]), (1, &"bad".into()), "{line}");
    assert!(line["what"].as_str().unwrap().contains(what), "{line}");
    assert!(line["hint"].is_string(), "{line}");
}

/// Everything under a folder, with what is in the files; but for SQLite's log, which each reader opens.
fn picture(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut picture = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.to_string_lossy().ends_with("-wal") || path.to_string_lossy().ends_with("-shm") {
            continue;
        }
        picture.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
        picture.extend(picture_of_folder(&path));
    }
    picture.sort();
    picture
}

fn picture_of_folder(path: &Path) -> Vec<(String, Vec<u8>)> {
    if path.is_dir() { picture(path) } else { Vec::new() }
}

/// A spool and a database as `setup` and a run leave them.
fn made() -> Site {
    let site = Site::new();
    let mut setup = site.irispool();
    setup.arg("setup").env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    assert!(setup.output().unwrap().status.success());
    site.put(
        "FREQ",
        "a",
        r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#,
    );
    site.drain(&[]);
    site
}

#[test]
fn what_a_run_needs_is_good_and_stays_as_it_is() {
    let site = made();
    site.put("FREQ", "b", "[]");
    let before = picture(site.folder.path());
    let output = check(&site).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(picture(site.folder.path()) == before, "something was changed");
    for about in [
        "settings",
        "spool",
        "one file system",
        "rights",
        "spool room",
        "leases",
        "watches",
        "open files",
        "warehouse",
        "tables",
        "warehouse room",
    ] {
        let line = text
            .lines()
            .find(|line| line[8..].starts_with(about))
            .unwrap_or_else(|| panic!("{about}: {text}"));
        assert!(line.starts_with("ok "), "{line}");
    }
    assert!(!text.contains(['✔', '\u{1b}']), "words where stdout is no terminal: {text}");
}

#[test]
fn before_the_first_run_there_are_warnings_and_nothing_is_made() {
    let site = Site::new();
    for about in ["spool", "warehouse"] {
        let (line, code) = line(&mut check(&site), about);
        assert_eq!((code, &line["verdict"]), (0, &"warning".into()), "{line}");
    }
    assert_eq!(picture(site.folder.path()), []);
}

#[test]
fn a_wrong_setting_is_named() {
    let site = made();
    let output = check(&site).env("IRISPOOL_READERS", "many").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("IRISPOOL_READERS=many"));
}

#[test]
fn a_file_where_a_folder_should_be_is_bad() {
    let site = Site::new();
    fs::create_dir(&site.spool).unwrap();
    fs::write(site.spool.join("incoming"), "").unwrap();
    assert_bad(&mut check(&site), "spool", "is not a folder");
}

#[test]
fn folders_on_two_file_systems_are_bad() {
    let site = made();
    let elsewhere = tempfile::tempdir_in("/dev/shm");
    let Ok(elsewhere) = elsewhere else { return skip("no /dev/shm") };
    use std::os::unix::fs::MetadataExt;
    if fs::metadata(elsewhere.path()).unwrap().dev() == fs::metadata(&site.spool).unwrap().dev() {
        return skip("/dev/shm is not a file system of its own");
    }
    fs::remove_dir(site.spool.join("done")).unwrap();
    symlink(elsewhere.path(), site.spool.join("done")).unwrap();
    assert_bad(&mut check(&site), "one file system", "more than one file system");
}

#[test]
fn a_folder_that_is_not_ours_to_write_is_bad() {
    if is_root() {
        return skip("root may write everywhere");
    }
    let site = made();
    let folder = site.incoming("FREQ");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    assert_bad(&mut check(&site), "rights", "FREQ");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let output = check(&site).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn too_full_a_disk_is_bad() {
    let site = made();
    assert_bad(check(&site).env("IRISPOOL_STATUS_DISK_CRITICAL", "1"), "spool room", "% used");
}

#[test]
fn too_few_open_files_are_bad() {
    let site = made();
    let program = env!("CARGO_BIN_EXE_irispool");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\"", program, "check"]);
    command.current_dir(site.folder.path());
    command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    assert_bad(&mut command, "open files", "only 256");
}

#[test]
fn a_message_from_the_future_is_bad() {
    let site = made();
    let path = site.put("FREQ", "b", "[]");
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(7200)).unwrap();
    assert_bad(&mut check(&site), "clock", "written later");
}

#[test]
fn a_warehouse_that_does_not_open_is_bad() {
    let site = made();
    let garbage = site.folder.path().join("garbage.db");
    fs::write(&garbage, "no database at all, but long enough to be looked at ".repeat(100)).unwrap();
    let warehouse = format!("sqlite:{}", garbage.display());
    assert_bad(check(&site).env("IRISPOOL_WAREHOUSE", warehouse), "warehouse", "not an SQLite database");
    let nowhere = format!("sqlite:{}", site.folder.path().join("no/such/iris.db").display());
    assert_bad(check(&site).env("IRISPOOL_WAREHOUSE", nowhere), "warehouse", "may not make files");
}

#[test]
fn tables_that_lack_are_a_warning_with_how_to_make_them() {
    let site = made();
    site.connection().execute_batch("DROP VIEW bmrs_freq_unified; DROP TABLE bmrs_mid_iris").unwrap();
    let (line, code) = line(&mut check(&site), "tables");
    assert_eq!((code, &line["verdict"]), (0, &"warning".into()));
    assert!(line["what"].as_str().unwrap().ends_with("1 have no table yet and 1 no view"), "{line}");
}
