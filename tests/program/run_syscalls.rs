//! A worker is killed at its first, second, third … system call of a kind; then one drain must put everything right.
//!
//! strace does it: `inject=…:signal=KILL:when=N` counts the calls of each thread for itself, so one N stands for several
//! places. A run that is too short to reach the N-th call ends the series.

use std::os::unix::process::ExitStatusExt;
use std::panic::AssertUnwindSafe;
use std::process::Command;

use crate::support::site::Ended;
use crate::support::{Client, Site, strace};
use irispool::catalog;
use irispool::feed::FeedOptions;

/// Every call up to this one, and then in growing steps.
const EVERY_CALL_UP_TO: u32 = 25;

/// Folders with more than 10 messages are swapped; of the 60 below, one dataset has more.
const SWAPS: &str = "--claim-files=10";
const FILE_BY_FILE: &str = "--claim-files=1000";

/// Kills runs at calls of a kind; there must be at least `calls_min` of them in a run.
#[track_caller]
fn kill_at_each(calls: &str, calls_min: u32, flags: &[&str]) {
    if !strace::works() {
        return;
    }
    let mut call = 1;
    loop {
        let site = Site::new();
        let mut client = Client::new(&site);
        let options = FeedOptions {
            seed: u64::from(call),
            datasets: ["MILS", "BOALF", "FREQ"].iter().map(|name| catalog::find(name).unwrap()).collect(),
            fault_share: 0.15,
            ..FeedOptions::default()
        };
        client.feed(&options, 60);
        let first = run_until_call(&site, calls, call, flags);
        // The one that takes over from it is killed, too.
        let second = run_until_call(&site, calls, call, flags);
        let last = site.drain(flags);
        let exact = std::panic::catch_unwind(AssertUnwindSafe(|| client.expected.assert_exact(&site)));
        assert!(
            exact.is_ok(),
            "after kills at call {call} of {calls}\n--- first:\n{}\n--- second:\n{}\n--- last:\n{last}",
            first.log,
            second.log
        );
        if first.code.is_some() {
            assert!(call > calls_min, "only {call} calls of {calls} in a run: the test kills too little");
            return;
        }
        call += 1 + call.saturating_sub(EVERY_CALL_UP_TO) / 4;
    }
}

/// A run that is killed at a call, or ends before: then it has an exit code.
fn run_until_call(site: &Site, calls: &str, call: u32, flags: &[&str]) -> Ended {
    let mut command = Command::new("strace");
    // Not with --seccomp-bpf: strace 6.1 counts no call beyond a thread's first with it.
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:signal=KILL:when={call}")]);
    command.arg(env!("CARGO_BIN_EXE_irispool")).args(["run", "--once", "--readers=2", "--settlers=2"]);
    command.args(site.run_arguments()).args(flags);
    let output = command.current_dir(site.folder.path()).output().unwrap();
    let ended = Ended::of(&output);
    let killed = output.status.signal() == Some(9);
    assert!(killed || matches!(ended.code, Some(0 | 3)), "{calls} {call}: {:?}\n{}", ended.code, ended.log);
    ended
}

#[test]
fn killed_at_a_rename_of_a_message() {
    kill_at_each("rename,renameat,renameat2", 40, &[FILE_BY_FILE]);
}

#[test]
fn killed_at_a_rename_or_swap_of_a_folder() {
    kill_at_each("rename,renameat,renameat2", 3, &[SWAPS]);
}

#[test]
fn killed_at_a_rename_where_messages_are_kept() {
    kill_at_each("rename,renameat,renameat2", 15, &[SWAPS, "--keep=done"]);
}

#[test]
fn killed_at_a_write() {
    kill_at_each("write,pwrite64", 20, &[SWAPS]);
}

#[test]
fn killed_at_a_sync_or_commit() {
    kill_at_each("fsync,fdatasync", 5, &[SWAPS]);
}

#[test]
fn killed_at_an_unlink() {
    kill_at_each("unlink,unlinkat", 10, &[SWAPS]);
}

#[test]
fn killed_at_making_removing_or_locking_a_folder() {
    kill_at_each("mkdir,mkdirat,rmdir,flock", 5, &[SWAPS]);
}

#[test]
fn killed_at_changing_a_files_size_or_lease() {
    kill_at_each("ftruncate,fcntl", 40, &[SWAPS]);
}
