//! What an earlier version left is taken over by this one: a spool and a database, as docs/formats.md describes them.
//!
//! `tests/support/site_of_0_1_0.tar.zst` is what irispool 0.1.0 left when it was killed. `tests/support/make-takeover` made
//! it. FREQ_1 to FREQ_8 are messages with one row each, whose frequency is 50.01 to 50.08.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Daemon, Site, root, until};

/// The folder as it was left.
fn left_by_0_1_0() -> Site {
    let mut site = Site::new();
    let archive = fs::File::open(root().join("tests/support/site_of_0_1_0.tar.zst")).unwrap();
    tar::Archive::new(zstd::Decoder::new(archive).unwrap()).unpack(site.folder.path()).unwrap();
    site.database = site.folder.path().join("irispool.db");
    site
}

/// Runs a command in that folder, with the settings of that time. Gives its exit code and what it said.
fn say(site: &Site, arguments: &[&str]) -> (i32, String) {
    let output = site.irispool().args(arguments).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// The rows of FREQ as `message row frequency`.
fn freq_rows(site: &Site) -> Vec<String> {
    site.texts(
        "SELECT format('%s %d %.2f', message_id, message_row, frequency) FROM bmrs_freq_iris ORDER BY 1",
    )
}

fn of_messages(numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|number| format!("FREQ_{number}.json 0 50.0{number}")).collect()
}

#[test]
fn what_was_claimed_and_what_waited_is_delivered_once() {
    let site = left_by_0_1_0();
    let (code, _) = say(&site, &["run", "--once"]);
    assert_eq!(code, 0);
    site.assert_nothing_incoming();
    site.assert_nothing_claimed();
    // FREQ_5 is dead, and FREQ_6 has a dead row beside its good one.
    assert_eq!(freq_rows(&site), of_messages(&[1, 2, 3, 4, 6, 7, 8]));
    let newset =
        "SELECT format('%s %s %d %d', message_id, seenAt, isOdd, value) FROM bmrs_newset_iris ORDER BY 1";
    let wanted = ["NEWSET_1.json 2025-10-28T03:03:00.000Z 1 1", "NEWSET_2.json 2025-10-28T03:08:00.000Z 0 2"];
    assert_eq!(site.texts(newset), wanted);
    let twice =
        "SELECT message_id FROM irispool_load_history GROUP BY dataset, message_id HAVING count(*) > 1";
    assert!(site.texts(twice).is_empty());
    assert_eq!(site.loaded(), 9);
}

/// A daemon does the same, and the PID file of the killed one does not stop it.
#[test]
fn a_daemon_takes_over_in_the_place_of_the_killed_one() {
    let site = left_by_0_1_0();
    let mut command = site.irispool();
    command.arg("run");
    let daemon = Daemon::start(command, site.folder.path());
    until("all is delivered", || site.loaded() == 9 && !site.has_messages());
    let pid = fs::read_to_string(site.folder.path().join("irispool.pid")).unwrap();
    assert_eq!(pid.trim(), daemon.id().to_string());
    drop(daemon);
    assert_eq!(freq_rows(&site), of_messages(&[1, 2, 3, 4, 6, 7, 8]));
}

#[test]
fn letters_are_listed_with_their_reasons_and_delivered_when_mended() {
    let site = left_by_0_1_0();
    say(&site, &["run", "--once"]);
    let (code, letters) = say(&site, &["dead", "list", "--json"]);
    assert_eq!(code, 0);
    for reason in ["before it is complete", "a number where a record should be"] {
        assert!(letters.contains(reason), "{reason}: {letters}");
    }
    assert!(site.dead().iter().eq(["FREQ/FREQ_5.json", "FREQ/FREQ_6.json"]));

    let whole = |minute: u32| {
        format!(
            r#"{{"dataset":"FREQ","measurementTime":"2025-10-28T03:0{minute}:00Z","frequency":50.0{minute}}}"#
        )
    };
    let dead = |name: &str| site.spool.join("dead/FREQ").join(name);
    fs::write(dead("FREQ_5.json"), format!("[{}]", whole(5))).unwrap();
    fs::write(dead("FREQ_6.json"), format!("[{},{}]", whole(6), whole(9))).unwrap();
    assert_eq!(say(&site, &["dead", "retry", "--all"]).0, 0);
    assert_eq!(say(&site, &["run", "--once"]).0, 0);
    assert!(site.dead().is_empty());
    let mut wanted = of_messages(&[1, 2, 3, 4, 5, 6, 7, 8]);
    wanted.insert(6, "FREQ_6.json 1 50.09".to_owned());
    assert_eq!(freq_rows(&site), wanted);
}

/// Also what lay in `done/`, when archiving begins with this version.
#[test]
fn the_archive_goes_on_and_is_restored() {
    let site = left_by_0_1_0();
    let packed = site.spool.join("archive/FREQ/2025-10-28.tar.zst");
    let before = fs::read(&packed).unwrap();
    assert_eq!(say(&site, &["run", "--once", "--keep", "archive"]).0, 0);
    assert!(fs::read(&packed).unwrap().starts_with(&before), "a block is only appended");
    let restored = site.folder.path().join("restored");
    let to = restored.to_str().unwrap();
    assert_eq!(say(&site, &["archive", "restore", "--all", "--to", to]).0, 0);
    // FREQ_4 came with two contents. FREQ_3 was delivered twice, and the second file is the same.
    let wanted = ["49.99", "50.01", "50.02", "50.03", "50.04", "50.07", "50.08"];
    assert_eq!(frequencies(&restored.join("FREQ")), wanted);

    // Into a new database: every message that was ever delivered, once.
    assert_eq!(say(&site, &["archive", "restore", "--incoming", "--dataset", "NEWSET"]).0, 0);
    let (code, _) = say(&site, &["run", "--once", "--keep", "none", "--warehouse", "sqlite:new.db"]);
    assert_eq!(code, 0);
    let new = rusqlite::Connection::open(site.folder.path().join("new.db")).unwrap();
    let rows: i64 = new.query_row("SELECT count(*) FROM bmrs_newset_iris", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 2);
}

/// The frequencies in the files of a folder, from the lowest.
fn frequencies(folder: &Path) -> Vec<String> {
    let frequency = |file: std::io::Result<fs::DirEntry>| {
        let rows: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        format!("{:.2}", rows[0]["frequency"].as_f64().unwrap())
    };
    let mut found: Vec<String> = fs::read_dir(folder).unwrap().map(frequency).collect();
    found.sort();
    found
}

/// What was sent by the earlier version is not sent again as new, and lasts since it began then.
#[test]
fn alerts_go_on_from_what_was_sent() {
    let site = left_by_0_1_0();
    say(&site, &["run", "--once"]);
    let began_ms = |site: &Site| {
        let state: Value =
            serde_json::from_slice(&fs::read(site.spool.join("alerts.json")).unwrap()).unwrap();
        state["seen"]["dead"]["since_ms"]["warning"].as_i64().unwrap()
    };
    let before = began_ms(&site);
    // The worker that was killed had looked after the alerts within the last minutes.
    let long_ago = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    fs::File::options()
        .write(true)
        .open(site.spool.join("alerts.lock"))
        .unwrap()
        .set_times(long_ago)
        .unwrap();
    say(&site, &["status", "--alert"]);
    assert_eq!(began_ms(&site), before);
    if let Ok(alert) = fs::read(site.folder.path().join("alert.json")) {
        let alert: Value = serde_json::from_slice(&alert).unwrap();
        let is_dead = |finding: &Value| finding["key"] == "dead";
        assert!(!alert["new"].as_array().unwrap().iter().any(is_dead), "{alert}");
    }
}

#[test]
fn status_and_check_read_it() {
    let site = left_by_0_1_0();
    let (_, status) = say(&site, &["status", "--json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    let findings = status["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["key"] == "dead"), "{findings:?}");
    assert!(findings.iter().any(|finding| finding["key"] == "no-worker"), "{findings:?}");
    let (code, check) = say(&site, &["check"]);
    assert_eq!(code, 0, "{check}");
}
