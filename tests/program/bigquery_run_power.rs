//! A power cut while a batch is being loaded: the job that was made of it is known again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::fault_server::{FaultServer, name_of};
use crate::support::powered_disk::PoweredDisk;
use irispool::catalog;
use irispool::feed::{Feed, FeedOptions};

/// A worker that is killed when this goes.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < Duration::from_secs(120), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Messages under a folder of the spool, but for the queue's own files.
fn messages_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let shown = entries.filter(|entry| !entry.file_name().as_bytes().starts_with(b"."));
    shown
        .flat_map(
            |entry| if entry.path().is_dir() { messages_below(&entry.path()) } else { vec![entry.path()] },
        )
        .collect()
}

#[test]
fn a_power_cut_while_a_load_job_runs_makes_no_second_job_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = PoweredDisk::make(folder.path()) else { return };
    let spool = disk.path.join("spool");
    let server = FaultServer::start();
    let work = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_irispool"));
        command.args(["run", "--warehouse=bigquery:p.d", "--method=load", "--requests-per-second=none"]);
        command.arg("--spool").arg(&spool).env("BIGQUERY_EMULATOR_HOST", server.address.to_string());
        Worker(command.stderr(Stdio::null()).spawn().unwrap())
    };
    let mut wanted = BTreeMap::new();
    let datasets = ["FREQ", "BOALF"].iter().map(|name| catalog::find(name).unwrap()).collect();
    let mut feed = Feed::new(&FeedOptions { datasets, ..FeedOptions::default() });
    for _ in 0..4 {
        for message in feed.by_ref().take(200) {
            let folder = spool.join("incoming").join(&message.folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(&message.name), &message.body).unwrap();
            wanted.extend((0..u64::from(message.rows)).map(|row| ((message.name.clone(), row), 1)));
        }
        disk.sync();
        let before = server.state().jobs.len();
        server.state().running = 1_000_000;
        let mut worker = work();
        until("load jobs run", || {
            assert!(worker.0.try_wait().unwrap().is_none(), "it ended");
            server.state().jobs.len() > before
        });
        disk.cut_power();
        drop(worker);
        disk.start_again();
        server.state().jobs.values_mut().for_each(|job| job["left"] = 0.into());
        server.state().running = 0;
        let mut worker = work();
        until("all is delivered", || {
            assert!(worker.0.try_wait().unwrap().is_none(), "it ended");
            ["incoming", "claimed"].iter().all(|room| messages_below(&spool.join(room)).is_empty())
        });
    }
    let mut found = BTreeMap::new();
    for row in ["bmrs_freq_iris", "bmrs_boalf_iris"].iter().flat_map(|table| server.rows(table)) {
        *found.entry(name_of(&row)).or_insert(0) += 1;
    }
    let wrong: Vec<_> =
        wanted.keys().chain(found.keys()).filter(|row| wanted.get(row) != found.get(row)).collect();
    assert!(wrong.is_empty(), "{} of {}: {:?}", wrong.len(), wanted.len(), &wrong[..wrong.len().min(10)]);
}
