//! What people get wrong at first, and what is said then.

use std::fs;
use std::process::Command;

use crate::support::disk::Tmpfs;
use crate::support::site::Ended;
use crate::support::{Site, skip};

fn said(command: &mut Command) -> Ended {
    Ended::of(&command.output().unwrap())
}

#[track_caller]
fn assert_said(ended: &Ended, code: i32, text: &str) {
    assert_eq!(ended.code, Some(code), "{}", ended.log);
    assert!(ended.log.contains(text), "no {text:?} in: {}", ended.log);
}

#[test]
fn a_warehouse_that_is_written_another_way_is_guessed() {
    let site = Site::new();
    for (written, meant) in [
        ("bigquery:my-project:elexon", "bigquery:my-project.elexon"),
        ("bigquery:my-project/elexon", "bigquery:my-project.elexon"),
        ("my-project.elexon", "bigquery:my-project.elexon"),
        ("irispool.db", "sqlite:irispool.db"),
        ("/srv/JJ work/iris.sqlite", "sqlite:/srv/JJ work/iris.sqlite"),
    ] {
        let ended = said(site.irispool().args(["run", "--once", "--warehouse", written]));
        assert_said(&ended, 2, &format!("hint: did you mean {meant}?"));
    }
}

#[test]
fn a_file_of_settings_that_is_almost_right_is_put_right() {
    let site = Site::new();
    for (text, hint) in [
        ("log_file = irispool.log", "hint: put the value in quotes: log_file = \"irispool.log\""),
        (
            "readers = 4\nspool = /srv/JJ work # here",
            "hint: put the value in quotes: spool = \"/srv/JJ work\"",
        ),
        ("scan_interval = 5s", "hint: put the value in quotes: scan_interval = \"5s\""),
        ("scan_interval = 5", "hint: did you mean 5s?"),
        ("keep = \"Archive\"", "hint: did you mean archive?"),
        ("warehouse = \"irispool.db\"", "hint: did you mean sqlite:irispool.db?"),
        ("spol = \"a\"", "hint: did you mean `spool`?"),
        ("logfile = \"a\"", "hint: did you mean `log_file`?"),
        ("[bigquery]\nproject = \"a\"", "hint: settings do not belong to a section"),
        ("xyzzy = 1", "hint: irispool config lists the settings"),
    ] {
        fs::write(site.folder.path().join("irispool.toml"), text).unwrap();
        let ended = said(site.irispool().arg("config"));
        assert_said(&ended, 1, hint);
        assert!(ended.log.lines().count() <= 4 && !ended.log.contains("write_age"), "{}", ended.log);
    }
}

#[test]
fn an_age_without_a_unit_is_guessed() {
    let site = Site::new();
    let ended = said(site.irispool().args(["prune", "--older-than", "90"]));
    assert_said(&ended, 2, "did you mean 90d?");
}

#[test]
fn a_path_that_the_shell_made_two_words_of_is_put_in_quotes() {
    let site = Site::new();
    for (words, whole) in [
        (&["run", "--spool", "/tmp/JJ", "work"][..], "'/tmp/JJ work'"),
        (&["run", "--spool=/tmp/JJ", "work"], "'/tmp/JJ work'"),
        (&["--config", "/tmp/JJ", "work/i.toml", "run"], "'/tmp/JJ work/i.toml'"),
        (&["demo", "/tmp/it's", "here"], r"'/tmp/it'\''s here'"),
        (&["query", "SELECT", "1"], "'SELECT 1'"),
    ] {
        let ended = said(site.irispool().args(words));
        assert_said(&ended, 2, &format!("put a text with a space in it in quotes: {whole}"));
    }
    // Another mistake is no matter of quotes.
    for words in [&["run", "--nonsense"][..], &["nonsense"], &["run", "--once", "nonsense"]] {
        let ended = said(site.irispool().args(words));
        assert_eq!(ended.code, Some(2));
        assert!(!ended.log.contains("quotes"), "{}", ended.log);
    }
}

#[test]
fn a_full_disk_and_one_that_may_not_be_written_are_said_at_start_with_what_to_do() {
    let mut site = Site::new();
    let disk = site.folder.path().join("disk");
    let Some(mounted) = Tmpfs::mount_with(&disk, "size=64k") else { return skip("a tmpfs can't be mounted") };
    let _ = fs::write(disk.join("ballast"), vec![0; 128 * 1024]);
    let spool = site.spool.clone();
    site.database = disk.join("iris.db");
    let full = site.once(&[]);
    assert_said(&full, 1, "the disk is full");
    assert_said(&full, 1, "\nhint: free some space");
    fs::remove_file(disk.join("ballast")).unwrap();
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk).status().unwrap();
    assert!(remounted.success());
    for (spool, database) in
        [(spool.clone(), disk.join("iris.db")), (disk.join("spool"), spool.join("iris.db"))]
    {
        (site.spool, site.database) = (spool, database);
        let ended = site.once(&[]);
        assert_said(&ended, 1, "error: ");
        assert!(ended.log.contains("\nhint: ") && ended.log.contains("mount"), "{}", ended.log);
    }
    drop(mounted);
}

#[test]
fn a_query_in_the_other_dialect_is_told_so() {
    let site = Site::new();
    site.drain(&[]);
    for sql in [
        "SELECT CURRENT_DATE()",
        "SELECT TIMESTAMP_TRUNC(ingested_utc, 'DAY') FROM bmrs_freq_iris",
        "SELECT SAFE_CAST(frequency AS FLOAT64) FROM bmrs_freq_iris",
        "SELECT * FROM bmrs_freq_iris WHERE ingested_utc > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)",
        "SELECT * EXCEPT (rescued) FROM bmrs_freq_iris",
    ] {
        let ended = said(site.irispool().args(["query", sql, "--warehouse", &site.warehouse()]));
        assert_said(&ended, 1, "hint: this warehouse speaks SQLite's SQL");
    }
    // A name that is near says more.
    let ended = said(site.irispool().args([
        "query",
        "SELECT frequenzy FROM bmrs_freq_iris",
        "--warehouse",
        &site.warehouse(),
    ]));
    assert_said(&ended, 1, "hint: there is frequency");
}
