//! Commands that are printed for pasting, pasted: in a shell, with paths that a shell reads as something else when they are
//! bare.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::site::Ended;
use crate::support::{Site, is_root, skip};

const HOSTILE: [&str; 8] = [
    "JJ work",
    "it's",
    "\"x\"",
    "$(touch pasted)",
    "`touch pasted`",
    "a;touch pasted",
    "two\nlines",
    "-rf *",
];

/// What a shell in `folder` does with a command; programs of `stubs` come first.
fn paste(command: &str, folder: &Path, stubs: &Path) -> Output {
    let path = format!("{}:{}", stubs.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).current_dir(folder).env("PATH", path).output().unwrap()
}

/// Programs that only note the arguments that they get, a line each with breaks as `\n`.
fn stubs(site: &Site, names: &[&str]) -> PathBuf {
    let folder = site.folder.path().join("stubs");
    fs::create_dir_all(&folder).unwrap();
    for name in names {
        let text = format!(
            "#!/bin/sh\nfor word do printf '%s\\0' \"$word\" >>'{}'; done\n",
            folder.join("noted").display()
        );
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn noted(stubs: &Path) -> Vec<String> {
    let text = fs::read_to_string(stubs.join("noted")).unwrap_or_default();
    let _ = fs::remove_file(stubs.join("noted"));
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The command in a hint that begins with `program`.
#[track_caller]
fn command_in<'a>(text: &'a str, program: &str) -> &'a str {
    let line =
        text.lines().find(|line| line.contains(program)).unwrap_or_else(|| panic!("no {program}: {text}"));
    &line[line.find(program).unwrap()..]
}

#[test]
fn what_the_demo_prints_can_be_pasted_and_removes_only_its_own_folder() {
    for name in ["it's JJ work \"x\" $(touch pasted) `touch pasted`; touch pasted", "-rf *"] {
        let site = Site::new();
        let home = site.folder.path().join(format!("home {name}"));
        fs::create_dir(&home).unwrap();
        let neighbours = ["JJ", "work", "when", "you", "two", "a", "pas"];
        for neighbour in neighbours {
            fs::create_dir(home.join(neighbour)).unwrap();
            fs::write(home.join(neighbour).join("precious"), "").unwrap();
        }
        let output = site.irispool().current_dir(&home).args(["demo", "--", name]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
        let (_, next) = text.split_once("\nNext:\n").unwrap();
        let commands: Vec<&str> = next.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        assert!(commands.len() >= 5, "{next}");
        let elsewhere = tempfile::tempdir().unwrap();
        // The first commands are for the shell, and the others need them.
        let (of_shell, commands): (Vec<&str>, Vec<&str>) = commands
            .into_iter()
            .partition(|command| command.starts_with("cd ") || command.starts_with("export "));
        assert_eq!(of_shell.len(), 2, "{next}");
        for command in commands {
            // What goes on for ever is given an end.
            let command = match command {
                feed if feed.contains(" feed ") => {
                    feed.replace(" feed --per-second 20", " feed --files 3").replace('&', "")
                }
                run if run.contains(" run ") => format!("{run} --once"),
                other => other.to_owned(),
            };
            let command = format!("{} && {command}", of_shell.join(" && "));
            let ran = paste(&command, elsewhere.path(), Path::new("/usr/bin"));
            let log = Ended::of(&ran);
            assert_eq!(log.code, Some(0), "{command}: {}", log.log);
        }
        assert!(!home.join(name).exists(), "{next}");
        assert!(
            fs::read_dir(elsewhere.path()).unwrap().next().is_none(),
            "something was made elsewhere: {next}"
        );
        for neighbour in neighbours {
            assert!(home.join(neighbour).join("precious").exists(), "{neighbour} is gone: {next}");
        }
        assert!(!home.join("pasted").exists());
    }
}

/// Its paths could not be named in the settings, nor to a shell by every name.
#[test]
fn the_demo_takes_no_folder_whose_name_has_a_break_in_it() {
    let site = Site::new();
    let output = site.irispool().args(["demo", "two\nlines"]).output().unwrap();
    let ended = Ended::of(&output);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("\nhint: "), "{}", ended.log);
    assert!(!site.folder.path().join("two\nlines").exists());
}

#[test]
fn hints_about_the_database_name_that_file_to_a_shell() {
    for name in HOSTILE {
        let mut site = Site::new();
        let stubs = stubs(&site, &["sqlite3", "irispool"]);
        // No path with a break in it can be named in the settings, but the folder may have one.
        let folder = site.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        site.database = folder.join("iris.db");
        let said = |arguments: &[&str]| {
            let mut command = site.irispool();
            command.current_dir(&folder).env("IRISPOOL_BUSY_TIMEOUT", "100ms");
            let output = command.args(arguments).arg("--warehouse=sqlite:iris.db").output().unwrap();
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
        };
        said(&["setup"]);
        let database = site.database.to_str().unwrap();
        let check = |text: &str, program: &str, wanted: &[&str]| {
            let command = command_in(text, program).split(" | ").next().unwrap();
            paste(command, site.folder.path(), &stubs);
            assert_eq!(noted(&stubs), wanted, "{command}");
            assert!(!site.folder.path().join("pasted").exists(), "{command}");
        };
        check(&said(&["query", "DELETE FROM bmrs_freq_iris"]), "sqlite3 ", &[database]);
        let other = rusqlite::Connection::open(&site.database).unwrap();
        let lock = "PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE x (a)";
        other.execute_batch(lock).unwrap();
        let status = said(&["status"]);
        let warehouse = site.warehouse();
        check(&status, "irispool query", &["query", "--warehouse", &warehouse, "SELECT 1"]);
        drop(other);
        // Its first page stays whole, so it is still a database.
        let mut bytes = fs::read(&site.database).unwrap();
        bytes[100..8_000].fill(0x77);
        fs::write(&site.database, bytes).unwrap();
        check(&said(&["query", "SELECT * FROM bmrs_freq_iris"]), "sqlite3 ", &[database, ".recover"]);
        check(&said(&["check"]), "sqlite3 ", &[database, ".recover"]);
    }
}

#[test]
fn hints_about_rights_name_that_folder_to_a_shell() {
    if !is_root() {
        return skip("needs root, to run as somebody else");
    }
    for name in HOSTILE {
        let site = Site::new();
        let stubs = stubs(&site, &["chmod"]);
        let sticky = site.incoming(name);
        fs::create_dir_all(&sticky).unwrap();
        site.give_to_nobody();
        std::os::unix::fs::chown(&sticky, Some(0), Some(0)).unwrap();
        fs::set_permissions(&sticky, fs::Permissions::from_mode(0o1777)).unwrap();
        let mut check = site.irispool();
        check.arg("check").args(site.run_arguments());
        let output = site.unprivileged(check).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let command = command_in(&text, "chmod ");
        paste(command, site.folder.path(), &stubs);
        assert_eq!(noted(&stubs), ["-t", sticky.to_str().unwrap()], "{command}");
        assert!(!site.folder.path().join("pasted").exists(), "{command}");
    }
}
