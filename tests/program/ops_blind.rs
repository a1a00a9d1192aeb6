//! `irispool status` where it no longer knows, or can't see: silence stays silence, and what can't be read is no zero.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Daemon, Google, Site, until};
use fs2::FileExt;
use serde_json::Value;

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

fn command(site: &Site, flags: &[&str]) -> Command {
    let mut command = site.irispool();
    command.args(["status", "--json"]).args(flags);
    command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100").env("IRISPOOL_BUSY_TIMEOUT", "100ms");
    command
}

/// The answer, with its exit code as `code`.
#[track_caller]
fn of_output(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let mut json: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    json["code"] = output.status.code().unwrap().into();
    json
}

#[track_caller]
fn answer(site: &Site, flags: &[&str]) -> Value {
    of_output(&command(site, flags).output().unwrap())
}

/// As somebody who may not read everything.
#[track_caller]
fn answer_unprivileged(site: &Site, flags: &[&str]) -> Value {
    of_output(&site.unprivileged(command(site, flags)).output().unwrap())
}

#[track_caller]
fn assert_found(answer: &Value, code: i32, keys: &[&str]) {
    let found = answer["findings"].as_array().unwrap().iter().map(|finding| finding["key"].as_str().unwrap());
    assert_eq!(
        (answer["code"].as_i64().unwrap(), found.collect::<Vec<_>>()),
        (code.into(), keys.to_vec()),
        "{answer}"
    );
}

fn at_work(site: &Site) -> Daemon {
    let mut daemon = site.daemon(&[]);
    daemon.wait_until_ready();
    until("it tells its news", || answer(site, &[])["workers"][0]["news"]["turned_ms"].as_i64() > Some(0));
    daemon
}

/// Lines of the ledger: one every `step_s` seconds, from `from_s` ago to `to_s` ago.
fn ledger(site: &Site, dataset: &str, from_s: u32, to_s: u32, step_s: u32) {
    let lines = format!(
        "WITH RECURSIVE ago (s) AS (SELECT {from_s} UNION ALL SELECT s - {step_s} FROM ago WHERE s - {step_s} >= {to_s})
         INSERT OR REPLACE INTO irispool_load_history
         SELECT '{dataset}', 'm' || s, '0', 1, 1, 0, 0, 't', 1, 1, 'b', 'w', at, at, at
         FROM (SELECT s, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || s || ' seconds') AS at FROM ago)"
    );
    site.connection().execute_batch(&lines).unwrap();
}

/// A folder that nobody may look into, until this is dropped.
struct Closed(PathBuf);

impl Closed {
    fn new(path: &Path) -> Closed {
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
        Closed(path.to_owned())
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        fs::set_permissions(&self.0, Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_client_that_brought_rows_for_some_minutes_and_stopped_is_missed() {
    let site = Site::new();
    site.drain(&[]);
    let daemon = at_work(&site);
    assert_found(&answer(&site, &["--status-stale-after=1s"]), 0, &[]);
    ledger(&site, "FREQ", 700, 600, 50);
    assert_found(&answer(&site, &[]), 1, &["stale"]);
    assert_found(&answer(&site, &["--status-stale-after=1h"]), 0, &[]);
    daemon.stop();
}

#[test]
fn silence_outlasts_the_lines_of_the_ledger() {
    let site = Site::new();
    site.put("FREQ", "a", ROW);
    let daemon = at_work(&site);
    until("its row is in", || site.loaded() == 1);
    daemon.stop();
    // As a prune does some day.
    site.connection().execute_batch("DELETE FROM irispool_load_history").unwrap();
    let daemon = at_work(&site);
    until("it is missed", || answer(&site, &["--status-stale-after=1s"])["code"] == 1);
    let seen = answer(&site, &["--status-stale-after=1s"]);
    assert_found(&seen, 1, &["stale"]);
    assert!(seen["warehouse"]["last_row_ms"].is_i64(), "{seen}");
    daemon.stop();
}

#[test]
fn with_bigquery_silence_outlasts_the_flow_log() {
    let (site, google) = (Site::new(), Google::start());
    google.has_table("bmrs_freq_iris", &[]);
    google.state().views.insert("bmrs_freq_unified".to_owned());
    let at_work = || {
        let mut command = site.irispool();
        command.arg("run").env("IRISPOOL_SPOOL", &site.spool);
        google.as_emulator(&mut command);
        let mut daemon = Daemon::start(command, site.folder.path());
        daemon.wait_until_ready();
        daemon
    };
    let answer = || {
        let mut command = command(&site, &["--status-stale-after=1s"]);
        google.as_emulator(&mut command);
        of_output(&command.output().unwrap())
    };
    let daemon = at_work();
    site.put("FREQ", "a", ROW);
    until("its row is in", || google.state().rows == 1 && !site.has_messages());
    daemon.stop();
    // As it is after nine days.
    fs::remove_dir_all(site.spool.join("flow")).unwrap();
    let daemon = at_work();
    until("it is missed", || answer()["code"] == 1);
    assert_found(&answer(), 1, &["stale"]);
    daemon.stop();
}

#[test]
fn a_day_of_the_flow_log_that_cannot_be_read_is_unknown_and_nothing_is_concluded() {
    let (site, google) = (Site::new(), Google::start());
    let mut run = site.irispool();
    run.arg("run").env("IRISPOOL_SPOOL", &site.spool);
    google.as_emulator(&mut run);
    let mut daemon = Daemon::start(run, site.folder.path());
    daemon.wait_until_ready();
    let flow = site.spool.join("flow");
    fs::create_dir(&flow).unwrap();
    // A row an hour ago and one five days ago, each in the file of its day.
    let files = [3_600_000, 5 * 24 * 3_600_000].map(|ago_ms| {
        let at_ms = jiff::Timestamp::now().as_millisecond() - ago_ms;
        let day = jiff::Timestamp::from_millisecond(at_ms).unwrap().strftime("%Y-%m-%d");
        let came = format!(
            r#"{{"minute":{},"warehouse":"bigquery:p.d","flow":{{"FREQ":{{"m":1,"r":1,"at":{at_ms}}}}}}}"#,
            at_ms / 60_000
        );
        let file = flow.join(format!("{day}.jsonl"));
        fs::write(&file, format!("{{\"worker\":\"w\",\"came\":{came}}}\n")).unwrap();
        file
    });
    site.give_to_nobody();
    let answer = || {
        let mut command = command(&site, &[]);
        google.as_emulator(&mut command);
        of_output(&site.unprivileged(command).output().unwrap())
    };
    until("the worker is seen", || answer()["code"] == 1);
    assert_found(&answer(), 1, &["stale"]);
    for file in files {
        let _closed = Closed::new(&file);
        let seen = answer();
        assert_found(&seen, 3, &["spool"]);
        let what = seen["findings"][0]["what"].as_str().unwrap();
        assert!(what.contains(file.to_str().unwrap()), "{what}");
    }
    daemon.stop();
}

#[test]
fn messages_where_no_worker_looks_are_a_warning() {
    let site = Site::new();
    let daemon = at_work(&site);
    fs::create_dir_all(site.incoming("FREQ").join("empty")).unwrap();
    assert_found(&answer(&site, &[]), 0, &[]);
    fs::create_dir(site.incoming("FREQ").join("FREQ")).unwrap();
    fs::write(site.incoming("FREQ").join("FREQ").join("a"), ROW).unwrap();
    let seen = answer(&site, &[]);
    assert_found(&seen, 1, &["too-deep"]);
    assert!(seen["findings"][0]["what"].as_str().unwrap().contains("incoming/FREQ/FREQ"), "{seen}");
    assert!(
        seen["findings"][0]["hint"].as_str().unwrap().contains("RelativeFileDownloadDirectory"),
        "{seen}"
    );
    fs::remove_dir_all(site.incoming("FREQ").join("FREQ")).unwrap();
    fs::write(site.spool.join("incoming").join("b"), ROW).unwrap();
    let seen = answer(&site, &[]);
    assert_found(&seen, 1, &["stray"]);
    assert!(seen["findings"][0]["what"].as_str().unwrap().contains("incoming/b"), "{seen}");
    daemon.stop();
}

#[test]
fn a_folder_that_cannot_be_read_is_unknown_and_not_empty() {
    let site = Site::new();
    site.put("FREQ", "a", "[{");
    site.put("MID", "b", ROW);
    let daemon = at_work(&site);
    until("they are taken", || site.dead().len() == 1 && !site.has_messages());
    site.give_to_nobody();
    assert_found(&answer_unprivileged(&site, &[]), 1, &["dead"]);
    let incoming = site.incoming("MID");
    for (closed, others) in [(&incoming, &["dead"][..]), (&site.spool.join("dead"), &[])] {
        let _closed = Closed::new(closed);
        let seen = answer_unprivileged(&site, &[]);
        assert_found(&seen, 3, &[&["spool"], others].concat());
        let what = seen["findings"][0]["what"].as_str().unwrap();
        assert!(what.contains(closed.to_str().unwrap()), "{what}");
    }
    daemon.stop();
}

#[test]
fn a_worker_that_cannot_be_seen_is_not_said_to_be_dead() {
    let site = Site::new();
    let daemon = at_work(&site);
    site.give_to_nobody();
    let worker = answer(&site, &[])["workers"][0]["name"].as_str().unwrap().to_owned();
    let claimed = site.spool.join("claimed");
    for closed in [claimed.clone(), claimed.join(&worker), site.spool.clone()] {
        let _closed = Closed::new(&closed);
        assert_found(&answer_unprivileged(&site, &[]), 3, &["spool"]);
    }
    daemon.stop();
}

#[test]
fn a_database_that_may_not_be_looked_at_is_unknown() {
    let site = Site::new();
    let daemon = at_work(&site);
    let folder = site.folder.path().join("closed");
    fs::create_dir(&folder).unwrap();
    site.give_to_nobody();
    let _closed = Closed::new(&folder);
    let warehouse = format!("--warehouse=sqlite:{}", folder.join("iris.db").display());
    assert_found(&answer_unprivileged(&site, &[&warehouse]), 3, &["warehouse"]);
    daemon.stop();
}

/// What `status --alert` tells, as it lasts for no time at all.
struct Told {
    new: Vec<String>,
    cleared: Vec<String>,
    text: String,
}

#[track_caller]
fn tell(site: &Site) -> Told {
    told(site).expect("there is something to tell")
}

/// The same; none where it tells nothing.
#[track_caller]
fn told(site: &Site) -> Option<Told> {
    let told = site.folder.path().join("told");
    let hook = format!("--alert-command=cat > {}", told.display());
    answer_unprivileged(site, &["--alert", "--alert-after=0s", &hook]);
    let alert: Value = serde_json::from_slice(&fs::read(&told).ok()?).unwrap();
    fs::remove_file(&told).unwrap();
    let keys = |kind: &str| {
        let notes = alert[kind].as_array().unwrap();
        notes.iter().map(|note| note["key"].as_str().unwrap().to_owned()).collect()
    };
    let text = alert["text"].as_str().unwrap().to_owned();
    Some(Told { new: keys("new"), cleared: keys("cleared"), text })
}

#[test]
fn nothing_is_over_because_the_ledger_cannot_be_read() {
    let site = Site::new();
    site.drain_long_ago();
    ledger(&site, "FREQ", 4 * 3600, 3600, 120);
    site.give_to_nobody();
    assert_eq!(tell(&site).new, ["no-worker", "stale"]);
    let lock = site.connection();
    lock.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let told = tell(&site);
    assert_eq!((told.new, told.cleared), (vec!["warehouse".to_owned()], vec![]), "{}", told.text);
    drop(lock);
    assert_eq!(tell(&site).cleared, ["warehouse"]);
    ledger(&site, "FREQ", 60, 0, 60);
    assert_eq!(tell(&site).cleared, ["stale"]);
}

#[test]
fn nothing_is_over_because_the_spool_cannot_be_read() {
    let site = Site::new();
    site.put("FREQ", "a", "[{");
    site.drain_long_ago();
    site.give_to_nobody();
    assert_eq!(tell(&site).new, ["no-worker", "dead"]);
    let closed = [Closed::new(&site.spool.join("dead")), Closed::new(&site.spool.join("claimed"))];
    let told = tell(&site);
    assert_eq!((told.new, told.cleared), (vec!["spool".to_owned()], vec![]), "{}", told.text);
    drop(closed);
    assert_eq!(tell(&site).cleared, ["spool"]);
}

#[test]
fn what_only_a_worker_says_is_not_over_while_none_can_be_asked() {
    let site = Site::new();
    fs::create_dir(&site.spool).unwrap();
    fs::write(site.spool.join("archive"), "no folder").unwrap();
    let packer = site.daemon(&["--keep=archive", "--scan-interval=100ms"]);
    site.put("FREQ", "a", ROW);
    let other = rusqlite::Connection::open(site.folder.path().join("other.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut command = site.irispool();
    command.args(["run", "--busy-timeout=100ms", "--warehouse=sqlite:other.db", "--spool"]).arg(&site.spool);
    let waiter = Daemon::start(command, site.folder.path());
    until("both have something to say", || answer(&site, &[])["findings"].as_array().unwrap().len() == 2);
    site.give_to_nobody();
    assert_eq!(tell(&site).new, ["waits", "unpacked"]);
    let closed = Closed::new(&site.spool.join("claimed"));
    let seen = tell(&site);
    assert_eq!((seen.new, seen.cleared), (vec!["spool".to_owned()], vec![]), "{}", seen.text);
    drop(closed);
    assert_eq!(tell(&site).cleared, ["spool"]);
    packer.kill();
    waiter.kill();
    let seen = tell(&site);
    assert_eq!((seen.new, seen.cleared), (vec!["no-worker".to_owned()], vec![]), "{}", seen.text);
    let daemon = at_work(&site);
    site.give_to_nobody();
    let mut cleared = Vec::new();
    until("all three are over", || {
        cleared.extend(told(&site).map(|told| told.cleared).unwrap_or_default());
        cleared.len() == 3
    });
    assert_eq!(cleared, ["no-worker", "waits", "unpacked"]);
    daemon.stop();
}

#[test]
fn a_dataset_s_silence_is_not_over_when_its_lines_are_pruned() {
    let site = Site::new();
    site.drain_long_ago();
    ledger(&site, "FREQ", 4 * 3600, 3600, 120);
    ledger(&site, "BOALF", 3600, 0, 60);
    site.give_to_nobody();
    assert_eq!(tell(&site).new, ["no-worker", "stale:FREQ"]);
    let prune = || {
        let all = "DELETE FROM irispool_load_history WHERE dataset = 'FREQ'";
        site.connection().execute_batch(all).unwrap();
    };
    prune();
    assert!(told(&site).is_none());
    ledger(&site, "FREQ", 0, 0, 60);
    assert_eq!(tell(&site).cleared, ["stale:FREQ"]);
    // It falls silent once more, and nobody remembers when, until it is a week ago that it did.
    prune();
    ledger(&site, "FREQ", 4 * 3600, 3600, 120);
    assert_eq!(tell(&site).new, ["stale:FREQ"]);
    prune();
    let file = site.spool.join("alerts.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for since in state["seen"]["stale:FREQ"]["since_ms"].as_object_mut().unwrap().values_mut() {
        *since = (since.as_i64().unwrap() - 7 * 24 * 3_600_000).into();
    }
    fs::write(&file, state.to_string()).unwrap();
    site.give_to_nobody();
    let seen = tell(&site);
    assert_eq!(seen.cleared, ["stale:FREQ"]);
    assert!(seen.text.contains("given up after"), "{}", seen.text);
}

#[test]
fn a_dataset_s_silence_is_not_over_when_all_are_silent_and_is_given_up_after_a_week() {
    let site = Site::new();
    site.drain_long_ago();
    ledger(&site, "FREQ", 4 * 3600, 3600, 120);
    ledger(&site, "BOALF", 3600, 0, 60);
    site.give_to_nobody();
    assert_eq!(tell(&site).new, ["no-worker", "stale:FREQ"]);
    let later = |days_hours: &str| {
        let ago = format!(
            "UPDATE irispool_load_history SET loaded_at = strftime('%Y-%m-%dT%H:%M:%fZ', loaded_at, '-{days_hours}')"
        );
        site.connection().execute_batch(&ago).unwrap();
    };
    later("1 hour");
    let told = tell(&site);
    assert_eq!((told.new, told.cleared), (vec!["stale".to_owned()], vec![]), "{}", told.text);
    later("7 days");
    ledger(&site, "BOALF", 3600, 0, 60);
    let told = tell(&site);
    assert_eq!(told.cleared, ["stale", "stale:FREQ"]);
    assert!(told.text.contains("given up after") && told.text.contains("over after"), "{}", told.text);
}

#[test]
fn what_is_no_longer_critical_is_told_and_that_it_is_again() {
    let site = Site::new();
    site.drain_long_ago();
    let file = |name: &str| site.incoming("FREQ").join(name);
    for name in ["a", "b", "c"] {
        site.put("FREQ", name, ROW);
    }
    let told = site.folder.path().join("told");
    let hook = format!(
        "--alert-command=cat > {}; echo $IRISPOOL_ALERT_BETTER >> {}",
        told.display(),
        told.display()
    );
    let tell = || {
        answer(
            &site,
            &["--alert", "--alert-after=0s", "--status-backlog-warn=1", "--status-backlog-critical=2", &hook],
        );
        fs::read_to_string(&told).unwrap()
    };
    assert!(tell().contains("CRITICAL: 3 messages wait"));
    fs::remove_file(file("a")).unwrap();
    let better = tell();
    assert!(
        better.contains("WARNING, was CRITICAL: 2 messages wait") && better.ends_with("\nbacklog\n"),
        "{better}"
    );
    site.put("FREQ", "a", ROW);
    let worse = tell();
    assert!(worse.contains("CRITICAL, was WARNING: 3 messages wait"), "{worse}");
}

#[test]
fn status_says_that_another_process_has_the_alerts_in_hand() {
    let site = Site::new();
    site.drain(&[]);
    // As a worker that was stopped in the middle of a round.
    let lock = fs::File::create(site.spool.join("alerts.lock")).unwrap();
    lock.lock_exclusive().unwrap();
    let output = command(&site, &["--alert", "--alert-after=0s", "--alert-command=true"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("another process") && said.contains("alerts.lock"), "{said}");
}
