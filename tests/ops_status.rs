//! `irispool status`: each exit code out of the condition that it stands for.

#![allow(clippy::unwrap_used)]

mod run_support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};
use std::time::{Duration, SystemTime};

use run_support::{Daemon, Site, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

fn ask(site: &Site, flags: &[&str]) -> Output {
    let mut command = site.irispool();
    command.arg("status").args(flags);
    command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    // The disk of whoever runs the tests may be as full as it likes.
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    command.output().unwrap()
}

/// The answer as JSON, and the exit code.
#[track_caller]
fn answer(site: &Site, flags: &[&str]) -> (Value, i32) {
    let output = ask(site, &[flags, &["--json"]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let json = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (json, output.status.code().unwrap())
}

fn keys(answer: &Value) -> Vec<&str> {
    answer["findings"].as_array().unwrap().iter().map(|finding| finding["key"].as_str().unwrap()).collect()
}

/// A worker that has told its first news.
fn at_work(site: &Site) -> Daemon {
    let mut daemon = site.daemon(&[]);
    daemon.wait_until_ready();
    until("it tells its news", || answer(site, &[]).0["workers"][0]["news"]["turned_ms"].as_i64() > Some(0));
    daemon
}

#[test]
fn a_spool_with_a_worker_and_nothing_waiting_is_healthy() {
    let site = Site::new();
    site.put("FREQ", "a", ROW);
    let daemon = at_work(&site);
    until("it is delivered", || site.loaded() == 1);
    until("it is healthy", || ask(&site, &[]).status.code() == Some(0));
    let (answer, code) = answer(&site, &[]);
    assert_eq!((code, &answer["level"], keys(&answer)), (0, &"ok".into(), vec![]));
    let freq = &answer["datasets"]["FREQ"];
    assert_eq!((&freq["ready"], &freq["claimed"], &freq["dead"]), (&0.into(), &0.into(), &0.into()));
    assert_eq!((&freq["flow"]["rows_hour"], &freq["flow"]["rows_day"]), (&1.into(), &1.into()));
    assert_eq!(answer["warehouse"]["last_row_ms"], freq["flow"]["last_row_ms"]);
    let worker = &answer["workers"][0];
    assert_eq!((&worker["alive"], &worker["pid"]), (&true.into(), &daemon.id().into()));
    daemon.stop();
    let (answer, code) = self::answer(&site, &[]);
    assert_eq!((code, keys(&answer)), (2, vec!["no-worker"]));
}

#[test]
fn with_no_spool_and_no_database_it_is_critical_and_makes_neither() {
    let site = Site::new();
    let output = ask(&site, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!site.spool.exists() && !site.database.exists());
    let text = String::from_utf8(output.stdout).unwrap();
    let (screen, disk) = text.split_at(text.find("disk ").unwrap());
    insta::assert_snapshot!(screen.replace(site.folder.path().to_str().unwrap(), "FOLDER"));
    assert!(disk.contains(" % used, "), "{disk}");
}

#[test]
fn a_killed_worker_is_seen_with_what_it_leaves() {
    let site = Site::new();
    site.drain(&[]);
    let lock = site.connection();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    for name in ["a", "b", "c"] {
        site.put("FREQ", name, ROW);
    }
    let daemon = at_work(&site);
    until("it holds them", || answer(&site, &[]).0["workers"][0]["claimed"] == 3);
    daemon.kill();
    let (answer, code) = answer(&site, &[]);
    assert_eq!((code, keys(&answer)), (2, vec!["no-worker", "dead-worker"]));
    assert_eq!(
        (&answer["workers"][0]["alive"], &answer["datasets"]["FREQ"]["claimed"]),
        (&false.into(), &3.into())
    );
    drop(lock);
    site.drain(&[]);
    assert_eq!(site.loaded(), 3, "looking took nothing away");
}

#[test]
fn a_backlog_is_a_warning_and_then_critical() {
    let site = Site::new();
    let daemon = at_work(&site);
    fs::create_dir_all(site.incoming("FREQ")).unwrap();
    // Nobody may take a file that is being written, so they stay.
    let files: Vec<File> = (0..3)
        .map(|number| File::create(site.incoming("FREQ").join(format!("f{number}"))).unwrap())
        .collect();
    assert_eq!(answer(&site, &[]).1, 0);
    let (warning, code) = answer(&site, &["--status-backlog-warn=2"]);
    assert_eq!((code, keys(&warning)), (1, vec!["backlog"]));
    assert_eq!(answer(&site, &["--status-backlog-warn=3"]).1, 0, "at the limit is not over it");
    let (critical, code) = answer(&site, &["--status-backlog-critical=2"]);
    assert_eq!((code, keys(&critical)), (2, vec!["backlog"]));
    files[0].set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    let (old, code) = answer(&site, &[]);
    assert_eq!((code, keys(&old)), (1, vec!["oldest"]));
    let ages: Vec<u64> = old["backlog_ages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|class| class["messages"].as_u64().unwrap())
        .collect();
    assert_eq!(ages, [2, 0, 0, 1, 0, 0]);
    drop(files);
    daemon.stop();
}

#[test]
fn dead_letters_are_a_warning() {
    let site = Site::new();
    site.put("FREQ", "a", "[{");
    let daemon = at_work(&site);
    until("it is dead", || site.dead().len() == 1);
    until("it is counted", || answer(&site, &[]).1 == 1);
    let (answer, _) = answer(&site, &[]);
    assert_eq!((keys(&answer), &answer["datasets"]["FREQ"]["dead"]), (vec!["dead"], &1.into()));
    daemon.stop();
}

#[test]
fn a_parked_table_is_critical() {
    let site = Site::new();
    site.drain(&[]);
    site.connection()
        .execute_batch(
            "DROP TABLE bmrs_freq_iris; CREATE TABLE bmrs_freq_iris (frequency REAL CHECK (frequency < 0), ingested_utc TEXT, source TEXT,
               message_id TEXT, message_row INTEGER, rescued TEXT)",
        )
        .unwrap();
    site.put("FREQ", "a", ROW);
    let daemon = at_work(&site);
    until("it is parked", || answer(&site, &[]).1 == 2);
    let (answer, _) = answer(&site, &[]);
    assert_eq!(keys(&answer)[0], "parked:FREQ", "{answer}");
    site.connection().execute_batch("DROP TABLE bmrs_freq_iris").unwrap();
    daemon.stop();
}

#[test]
fn a_full_disk_is_critical() {
    let site = Site::new();
    let daemon = at_work(&site);
    let (answer, code) = answer(&site, &["--status-disk-critical=1"]);
    assert_eq!((code, keys(&answer).len()), (2, 1), "{answer}");
    assert!(keys(&answer)[0].starts_with("disk:"));
    daemon.stop();
}

#[test]
fn what_cannot_be_found_out_is_unknown() {
    let site = Site::new();
    let daemon = at_work(&site);
    let garbage = site.folder.path().join("garbage.db");
    fs::write(&garbage, "no database at all, but long enough to be looked at ".repeat(100)).unwrap();
    let (answer, code) = answer(&site, &[&format!("--warehouse=sqlite:{}", garbage.display())]);
    assert_eq!((code, keys(&answer)), (3, vec!["warehouse"]));
    let output = ask(&site, &["--config=absent.toml"]);
    assert_eq!(output.status.code(), Some(3), "a broken configuration is no warning");
    assert_eq!(ask(&site, &["--status-stale-after=soon"]).status.code(), Some(3));
    daemon.stop();
}

/// Lines of the ledger: one every `step_s` seconds, from `from_s` ago to `to_s` ago.
fn ledger(site: &Site, dataset: &str, from_s: u32, to_s: u32, step_s: u32) {
    let line = format!(
        "WITH RECURSIVE ago (s) AS (SELECT {from_s} UNION ALL SELECT s - {step_s} FROM ago WHERE s - {step_s} >= {to_s})
         INSERT INTO irispool_load_history
         SELECT '{dataset}', 'm' || s, '0', 1, 1, 0, 0, 't', 1, 1, 'b', 'w', at, at, at
         FROM (SELECT s, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || s || ' seconds') AS at FROM ago)"
    );
    site.connection().execute_batch(&line).unwrap();
}

#[test]
fn silence_is_measured_by_each_dataset_s_own_rhythm() {
    let site = Site::new();
    site.drain(&[]);
    ledger(&site, "FREQ", 4 * 3600, 3600, 120);
    ledger(&site, "REMIT", 20 * 3600, 3600, 1800);
    ledger(&site, "ONCE", 7200, 7000, 7200);
    let daemon = at_work(&site);
    let (all, code) = answer(&site, &[]);
    assert_eq!((code, keys(&all)), (1, vec!["stale"]), "nothing at all has come for an hour");
    ledger(&site, "BOALF", 3600, 0, 60);
    let (one, code) = answer(&site, &[]);
    assert_eq!((code, keys(&one)), (1, vec!["stale:FREQ"]), "REMIT may rest, of ONCE nothing is known");
    assert_eq!(answer(&site, &["--status-stale-after=2h"]).1, 0);
    daemon.stop();
}

#[test]
fn watch_looks_again_and_ends_with_the_last_look_s_code() {
    let site = Site::new();
    let mut command = site.irispool();
    command.args(["status", "--watch=100ms", "--json"]).args(site.run_arguments());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["level"], "critical");
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    for line in lines {
        line.unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn colours_and_symbols_are_for_terminals() {
    let site = Site::new();
    let plain = String::from_utf8(ask(&site, &[]).stdout).unwrap();
    assert!(!plain.contains(['\u{1b}', '✘']) && plain.contains("critical:"), "{plain}");
    let coloured = String::from_utf8(ask(&site, &["--color=always"]).stdout).unwrap();
    assert!(coloured.contains("\u{1b}[31m"), "{coloured}");
}
