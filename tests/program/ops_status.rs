//! `irispool status`: each exit code out of the condition that it stands for.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use crate::support::disk::Tmpfs;
use crate::support::{Daemon, Google, Site, skip, until};
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

/// The same of a spool whose rows go to BigQuery.
fn ask_bigquery(site: &Site, google: &Google, flags: &[&str]) -> (Value, i32) {
    let mut command = site.irispool();
    command.args(["status", "--json"]).args(flags);
    command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    google.as_emulator(&mut command);
    of_output(&command.output().unwrap())
}

/// The answer as JSON, and the exit code.
#[track_caller]
fn answer(site: &Site, flags: &[&str]) -> (Value, i32) {
    of_output(&ask(site, &[flags, &["--json"]].concat()))
}

#[track_caller]
fn of_output(output: &Output) -> (Value, i32) {
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
fn with_no_spool_and_no_database_it_is_unknown_and_makes_neither() {
    let site = Site::new();
    let output = ask(&site, &[]);
    assert_eq!(output.status.code(), Some(3));
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
    let (held, code) = answer(&site, &["--status-backlog-warn=2"]);
    assert_eq!(
        (code, keys(&held)),
        (2, vec!["no-worker", "dead-worker", "backlog"]),
        "claimed is not delivered"
    );
    let (answer, code) = answer(&site, &[]);
    assert_eq!((code, keys(&answer)), (2, vec!["no-worker", "dead-worker"]));
    assert!(answer["oldest_ms"].is_number(), "{answer}");
    assert_eq!(
        (&answer["workers"][0]["alive"], &answer["datasets"]["FREQ"]["claimed"]),
        (&false.into(), &3.into())
    );
    drop(lock);
    site.drain(&[]);
    assert_eq!(site.loaded(), 3, "looking took nothing away");
}

#[test]
fn a_killed_worker_beside_a_live_one_is_a_warning() {
    let site = Site::new();
    site.drain(&[]);
    let lock = site.connection();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    site.put("FREQ", "a", ROW);
    let holder = at_work(&site);
    until("it holds it", || answer(&site, &[]).0["workers"][0]["claimed"] == 1);
    // It looks for dead workers when it starts, and then no more in this test.
    let mut live = site.daemon(&["--scan-interval=1h"]);
    live.wait_until_ready();
    holder.kill();
    let (answer, code) = answer(&site, &[]);
    assert_eq!((code, keys(&answer)), (1, vec!["dead-worker"]), "{answer}");
    drop(lock);
    live.stop();
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
fn that_no_row_ever_came_is_a_warning_until_one_does() {
    let site = Site::new();
    let daemon = at_work(&site);
    assert_eq!(answer(&site, &[]).1, 0, "it has just begun");
    until("it has been at work for a second", || {
        let (seen, code) = answer(&site, &["--status-stale-after=1s"]);
        (code, keys(&seen)) == (1, vec!["stale"])
    });
    site.put("FREQ", "a", ROW);
    until("the row is there", || site.loaded() == 1);
    assert_eq!(answer(&site, &[]).1, 0);
    daemon.stop();
}

#[test]
fn watch_looks_again_and_ends_with_the_last_look_s_code() {
    let site = Site::new();
    site.drain_long_ago();
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
    site.drain_long_ago();
    let plain = String::from_utf8(ask(&site, &[]).stdout).unwrap();
    assert!(!plain.contains(['\u{1b}', '✘']) && plain.contains("critical:"), "{plain}");
    let coloured = String::from_utf8(ask(&site, &["--color=always"]).stdout).unwrap();
    assert!(coloured.contains("\u{1b}[31m"), "{coloured}");
}

/// A worker that streams to this Google.
fn at_work_with(site: &Site, google: &Google) -> Daemon {
    let mut command = site.irispool();
    command.arg("run").env("IRISPOOL_SPOOL", &site.spool);
    google.as_emulator(&mut command);
    let mut daemon = Daemon::start(command, site.folder.path());
    daemon.wait_until_ready();
    daemon
}

/// A Google with a table for FREQ.
fn google() -> Google {
    let google = Google::start();
    google.has_table("bmrs_freq_iris", &[]);
    google.state().views.insert("bmrs_freq_unified".to_owned());
    google
}

#[test]
fn with_bigquery_rows_are_known_while_their_minute_lasts_and_after_the_worker_has_gone() {
    let (site, google) = (Site::new(), google());
    let daemon = at_work_with(&site, &google);
    site.put("FREQ", "a", ROW);
    site.put("FREQ", "b", ROW);
    until("its rows are seen", || {
        ask_bigquery(&site, &google, &[]).0["datasets"]["FREQ"]["flow"]["rows_hour"] == 2
    });
    until("it is healthy", || ask_bigquery(&site, &google, &[]).1 == 0);
    let (seen, code) = ask_bigquery(&site, &google, &[]);
    assert_eq!((code, keys(&seen)), (0, vec![]));
    let warehouse = &seen["warehouse"];
    assert_eq!((&warehouse["there"], &warehouse["location"]), (&true.into(), &"EU".into()));
    assert!(warehouse["answered_ms"].is_u64(), "{warehouse}");
    let flow = seen["datasets"]["FREQ"]["flow"].clone();
    assert!(flow["last_row_ms"].is_i64() && flow["last_row_ms"] == warehouse["last_row_ms"], "{seen}");
    daemon.stop();
    let (seen, code) = ask_bigquery(&site, &google, &[]);
    assert_eq!((code, keys(&seen)), (2, vec!["no-worker"]));
    assert_eq!(seen["datasets"]["FREQ"]["flow"], flow, "it is known without a worker");
    assert_eq!(google.state().rows, 2);
    assert!(
        !google.state().asked.iter().any(|asked| asked.contains("/queries") || asked.contains("/jobs")),
        "nothing that could cost money is asked: {:?}",
        google.state().asked
    );
}

#[test]
fn what_two_workers_deliver_is_added_up() {
    let (site, google) = (Site::new(), google());
    let daemons = [at_work_with(&site, &google), at_work_with(&site, &google)];
    for number in 0..20 {
        site.put("FREQ", format!("m{number}"), ROW);
    }
    until("all rows are seen", || {
        ask_bigquery(&site, &google, &[]).0["datasets"]["FREQ"]["flow"]["rows_day"] == 20
    });
    for daemon in daemons {
        daemon.stop();
    }
    assert_eq!(ask_bigquery(&site, &google, &[]).0["datasets"]["FREQ"]["flow"]["rows_day"], 20);
}

/// Lines of the flow log as a worker writes them: one every `step_s` seconds, from `from_s` ago to `to_s` ago.
fn flow_log(site: &Site, dataset: &str, from_s: i64, to_s: i64, step_s: i64) {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    for ago_s in (to_s..=from_s).rev().step_by(step_s as usize) {
        let at_ms = now_ms - ago_s * 1_000;
        let day = jiff::Timestamp::from_millisecond(at_ms).unwrap().strftime("%Y-%m-%d").to_string();
        let came = serde_json::json!({"minute": at_ms / 60_000, "warehouse": "bigquery:p.d", "flow": {dataset: {"m": 1, "r": 2, "at": at_ms}}});
        let folder = site.spool.join("flow");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{day}.jsonl"));
        let mut file = File::options().append(true).create(true).open(path).unwrap();
        writeln!(file, "{}", serde_json::json!({"worker": "w", "came": came})).unwrap();
    }
}

#[test]
fn with_bigquery_silence_is_measured_by_each_dataset_s_own_rhythm() {
    let (site, google) = (Site::new(), google());
    let daemon = at_work_with(&site, &google);
    flow_log(&site, "FREQ", 4 * 3600, 3600, 120);
    flow_log(&site, "REMIT", 20 * 3600, 3600, 1800);
    flow_log(&site, "ONCE", 7000, 7000, 1);
    let (all, code) = ask_bigquery(&site, &google, &[]);
    assert_eq!((code, keys(&all)), (1, vec!["stale"]), "nothing at all has come for an hour");
    flow_log(&site, "BOALF", 3600, 0, 60);
    let (one, code) = ask_bigquery(&site, &google, &[]);
    assert_eq!((code, keys(&one)), (1, vec!["stale:FREQ"]), "REMIT may rest, of ONCE nothing is known");
    let boalf = &one["datasets"]["BOALF"]["flow"];
    assert_eq!((&boalf["rows_day"], &boalf["rhythm"]["usual_gap_s"]), (&122.into(), &60.into()));
    assert_eq!(ask_bigquery(&site, &google, &["--status-stale-after=2h"]).1, 0);
    daemon.stop();
}

/// Asks about a BigQuery while another spool's worker lives, so that nothing outranks what can't be found out.
fn unknown_warehouse(prepare: impl FnOnce(&mut Command, &Site)) -> Value {
    let site = Site::new();
    let daemon = at_work(&site);
    let mut command = site.irispool();
    command.args(["status", "--json"]).env("IRISPOOL_SPOOL", &site.spool);
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100").env("IRISPOOL_WAREHOUSE", "bigquery:p.d");
    prepare(&mut command, &site);
    let (answer, code) = of_output(&command.output().unwrap());
    daemon.stop();
    assert_eq!((code, keys(&answer)), (3, vec!["warehouse"]), "{answer}");
    answer["findings"][0].clone()
}

#[track_caller]
fn assert_says(finding: &Value, what: &str, hint: &str) {
    assert!(finding["what"].as_str().unwrap().contains(what), "{finding}");
    assert!(finding["hint"].as_str().unwrap().contains(hint), "{finding}");
}

#[test]
fn a_bigquery_that_is_not_reached_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // It takes connections and never says a word.
    let silent = address.clone();
    let finding = unknown_warehouse(|command, _| {
        command.env("BIGQUERY_EMULATOR_HOST", silent);
    });
    assert_says(&finding, "datasets.get", "network");
    // Nor does who gives tokens.
    let google = Google::start();
    let finding = unknown_warehouse(|command, site| {
        let login = google.as_google(command, site.folder.path());
        let text = fs::read_to_string(&login).unwrap();
        fs::write(&login, text.replace(&google.address.to_string(), &address)).unwrap();
    });
    assert_says(&finding, "token", "network");
    drop(listener);
    let finding = unknown_warehouse(|command, _| {
        command.env("BIGQUERY_EMULATOR_HOST", address);
    });
    assert_says(&finding, "no answer", "network");
}

#[test]
fn what_google_refuses_is_unknown_with_what_to_do() {
    for (status, reason, message, hint) in [
        (401, "authError", "Request had invalid authentication credentials.", "credentials"),
        (
            403,
            "accessDenied",
            "Access Denied: Permission bigquery.datasets.get denied",
            "bigquery.datasets.get",
        ),
        (404, "notFound", "Not found: Project p", "project p"),
        (404, "notFound", "Not found: Dataset p:d", "irispool setup"),
    ] {
        let google = Google::start();
        google.state().refusal = Some((status, reason, message));
        let finding = unknown_warehouse(|command, site| drop(google.as_google(command, site.folder.path())));
        assert_says(&finding, message, hint);
    }
    let google = Google::start();
    google.state().token_refusal = Some((400, serde_json::json!({"error": "invalid_grant"})));
    let finding = unknown_warehouse(|command, site| drop(google.as_google(command, site.folder.path())));
    assert_says(&finding, "invalid_grant", "gcloud auth application-default login");
    let finding = unknown_warehouse(|command, _| {
        command.env("GOOGLE_APPLICATION_CREDENTIALS", "absent.json");
    });
    assert_says(&finding, "absent.json", "GOOGLE_APPLICATION_CREDENTIALS");
}

#[test]
fn a_disk_without_space_or_inodes_is_critical() {
    for options in ["size=512k", "size=8m,nr_inodes=60"] {
        let site = Site::new();
        let Some(_mounted) = Tmpfs::mount_with(&site.spool, options) else {
            return skip("a tmpfs can't be mounted");
        };
        site.drain(&[]);
        let mut command = site.irispool();
        command.args(["status", "--json"]).args(site.run_arguments());
        assert!(!keys(&of_output(&command.output().unwrap()).0).iter().any(|key| key.starts_with("disk:")));
        // Until there is no room for more, of the one or the other.
        let fill = |number: u32| {
            let path = site.spool.join("incoming").join(format!("filler{number}"));
            File::create(path).and_then(|mut file| file.write_all(&[7; 16 << 10]))
        };
        assert!((0..1_000).any(|number| fill(number).is_err()), "it never fills");
        let mut command = site.irispool();
        command.args(["status", "--json"]).args(site.run_arguments());
        let (answer, code) = of_output(&command.output().unwrap());
        let disk = format!("disk:{}", site.spool.display());
        assert!(code == 2 && keys(&answer).contains(&disk.as_str()), "{options}: {answer}");
    }
}

#[test]
fn the_only_worker_that_goes_no_rounds_is_critical_and_one_of_two_a_warning() {
    let site = Site::new();
    let daemon = at_work(&site);
    daemon.send(Signal::STOP);
    let (seen, _) = answer(&site, &[]);
    let (worker, turned_ms) = (&seen["workers"][0]["name"], &seen["workers"][0]["news"]["turned_ms"]);
    // As they would be an hour from now.
    let lock = site.spool.join("claimed").join(worker.as_str().unwrap()).join(".lock");
    let news = fs::read_to_string(&lock).unwrap();
    let old = turned_ms.as_i64().unwrap() - 3_600_000;
    fs::write(&lock, news.replace(&turned_ms.to_string(), &old.to_string())).unwrap();
    let (seen, code) = answer(&site, &[]);
    assert_eq!(code, 2, "it is as if none were alive: {seen}");
    assert!(keys(&seen)[0].starts_with("hangs:"), "{seen}");
    let screen = String::from_utf8(ask(&site, &[]).stdout).unwrap();
    assert!(screen.contains("workers    hangs ") && !screen.contains("waits for messages"), "{screen}");
    let other = at_work(&site);
    assert_eq!(answer(&site, &[]).1, 1, "another works");
    other.stop();
    daemon.send(Signal::CONT);
    until("it goes its rounds again", || answer(&site, &[]).1 == 0);
    daemon.stop();
}

#[test]
fn a_locked_database_is_unknown() {
    let site = Site::new();
    let daemon = at_work(&site);
    daemon.stop();
    let lock = site.connection();
    lock.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let mut command = site.irispool();
    command.args(["status", "--json"]).args(site.run_arguments()).env("IRISPOOL_BUSY_TIMEOUT", "100ms");
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    let (seen, _) = of_output(&command.output().unwrap());
    assert_eq!(keys(&seen), ["no-worker", "warehouse"]);
    assert_eq!(seen["findings"][1]["level"], "unknown", "{seen}");
    drop(lock);
}

#[test]
fn a_spool_that_may_not_be_read_is_unknown() {
    let site = Site::new();
    site.put("FREQ", "a", ROW);
    site.drain_long_ago();
    site.give_to_nobody();
    fs::set_permissions(site.spool.join("incoming"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = site.irispool();
    command.args(["status", "--json"]).args(site.run_arguments());
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    let (seen, code) = of_output(&site.unprivileged(command).output().unwrap());
    fs::set_permissions(site.spool.join("incoming"), fs::Permissions::from_mode(0o755)).unwrap();
    let spool = seen["findings"].as_array().unwrap().iter().find(|finding| finding["key"] == "spool");
    assert_eq!(spool.unwrap()["level"], "unknown", "{seen}");
    assert_eq!(code, 2, "no worker is alive either");
}

#[test]
fn a_flow_log_that_can_t_be_written_holds_up_no_row() {
    let (site, google) = (Site::new(), google());
    fs::create_dir(&site.spool).unwrap();
    fs::write(site.spool.join("flow"), "somebody's file").unwrap();
    let daemon = at_work_with(&site, &google);
    site.put("FREQ", "a", ROW);
    until("its row is in", || google.state().rows == 1 && !site.has_messages());
    let (seen, code) = ask_bigquery(&site, &google, &[]);
    assert_eq!((code, keys(&seen)), (3, vec!["spool"]), "{seen}");
    assert_says(&seen["findings"][0], "flow", "may this user read it");
    let log = daemon.stop();
    let told = log.lines().filter(|line| line.contains("cannot write the flow log")).count();
    assert_eq!(told, 1, "{log}");
}
