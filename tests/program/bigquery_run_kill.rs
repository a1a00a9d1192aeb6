//! kill -9 at each request that a run makes to BigQuery, again and again on the same queue: by load jobs each row is in
//! once; streamed, no row is missing, each was sent under one insertId, and all rows of a message carry one time, which
//! makes the unified view exact.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::fault_server::{FaultServer, name_of};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
const TABLES: [&str; 2] = ["bmrs_freq_iris", "bmrs_boalf_iris"];

/// Puts messages into the spool; gives the names of their rows.
fn feed(spool: &Path) -> BTreeSet<(String, u64)> {
    let incoming = spool.join("incoming");
    let fed = Command::new(env!("CARGO_BIN_EXE_irispool"))
        .args(["feed", "--files=400", "--seed=5", "--dataset=FREQ,BOALF"])
        .arg(&incoming)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(fed.success());
    let mut names = BTreeSet::new();
    for folder in fs::read_dir(&incoming).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap().flatten() {
            let rows: Value = serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap();
            let count = rows.as_array().map_or(1, Vec::len) as u64;
            let name = file.file_name().into_string().unwrap();
            names.extend((0..count).map(|row| (name.clone(), row)));
        }
    }
    names
}

fn start(server: &FaultServer, spool: &Path, flags: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_irispool"))
        .args([
            "run",
            "--once",
            "--warehouse=bigquery:p.d",
            "--requests-per-second=none",
            "--claim-files=100",
        ])
        .arg(format!("--spool={}", spool.display()))
        .args(flags)
        .env("BIGQUERY_EMULATOR_HOST", server.address.to_string())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills each run at one request more than the one before, until one gets to its end.
fn kill_until_done(server: &FaultServer, spool: &Path, flags: &[&str]) {
    for requests in 1.. {
        let before = server.state().asked.len();
        let mut worker = start(server, spool, flags);
        let started = Instant::now();
        loop {
            if let Some(status) = worker.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            if server.state().asked.len() >= before + requests {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "it neither asks nor ends");
            std::thread::yield_now();
        }
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
}

/// How often each row is in.
fn rows_in(server: &FaultServer) -> BTreeMap<(String, u64), usize> {
    let mut found = BTreeMap::new();
    for row in TABLES.iter().flat_map(|table| server.rows(table)) {
        *found.entry(name_of(&row)).or_default() += 1;
    }
    found
}

#[test]
fn by_load_jobs_each_row_is_in_once_wherever_the_run_is_killed() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    server.state().running = 1;
    let wanted = feed(folder.path());
    kill_until_done(&server, folder.path(), &["--method=load"]);
    assert_eq!(rows_in(&server), wanted.into_iter().map(|name| (name, 1)).collect());
    assert_eq!(server.count("insertAll"), 0);
}

#[test]
fn streamed_no_row_is_missing_and_the_view_is_exact_wherever_the_run_is_killed() {
    let (server, folder) = (FaultServer::start(), tempfile::tempdir().unwrap());
    let wanted = feed(folder.path());
    kill_until_done(&server, folder.path(), &["--method=stream", "--stream-rows=40"]);
    assert_eq!(rows_in(&server).into_keys().collect::<BTreeSet<_>>(), wanted);
    let state = server.state();
    for name in &wanted {
        assert_eq!(state.sent[name].len(), 1, "{name:?} went under {:?}", state.sent[name]);
    }
    let mut times: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, row) in TABLES.iter().flat_map(|table| &state.tables[*table].rows) {
        times.entry(name_of(row).0).or_default().insert(row["ingested_utc"].to_string());
    }
    assert!(times.values().all(|times| times.len() == 1), "a message has several times: {times:?}");
}
