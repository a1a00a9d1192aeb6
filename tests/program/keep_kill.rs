//! A packer is killed at its first, second, third … system call of a kind, and so is the one after it; then one packing
//! must put everything right: each message is in the archive once.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use crate::support::kept::{Kept, archived, archives, assert_same, files_of, has_tools, put_at};
use crate::support::site::entries;
use crate::support::{Daemon, Random, Site, skip, strace, until};

/// 2025-10-28T00:00:00Z.
const OCTOBER_28: u64 = 1_761_609_600;

/// Every call up to this one, and then in growing steps.
const EVERY_CALL_UP_TO: u32 = 20;

/// Kills packings at calls of a kind; there must be at least `calls_min` of them.
#[track_caller]
fn kill_at_each(calls: &str, calls_min: u32) {
    if !has_tools() || !strace::works() {
        return;
    }
    let site = Site::new();
    let mut kept = Kept::new();
    let mut call = 1;
    loop {
        // For one dataset in files that are there, for one in a file of a day that had none.
        for number in 0..8 {
            let name = format!("{call}-{number}");
            put_at(&site, &mut kept, "FREQ", &name, OCTOBER_28 + u64::from(number % 2) * 86_400, number);
            put_at(&site, &mut kept, "MID", &name, OCTOBER_28 + u64::from(call) * 86_400, number);
        }
        // Delivered first, so that the packer alone is traced while it works.
        site.drain(&["--keep=done"]);
        let ended = [pack_until_call(&site, calls, call), pack_until_call(&site, calls, call)];
        site.drain(&["--keep=archive"]);
        let left = files_of(&site.spool.join("done"));
        assert!(left.is_empty(), "call {call} of {calls}: left in done: {:?}", left.keys().map(|key| &key.0));
        let odd = archives(&site).into_iter().find(|path| !path.display().to_string().ends_with(".tar.zst"));
        assert_eq!(odd, None, "call {call} of {calls}");
        println!("call {call} of {calls}");
        assert_same(&archived(&site), &kept);
        if ended[0] {
            assert!(call > calls_min, "only {call} calls of {calls}: the test kills too little");
            return;
        }
        call += 1 + call.saturating_sub(EVERY_CALL_UP_TO) / 4;
    }
}

/// Whether it came to its end before that call.
fn pack_until_call(site: &Site, calls: &str, call: u32) -> bool {
    let mut command = strace::killed_at(site, calls, call);
    command.args(["run", "--once", "--keep=archive", "--settlers=1", "--readers=1"]);
    let output = command.args(site.run_arguments()).output().unwrap();
    let killed = output.status.signal() == Some(9);
    assert!(killed || output.status.code() == Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    !killed
}

#[test]
fn killed_at_a_write() {
    kill_at_each("write,pwrite64", 3);
}

#[test]
fn killed_at_a_sync() {
    kill_at_each("fsync,fdatasync", 3);
}

#[test]
fn killed_at_an_unlink() {
    kill_at_each("unlink,unlinkat", 16);
}

#[test]
fn killed_at_a_rename_or_at_making_or_removing_a_folder() {
    kill_at_each("rename,renameat,renameat2,mkdir,rmdir", 2);
}

#[test]
fn killed_at_a_change_of_size_or_a_lock() {
    kill_at_each("ftruncate,flock", 2);
}

#[test]
fn killed_at_any_moment() {
    if !has_tools() {
        return;
    }
    let site = Site::new();
    let (mut kept, mut random) = (Kept::new(), Random::new(7));
    for round in 0..15 {
        for number in 0..600 {
            let name = format!("{round}-{number}");
            put_at(&site, &mut kept, "FREQ", &name, OCTOBER_28 + u64::from(number % 2) * 86_400, number);
        }
        site.drain(&["--keep=done"]);
        for _ in 0..2 {
            let packer = site.daemon(&["--once", "--keep=archive"]);
            std::thread::sleep(Duration::from_micros(10_000 + random.below(60_000)));
            packer.kill();
        }
    }
    site.drain(&["--keep=archive"]);
    assert!(files_of(&site.spool.join("done")).is_empty());
    assert_same(&archived(&site), &kept);
}

#[test]
fn a_restore_that_is_killed_leaves_nothing_half_under_a_messages_name() {
    if !has_tools() || !strace::works() {
        return;
    }
    let site = Site::new();
    let mut kept = Kept::new();
    for number in 0..30 {
        put_at(&site, &mut kept, "FREQ", &format!("m{number}"), OCTOBER_28, number);
    }
    site.drain(&["--keep=archive"]);
    let spool = format!("--spool={}", site.spool.display());
    let out = site.folder.path().join("out");
    let whole = || {
        let mut found = files_of(&out);
        found.retain(|key, _| !key.0.starts_with("FREQ/.irispool-restore-"));
        found
    };
    let mut killed = 0;
    for (calls, call) in
        [("write", 1), ("write", 9), ("utimensat", 3), ("renameat2", 1), ("renameat2", 7), ("fchmod", 2)]
    {
        let mut command = strace::killed_at(&site, calls, call);
        command.args(["archive", "restore", "--all", &spool, "--to"]).arg(&out);
        killed += u32::from(command.output().unwrap().status.signal() == Some(9));
        assert!(whole().keys().all(|key| kept.contains_key(key)), "{calls} {call}");
    }
    assert!(killed >= 5, "only {killed} were killed");
    let output =
        site.irispool().args(["archive", "restore", "--all", &spool, "--to"]).arg(&out).output().unwrap();
    assert!(output.status.success());
    assert_same(&whole(), &kept);
}

#[test]
fn restores_of_one_process_id_do_not_take_each_others_messages() {
    if !has_tools() || !strace::works() {
        return;
    }
    let site = Site::new();
    let mut kept = Kept::new();
    put_at(&site, &mut kept, "FREQ", "a", OCTOBER_28, 1);
    put_at(&site, &mut kept, "MID", "b", OCTOBER_28, 2);
    site.drain(&["--keep=archive"]);
    // As in two containers, in which each is the first process.
    let alone = |mut command: Command, dataset: &str| {
        command.args(["unshare", "--pid", "--fork", env!("CARGO_BIN_EXE_irispool"), "archive", "restore"]);
        command.args(["--incoming", "--dataset", dataset]).arg(format!("--spool={}", site.spool.display()));
        command
    };
    // Its message is written, and has its name only after a while.
    let mut slow = Command::new("strace");
    slow.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2"]);
    slow.args(["-e", "inject=renameat2:delay_enter=3000000"]);
    let mut slow = Daemon::start(alone(slow, "FREQ"), site.folder.path());
    let unborn = || {
        let of_done = entries(&site.spool.join("done")).into_iter();
        of_done.filter(|path| path.display().to_string().contains(".irispool-restore-")).count()
    };
    until("the first has begun", || unborn() == 1 || slow.ended().is_some());
    let other = alone(Command::new("env"), "MID").output().unwrap();
    if String::from_utf8_lossy(&other.stderr).contains("unshare failed") {
        return skip("no process ids of our own");
    }
    assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stderr));
    assert!(slow.wait().success(), "{}", slow.log());
    assert_same(&files_of(&site.spool.join("incoming")), &kept);
    assert_eq!(unborn(), 0);
}
