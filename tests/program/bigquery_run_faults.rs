//! The program on a BigQuery that is in trouble, or with files that are: what can go goes, and each row arrives once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::fault_server::{Fault, FaultServer, error, fault, name_of};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(120);

/// A daemon that is killed if the test ends early.
struct Daemon(Child);

impl Daemon {
    fn start(server: &FaultServer, spool: &Path, flags: &[&str]) -> Daemon {
        let log = File::create(log_of(spool)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_irispool"));
        command
            .args(["run", "--warehouse=bigquery:p.d", "--requests-per-second=none", "--scan-interval=100ms"])
            .args(["--flush-interval=20ms"])
            .arg(format!("--spool={}", spool.display()))
            .args(flags)
            .env("BIGQUERY_EMULATOR_HOST", server.address.to_string())
            .stderr(log);
        Daemon(command.spawn().unwrap())
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn log_of(spool: &Path) -> PathBuf {
    spool.with_extension("log")
}

#[track_caller]
fn until(spool: &Path, what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        let log = || fs::read_to_string(log_of(spool)).unwrap_or_default();
        assert!(since.elapsed() < PATIENCE, "waited in vain: {what}\n{}", log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Messages under a folder, not the queue's own files.
fn messages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() { found.extend(messages(&path)) } else { found.push(path) }
    }
    found
}

fn waiting(spool: &Path) -> Vec<PathBuf> {
    [messages(&spool.join("incoming")), messages(&spool.join("claimed"))].concat()
}

fn feed(spool: &Path, files: usize, datasets: &str) {
    let fed = Command::new(env!("CARGO_BIN_EXE_irispool"))
        .args([
            "feed",
            "--mix=even",
            "--seed=3",
            &format!("--files={files}"),
            &format!("--dataset={datasets}"),
        ])
        .arg(spool.join("incoming"))
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(fed.success());
}

/// How often each row is in a table.
fn rows_in(server: &FaultServer, table: &str) -> BTreeMap<(String, u64), usize> {
    let mut found = BTreeMap::new();
    for row in server.rows(table) {
        *found.entry(name_of(&row)).or_default() += 1;
    }
    found
}

/// The rows of the messages that wait, each once.
fn rows_of(files: &[PathBuf]) -> BTreeMap<(String, u64), usize> {
    let mut rows = BTreeMap::new();
    for file in files {
        let content: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        for row in 0..content.as_array().map_or(1, Vec::len) as u64 {
            rows.insert((name.to_owned(), row), 1);
        }
    }
    rows
}

#[test]
fn a_table_that_is_being_tried_again_holds_up_no_other_and_arrives_later() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    feed(&spool, 120, "FREQ,BOALF,FUELINST");
    let files = waiting(&spool);
    let of = |name: &str| -> Vec<PathBuf> {
        files.iter().filter(|file| file.to_str().unwrap().contains(name)).cloned().collect()
    };
    let (freq, boalf, fuelinst) =
        (rows_of(&of("/FREQ/")), rows_of(&of("/BOALF/")), rows_of(&of("/FUELINST/")));
    let busy =
        || error(503, "backendError", "Error encountered during execution. Retrying may solve the problem.");
    server.fail("insertAll bmrs_freq_iris", vec![Fault::Answer(503, busy()); 100_000]);
    let daemon = Daemon::start(&server, &spool, &[]);
    until(&spool, "the others are delivered and deleted", || {
        let left = waiting(&spool);
        !left.is_empty() && left.iter().all(|file| file.to_str().unwrap().contains("FREQ"))
    });
    assert!(rows_in(&server, "bmrs_boalf_iris") == boalf && !boalf.is_empty());
    assert!(rows_in(&server, "bmrs_fuelinst_iris") == fuelinst && !fuelinst.is_empty());
    let log = fs::read_to_string(log_of(&spool)).unwrap();
    assert!(log.contains("BigQuery is asked again after a pause"), "{log}");
    assert!(!log.contains("rows wait"), "the others did not wait until this one was given up: {log}");
    server.state().fail_no_more();
    until(&spool, "the table has come back", || waiting(&spool).is_empty());
    assert_eq!(rows_in(&server, "bmrs_freq_iris"), freq);
    daemon.stop();
}

#[test]
fn a_fault_of_the_set_up_keeps_the_files_of_its_table_and_a_stop_gives_them_back() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    feed(&spool, 60, "FREQ,BOALF");
    let denied = "Access Denied: Table p:d.bmrs_freq_iris: Permission bigquery.tables.updateData denied";
    server.fail("insertAll bmrs_freq_iris", vec![fault(403, "accessDenied", denied); 100_000]);
    let daemon = Daemon::start(&server, &spool, &[]);
    until(&spool, "the fault is said", || {
        fs::read_to_string(log_of(&spool)).unwrap().contains("the warehouse needs a person")
    });
    until(&spool, "the other table is done", || {
        waiting(&spool).iter().all(|file| file.to_str().unwrap().contains("FREQ"))
    });
    daemon.stop();
    let log = fs::read_to_string(log_of(&spool)).unwrap();
    assert!(log.contains("bigquery.tables.updateData") && log.contains("hint"), "{log}");
    assert_eq!(messages(&spool.join("claimed")), Vec::<PathBuf>::new());
    assert_eq!(messages(&spool.join("dead")), Vec::<PathBuf>::new());
    assert_eq!(messages(&spool.join("incoming/FREQ")).len(), 30);
}

#[test]
fn a_message_that_is_written_while_its_dataset_goes_by_load_jobs_is_in_once_and_whole() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    feed(&spool, 80, "FREQ");
    let mut wanted = rows_of(&waiting(&spool));
    let name = "FREQ_202510280358_99999.json";
    let mut writer = File::create(spool.join("incoming/FREQ").join(name)).unwrap();
    let row = json!({"dataset": "FREQ", "measurementTime": "2025-10-28T03:58:00Z", "frequency": 50.0});
    let content = json!([row, row, row]).to_string();
    let (first, second) = content.split_at(content.len() / 2);
    writer.write_all(first.as_bytes()).unwrap();
    let daemon = Daemon::start(&server, &spool, &["--method=auto", "--load-threshold-files=1"]);
    until(&spool, "all others are in", || rows_in(&server, "bmrs_freq_iris").len() >= wanted.len());
    assert_eq!(rows_in(&server, "bmrs_freq_iris"), wanted);
    writer.write_all(second.as_bytes()).unwrap();
    drop(writer);
    wanted.extend((0..3).map(|row| ((name.to_owned(), row), 1)));
    until(&spool, "it is in too", || waiting(&spool).is_empty());
    assert_eq!(rows_in(&server, "bmrs_freq_iris"), wanted);
    // The one that came later is no backlog.
    assert_eq!((server.count("jobs.insert"), server.count("insertAll")), (1, 1));
    daemon.stop();
    assert_eq!(messages(&spool.join("dead")), Vec::<PathBuf>::new());
}

fn row(dataset: &str) -> String {
    let row = match dataset {
        "FREQ" => json!({"dataset": "FREQ", "measurementTime": "2025-10-28T03:58:00Z", "frequency": 50.0}),
        other => json!({"dataset": other, "publishTime": "2025-10-28T03:58:00Z"}),
    };
    json!([row]).to_string()
}

/// The jobs under way end, and those to come end at once.
fn end_jobs(server: &FaultServer) {
    let mut state = server.state();
    state.running = 0;
    state.jobs.values_mut().for_each(|job| job["left"] = json!(0));
}

#[test]
fn of_messages_without_a_subject_those_for_a_table_that_fails_hold_up_no_others() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    let unknown = spool.join("incoming/unknown");
    fs::create_dir_all(&unknown).unwrap();
    let denied = "Access Denied: Table p:d.bmrs_freq_iris: Permission bigquery.tables.updateData denied";
    server.fail("insertAll bmrs_freq_iris", vec![fault(403, "accessDenied", denied); 100_000]);
    fs::write(unknown.join("a"), row("FREQ")).unwrap();
    let daemon = Daemon::start(&server, &spool, &[]);
    until(&spool, "the fault is said", || {
        fs::read_to_string(log_of(&spool)).unwrap().contains("the warehouse needs a person")
    });
    fs::write(unknown.join("b"), row("MID")).unwrap();
    until(&spool, "the other one is delivered", || rows_in(&server, "bmrs_mid_iris").len() == 1);
    daemon.stop();
    assert_eq!(messages(&unknown), [unknown.join("a")]);
}

#[test]
fn a_message_of_a_load_job_that_may_have_it_stays_in_its_batch() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    feed(&spool, 80, "FREQ");
    let wanted = rows_of(&waiting(&spool));
    server.state().running = usize::MAX;
    let daemon = Daemon::start(&server, &spool, &["--method=load"]);
    until(&spool, "the job is asked about", || server.count("jobs.get") > 0);
    drop(daemon);
    end_jobs(&server);
    let claimed = messages(&spool.join("claimed"));
    assert_eq!(claimed.len(), 80);
    // Somebody has it open for writing: it can't be read now.
    let writer = fs::OpenOptions::new().append(true).open(&claimed[40]).unwrap();
    let daemon = Daemon::start(&server, &spool, &["--method=load", "--log-level=debug"]);
    let gone_back = || messages(&spool.join("incoming"));
    until(&spool, "it was tried", || {
        fs::read_to_string(log_of(&spool)).unwrap().contains("stays in its batch") || !gone_back().is_empty()
    });
    assert_eq!(gone_back(), Vec::<PathBuf>::new());
    drop(writer);
    until(&spool, "all is settled", || waiting(&spool).is_empty());
    daemon.stop();
    assert_eq!(rows_in(&server, "bmrs_freq_iris"), wanted);
}

#[test]
fn load_jobs_that_take_long_hold_up_no_small_table() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    let datasets: Vec<String> = (0..70).map(|number| format!("SLOW{number}")).collect();
    for dataset in &datasets {
        let incoming = spool.join("incoming").join(dataset);
        fs::create_dir_all(&incoming).unwrap();
        for number in 0..70 {
            fs::write(incoming.join(format!("m{number}")), row(dataset)).unwrap();
        }
    }
    server.state().running = usize::MAX;
    let daemon = Daemon::start(&server, &spool, &["--load-threshold-files=20"]);
    until(&spool, "jobs are under way", || server.state().jobs.len() >= 8);
    for number in 0..40 {
        let incoming = spool.join("incoming").join(format!("QUICK{number}"));
        fs::create_dir_all(&incoming).unwrap();
        fs::write(incoming.join("m"), row(&format!("QUICK{number}"))).unwrap();
    }
    let is_in = |number: usize| rows_in(&server, &format!("bmrs_quick{number}_iris")).len() == 1;
    until(&spool, "the small ones are in", || (0..40).all(is_in));
    end_jobs(&server);
    until(&spool, "the large ones too", || waiting(&spool).is_empty());
    daemon.stop();
    for dataset in &datasets {
        assert_eq!(rows_in(&server, &format!("bmrs_{}_iris", dataset.to_lowercase())).len(), 70);
    }
}

#[test]
fn by_load_jobs_what_comes_waits_for_the_tables_next_job_and_a_drain_does_not() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    feed(&spool, 20, "FREQ");
    let mut wanted = rows_of(&waiting(&spool));
    let daemon = Daemon::start(&server, &spool, &["--method=load"]);
    until(&spool, "what is there is loaded at once", || waiting(&spool).is_empty());
    assert_eq!(server.count("jobs.insert"), 1);
    // Another table has jobs of its own. When it has had one, the worker has passed the first table by.
    let put = |dataset: &str, number: usize| {
        let file = format!("incoming/{dataset}/{dataset}_202510280358_{number:05}.json");
        let row = json!({"dataset": dataset, "measurementTime": "2025-10-28T03:58:00Z"});
        fs::create_dir_all(spool.join("incoming").join(dataset)).unwrap();
        fs::write(spool.join(file), json!([row]).to_string()).unwrap();
    };
    (0..50).for_each(|number| put("FREQ", 90_000 + number));
    put("TEMP", 1);
    until(&spool, "the other table is loaded", || server.rows("bmrs_temp_iris").len() == 1);
    daemon.stop();
    assert_eq!(server.count("jobs.insert"), 2);
    let left = messages(&spool.join("incoming/FREQ"));
    assert_eq!(left.len(), 50);
    wanted.extend(rows_of(&left));
    let daemon = Daemon::start(&server, &spool, &["--method=load", "--once"]);
    until(&spool, "a drain takes all", || waiting(&spool).is_empty());
    daemon.stop();
    assert_eq!(rows_in(&server, "bmrs_freq_iris"), wanted);
}

#[test]
fn while_streaming_takes_seconds_to_notice_a_new_column_its_rows_wait_and_arrive() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool");
    let put = |dataset: &str, name: &str, content: &str| {
        let incoming = spool.join("incoming").join(dataset);
        fs::create_dir_all(&incoming).unwrap();
        fs::write(incoming.join(name), content).unwrap();
    };
    put("FREQ", "old", &row("FREQ"));
    let daemon = Daemon::start(&server, &spool, &[]);
    until(&spool, "the table is there", || rows_in(&server, "bmrs_freq_iris").len() == 1);
    server.state().lag_for = Duration::from_secs(4);
    put("FREQ", "new", r#"[{"measurementTime": "2025-10-28T03:58:00Z", "phase": 3}]"#);
    until(&spool, "the column is there", || server.count("tables.patch") == 1);
    put("MID", "m", r#"[{"dataset": "MID", "startTime": "2025-10-28T03:58:00Z", "price": 80.5}]"#);
    until(&spool, "another table's row is in", || rows_in(&server, "bmrs_mid_iris").len() == 1);
    until(&spool, "the new row is in", || rows_in(&server, "bmrs_freq_iris").len() == 2);
    daemon.stop();
    assert_eq!(server.rows("bmrs_freq_iris")[1]["phase"], 3.0);
    let of_freq = |(op, path): &&(&str, String)| *op == "insertAll" && path.contains("bmrs_freq_iris");
    assert!(server.state().asked.iter().filter(of_freq).count() > 2, "it was refused, and sent again");
    assert_eq!(messages(&spool.join("dead")), Vec::<PathBuf>::new());
    assert!(server.state().sent.values().all(|ids| ids.len() == 1), "each row under one insertId");
}
