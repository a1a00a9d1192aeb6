//! kill -9 at each request that a run makes, before BigQuery has it and after it was done but not answered; and what is
//! asked back from the emulator afterwards. By load jobs the table has each row once. Streamed, no row is missing, and
//! the unified view has each once, though the table has not: nothing remembers an insertId here.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::support::emulator::Turn;
use crate::support::http::{Handler, Reply, Request, serve};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(120);
const DATASETS: [&str; 2] = ["FREQ", "BOALF"];

/// Stands before the emulator, and kills the worker at a certain request.
struct Proxy {
    emulator: SocketAddr,
    agent: ureq::Agent,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    worker: Option<Pid>,
    /// Requests to come before the one at which the worker is killed.
    until_kill: usize,
    /// Whether that one is passed on first.
    is_done_first: bool,
}

impl Proxy {
    fn start(emulator: SocketAddr) -> (Arc<Proxy>, SocketAddr) {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .build()
            .new_agent();
        let proxy = Arc::new(Proxy { emulator, agent, state: Mutex::default() });
        let address = serve(Arc::clone(&proxy) as Arc<dyn Handler>);
        (proxy, address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn pass_on(&self, request: &Request) -> Reply {
        let mut body = request.body.clone();
        if request.path.ends_with("/insertAll") {
            let mut rows: Value = serde_json::from_slice(&body).unwrap();
            for row in rows["rows"].as_array_mut().unwrap() {
                assert!(row.as_object_mut().unwrap().remove("insertId").is_some());
            }
            body = rows.to_string().into_bytes();
        }
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        let mut passed = ureq::http::Request::builder()
            .method(&*request.method)
            .uri(format!("http://{}{}{query}", self.emulator, request.path));
        for name in ["content-type", "if-match"] {
            if let Some(value) = request.header(name) {
                passed = passed.header(name, value);
            }
        }
        let Ok(mut answer) = self.agent.run(passed.body(body).unwrap()) else { return Reply::Hangup };
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec();
        body.map_or(Reply::Hangup, |body| Reply::Answer { status, headers: Vec::new(), body })
    }
}

impl Handler for Proxy {
    fn handle(&self, request: Request) -> Reply {
        let (victim, is_done_first) = {
            let mut state = self.state();
            let is_last = state.until_kill == 0;
            state.until_kill = state.until_kill.saturating_sub(1);
            (if is_last { state.worker.take() } else { None }, state.is_done_first)
        };
        let Some(worker) = victim else { return self.pass_on(&request) };
        if is_done_first {
            self.pass_on(&request);
        }
        kill_process(worker, Signal::KILL).unwrap();
        Reply::Hangup
    }
}

/// Puts messages into the spool; gives how often each of their rows is wanted, by dataset, message and row: once.
fn feed(spool: &Path) -> BTreeMap<(String, String, u64), usize> {
    let incoming = spool.join("incoming");
    let fed = Command::new(env!("CARGO_BIN_EXE_irispool"))
        .args(["feed", "--files=160", "--seed=5", &format!("--dataset={}", DATASETS.join(","))])
        .arg(&incoming)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(fed.success());
    let mut wanted = BTreeMap::new();
    for dataset in DATASETS {
        for file in fs::read_dir(incoming.join(dataset)).unwrap().flatten() {
            let rows: Value = serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap();
            let name = file.file_name().into_string().unwrap();
            for row in 0..rows.as_array().map_or(1, Vec::len) as u64 {
                wanted.insert((dataset.to_owned(), name.clone(), row), 1);
            }
        }
    }
    wanted
}

/// Kills each run at one request more than the one before, until one gets to its end; every other time after the
/// request was done. Gives the number of runs that were killed.
fn kill_until_done(proxy: &Proxy, address: SocketAddr, dataset: &str, spool: &Path, flags: &[&str]) -> usize {
    for kills in 0.. {
        // No request is met without a victim.
        *proxy.state() = State { worker: None, until_kill: kills / 2, is_done_first: kills % 2 == 1 };
        let mut state = proxy.state();
        let mut worker = Command::new(env!("CARGO_BIN_EXE_irispool"))
            .args([
                "run",
                "--once",
                "--requests-per-second=none",
                "--claim-files=40",
                "--requests-in-flight=2",
            ])
            .arg(format!("--warehouse=bigquery:local.{dataset}"))
            .arg(format!("--spool={}", spool.display()))
            .args(flags)
            .env("BIGQUERY_EMULATOR_HOST", address.to_string())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        state.worker = Some(Pid::from_child(&worker));
        drop(state);
        let started = Instant::now();
        let status = loop {
            if let Some(status) = worker.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "it neither ends nor is killed");
            std::thread::sleep(Duration::from_millis(2));
        };
        // Its number may be another's from now on.
        proxy.state().worker = None;
        if status.success() {
            return kills;
        }
        assert_eq!(status.code(), None, "it was killed");
    }
    unreachable!()
}

/// How often each row is in the tables or views of that kind.
fn rows_in(emulator: &Turn, dataset: &str, kind: &str) -> BTreeMap<(String, String, u64), usize> {
    let mut found = BTreeMap::new();
    for of in DATASETS {
        let table = format!("local.{dataset}.bmrs_{}_{kind}", of.to_lowercase());
        let sql = format!("SELECT message_id, message_row FROM `{table}`");
        for row in emulator.query(&sql).unwrap() {
            let cell = |place: usize| row[place].clone().unwrap();
            *found.entry((of.to_owned(), cell(0), cell(1).parse().unwrap())).or_default() += 1;
        }
    }
    found
}

/// Makes the dataset, and runs and kills until all is delivered.
fn survive(emulator: &Turn, dataset: &str, flags: &[&str]) -> BTreeMap<(String, String, u64), usize> {
    emulator.query(&format!("CREATE SCHEMA `local.{dataset}`")).unwrap();
    let (proxy, address) = Proxy::start(emulator.address());
    let folder = tempfile::tempdir().unwrap();
    let wanted = feed(folder.path());
    let kills = kill_until_done(&proxy, address, dataset, folder.path(), flags);
    // How many requests a run needs differs from time to time; fewer than these would show little.
    assert!(kills >= 6, "only {kills} runs were killed");
    let left = |room: &str| fs::read_dir(folder.path().join("dead").join(room)).map_or(0, Iterator::count);
    assert_eq!(DATASETS.map(left), [0, 0], "nothing is dead");
    wanted
}

#[test]
fn by_load_jobs_the_table_has_each_row_once_wherever_the_run_is_killed() {
    let Some(emulator) = Turn::take() else { return };
    let wanted = survive(&emulator, "killed_loads", &["--method=load"]);
    assert_eq!(rows_in(&emulator, "killed_loads", "iris"), wanted);
    assert_eq!(rows_in(&emulator, "killed_loads", "unified"), wanted);
}

#[test]
fn streamed_the_unified_view_has_each_row_once_wherever_the_run_is_killed() {
    let Some(emulator) = Turn::take() else { return };
    let wanted = survive(&emulator, "killed_streams", &["--method=stream", "--stream-rows=12"]);
    let in_table = rows_in(&emulator, "killed_streams", "iris");
    assert_eq!(in_table.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    assert!(in_table.values().any(|count| *count > 1), "rows were sent twice");
    assert_eq!(rows_in(&emulator, "killed_streams", "unified"), wanted);
}
