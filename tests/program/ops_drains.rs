//! Where no worker stays: drains from cron, and paths that were mistyped.

use std::fs;
use std::process::Output;

use crate::support::site::Ended;
use crate::support::{Site, until};
use serde_json::{Value, json};

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

fn status(site: &Site, flags: &[&str]) -> Output {
    let mut command = site.irispool();
    command.arg("status").args(flags).args(site.run_arguments());
    // The disk of whoever runs the tests may be as full as it likes.
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100").output().unwrap()
}

fn answer(site: &Site) -> (Option<i32>, Vec<String>) {
    let output = status(site, &["--json"]);
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys = seen["findings"].as_array().unwrap().iter().map(|of| of["key"].as_str().unwrap().to_owned());
    (output.status.code(), keys.collect())
}

/// As if the drains had been so long ago.
fn age(site: &Site, seconds: i64) {
    let path = site.spool.join("drains.json");
    let mut drains: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for began in drains["began_ms"].as_array_mut().unwrap() {
        *began = json!(began.as_i64().unwrap() - seconds * 1_000);
    }
    drains["ended_ms"] = json!(drains["ended_ms"].as_i64().unwrap() - seconds * 1_000);
    fs::write(&path, drains.to_string()).unwrap();
}

#[test]
fn between_the_drains_of_cron_all_is_well_and_when_they_stop_it_is_not() {
    let site = Site::new();
    site.put("FREQ", "a", ROW);
    site.drain(&[]);
    assert_eq!(answer(&site), (Some(0), vec![]), "the next one is not due yet");
    // Cron's second one, a quarter of an hour later.
    age(&site, 900);
    site.put("FREQ", "b", ROW);
    site.drain(&[]);
    // What came since waits for the next one, however much it is.
    for number in 0..150 {
        site.put("FREQ", format!("c{number}"), ROW);
    }
    assert_eq!(answer(&site), (Some(0), vec![]));
    let screen = String::from_utf8(status(&site, &[]).stdout).unwrap();
    assert!(screen.contains("drains ") && screen.contains("15m"), "{screen}");
    // The third did not come.
    age(&site, 1_500);
    let (code, keys) = answer(&site);
    assert_eq!((code, keys[0].as_str()), (Some(2), "no-worker"));
    let screen = String::from_utf8(status(&site, &[]).stdout).unwrap();
    assert!(screen.contains("the last drain ended 25m"), "{screen}");
}

#[test]
fn what_a_drain_should_have_taken_is_not_well() {
    let site = Site::new();
    site.drain(&[]);
    // In the hands of a dead worker.
    let lock = site.connection();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    site.put("FREQ", "a", ROW);
    let killed = site.daemon(&[]);
    until("it holds it", || site.files_in("incoming").is_empty());
    killed.kill();
    drop(lock);
    let (code, keys) = answer(&site);
    assert_eq!((code, keys[0].as_str()), (Some(2), "no-worker"));
    site.drain(&[]);
    // It was there before the last one began.
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    let path = site.put("FREQ", "b", ROW);
    fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    assert_eq!(answer(&site).0, Some(2));
}

#[test]
fn a_new_spool_is_told_with_its_whole_path() {
    let site = Site::new();
    let drain = || {
        let mut command = site.irispool();
        Ended::of(
            &command.args(["run", "--once", "--spool", "spol", "--warehouse=sqlite:i.db"]).output().unwrap(),
        )
    };
    let made = drain();
    assert_eq!(made.code, Some(0), "{}", made.log);
    let whole = |name: &str| site.folder.path().join(name).display().to_string();
    assert!(made.log.contains(&format!("created a new, empty spool in {}", whole("spol"))), "{}", made.log);
    assert!(made.log.contains(&format!("created a new warehouse in {}", whole("i.db"))), "{}", made.log);
    let again = drain();
    assert!(!again.log.contains("created a new"), "{}", again.log);
    // One that the client, or a person, has begun is not new.
    fs::create_dir_all(site.incoming("FREQ")).unwrap();
    assert!(!site.drain(&[]).contains("empty spool"));
}

#[test]
fn status_where_there_is_no_spool_says_so_and_starts_nobody_there() {
    let site = Site::new();
    fs::create_dir(&site.spool).unwrap();
    for spool in [site.spool.clone(), site.folder.path().join("spol")] {
        let mut command = site.irispool();
        command.args(["status", "--spool"]).arg(spool.file_name().unwrap());
        let output = command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100").output().unwrap();
        let screen = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{screen}");
        assert!(screen.contains(&format!("there is no spool in {}", spool.display())), "{screen}");
        assert!(!screen.contains("irispool run") && !screen.contains("systemctl"), "{screen}");
    }
}
