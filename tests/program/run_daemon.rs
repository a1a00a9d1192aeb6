//! `irispool run`, the daemon: what comes while it runs is delivered, and stopping it loses nothing.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Client, Daemon, Random, Site, is_root, skip, until};
use irispool::feed::{FeedOptions, Mix};
use rustix::process::Signal;

const ROW: &str = r#"[{"dataset": "FREQ", "measurementTime": "2025-10-28T03:59:00Z", "frequency": 49.98}]"#;

#[test]
fn files_that_come_are_delivered_also_in_new_folders_with_files_in_them() {
    let site = Site::new();
    let mut daemon = site.daemon(&["--scan-interval=1h"]);
    daemon.wait_until_ready();
    let mut client = Client::new(&site);
    client.write("FREQ", "first", ROW.as_bytes());
    until("the first row is there", || site.loaded() == 1);
    client.write("FREQ", "second", ROW.as_bytes());
    // Moved in as a whole: no event tells of the files in it.
    let prepared = site.folder.path().join("prepared");
    fs::create_dir(&prepared).unwrap();
    for number in 0..50 {
        let name = format!("b{number}");
        fs::write(prepared.join(&name), "[{\"acceptanceNumber\": 1}]").unwrap();
        client.expected.add("BOALF", &name, b"[{\"acceptanceNumber\": 1}]");
    }
    fs::rename(&prepared, site.incoming("BOALF")).unwrap();
    client.feed(&FeedOptions { mix: Mix::Even, ..FeedOptions::default() }, 200);
    client.until_all_is_settled(&site, &mut daemon);
    daemon.stop();
    client.expected.assert_exact(&site);
}

#[test]
fn a_stop_with_a_backlog_in_flight_leaves_nothing_claimed_and_loses_nothing() {
    // Early and late, with batches claimed file by file and by swaps.
    for (stop_after, flags) in
        [(1, &[][..]), (300, &["--claim-files=100"]), (3_000, &["--claim-files=100000"])]
    {
        let site = Site::new();
        let mut client = Client::new(&site);
        client.feed(&FeedOptions::default(), 8_000);
        let mut daemon = site.daemon(flags);
        until("some of it is delivered", || {
            daemon.assert_running();
            site.loaded() >= stop_after
        });
        daemon.stop();
        site.assert_nothing_claimed();
        let delivered = site.loaded();
        let waiting = site.files_in("incoming").len() as i64;
        assert!(delivered + waiting >= client.expected.messages() as i64, "{delivered} and {waiting}");
        assert!(!site.drain(flags).contains("took over"));
        client.expected.assert_exact(&site);
    }
}

#[test]
fn a_drain_that_is_told_to_stop_says_whether_messages_stay() {
    let site = Site::new();
    let mut client = Client::new(&site);
    client.feed(&FeedOptions::default(), 8_000);
    let mut drain = site.daemon(&["--once", "--stop-timeout=1s"]);
    until("some of it is delivered", || site.loaded() > 0);
    // Somebody else writes to the database, so that it can't finish.
    let other = site.connection();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    drain.send(Signal::TERM);
    assert_eq!(drain.wait().code(), Some(4), "{}", drain.log());
    other.execute_batch("ROLLBACK").unwrap();
    assert!(site.has_messages());
    site.drain(&[]);
    client.expected.assert_exact(&site);
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_next_run_finishes() {
    let site = Site::new();
    let mut client = Client::new(&site);
    client.feed(&FeedOptions::default(), 5_000);
    let mut daemon = site.daemon(&[]);
    until("some of it is delivered", || site.loaded() > 0);
    // Somebody else writes to the database, so that it can't finish.
    let other = site.connection();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    daemon.send(Signal::TERM);
    until("it has the first signal", || {
        // Signals of one kind that wait are one, so the second is sent again until it ends.
        daemon.send(Signal::TERM);
        daemon.ended().is_some()
    });
    assert_eq!(daemon.ended().unwrap().code(), Some(143), "{}", daemon.log());
    other.execute_batch("ROLLBACK").unwrap();
    site.drain(&[]);
    client.expected.assert_exact(&site);
}

#[test]
fn a_writer_in_place_under_a_running_worker_has_no_row_torn() {
    for flags in [&[][..], &["--claim-files=1"]] {
        let site = Site::new();
        let mut client = Client::new(&site);
        client.piece_bytes = 1_000;
        let mut daemon = site.daemon(flags);
        daemon.wait_until_ready();
        let mut random = Random::new(7);
        for number in 0..150 {
            // One message in three is written again, over a path that may or may not be taken yet.
            let name =
                format!("PN_202510271648_{:05}.json", if number % 3 == 2 { number - 1 } else { number });
            let rows: Vec<String> = (0..1_000 + random.below(500))
                .map(|row| {
                    format!(
                        r#"{{"dataset": "PN", "settlementPeriod": {}, "levelFrom": {row}, "levelTo": {number}, "nationalGridBmUnit": "UNIT-{number}-{row}", "bmUnit": "T_UNIT-{}"}}"#,
                        row % 50 + 1,
                        "X".repeat(60)
                    )
                })
                .collect();
            client.write("PN", &name, format!("[{}]", rows.join(", ")).as_bytes());
        }
        client.until_all_is_settled(&site, &mut daemon);
        daemon.stop();
        client.expected.assert_exact(&site);
        assert!(site.dead().is_empty());
    }
}

#[test]
fn a_file_that_is_held_open_delays_only_itself() {
    // Found open in incoming, and in a folder that was claimed whole.
    for flags in [&[][..], &["--claim-files=1"]] {
        let site = Site::new();
        let mut client = Client::new(&site);
        let mut slow = client.open("FREQ", "slow").unwrap();
        slow.write_all(&ROW.as_bytes()[..30]).unwrap();
        for number in 0..50 {
            client.write("FREQ", &format!("m{number}"), ROW.as_bytes());
        }
        let mut daemon = site.daemon(flags);
        until("the others are delivered", || site.loaded() == 50);
        for number in 50..100 {
            client.write("FREQ", &format!("m{number}"), ROW.as_bytes());
        }
        until("later ones are delivered", || site.loaded() == 100);
        until("the open file is where the client knows it", || {
            site.files_in("incoming").into_iter().eq(["FREQ/slow".to_owned()])
        });
        client.expected.assert_rows(&site);
        slow.write_all(&ROW.as_bytes()[30..]).unwrap();
        drop(slow);
        client.expected.add("FREQ", "slow", ROW.as_bytes());
        client.until_all_is_settled(&site, &mut daemon);
        daemon.stop();
        client.expected.assert_exact(&site);
    }
}

#[test]
fn more_events_than_the_queue_holds_lose_no_message() {
    let limit: u64 =
        fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    if limit > 50_000 {
        return skip("the queue of file events is too long here to be filled");
    }
    let site = Site::new();
    let mut client = Client::new(&site);
    client.write("FREQ", "before", ROW.as_bytes());
    let mut daemon = site.daemon(&["--scan-interval=1h"]);
    until("it is at work", || site.loaded() == 1);
    // It can take no event while it is stopped, so the queue fills: an event or two a file.
    daemon.send(Signal::STOP);
    for number in 0..limit + 1_000 {
        client.write("FREQ", &format!("m{number}"), b"[{\"frequency\": 50}]");
    }
    daemon.send(Signal::CONT);
    client.until_all_is_settled(&site, &mut daemon);
    // And it still hears of what comes then.
    client.write("FREQ", "after", ROW.as_bytes());
    client.write("BOALF", "after", b"[{\"acceptanceNumber\": 1}]");
    client.until_all_is_settled(&site, &mut daemon);
    daemon.stop();
    client.expected.assert_exact(&site);
}

#[test]
fn a_dataset_folder_that_is_deleted_and_made_again_is_found() {
    let site = Site::new();
    let mut client = Client::new(&site);
    let mut daemon = site.daemon(&["--scan-interval=300ms"]);
    daemon.wait_until_ready();
    for round in 0..5 {
        client.write("FREQ", &format!("a{round}"), ROW.as_bytes());
        client.until_all_is_settled(&site, &mut daemon);
        // Another program may be at it in the same moment: then it is not empty, and stays.
        until("the folder is gone", || fs::remove_dir(site.incoming("FREQ")).is_ok());
        client.write("FREQ", &format!("b{round}"), ROW.as_bytes());
        client.write("BOALF", &format!("b{round}"), b"[{\"acceptanceNumber\": 1}]");
        client.until_all_is_settled(&site, &mut daemon);
    }
    daemon.stop();
    client.expected.assert_exact(&site);
}

#[test]
fn without_leases_files_in_pieces_wait_until_they_are_old_enough() {
    if !is_root() {
        return skip("needs root, to run as somebody else");
    }
    use std::os::unix::fs::chown;
    let site = Site::new();
    fs::create_dir_all(site.incoming("FREQ")).unwrap();
    for path in [site.folder.path(), &site.spool, &site.spool.join("incoming"), &site.incoming("FREQ")] {
        chown(path, Some(65534), Some(65534)).unwrap();
    }
    let mut client = Client::new(&site);
    let command = site.run_command_as_nobody(&["--write-age=100ms", "--scan-interval=200ms"]);
    let mut daemon = Daemon::start(command, site.folder.path());
    daemon.wait_until_ready();
    for number in 0..50 {
        client.write("FREQ", &format!("m{number}"), ROW.as_bytes());
    }
    client.until_all_is_settled(&site, &mut daemon);
    daemon.stop();
    client.expected.assert_exact(&site);
}

/// Batches that workers hold.
fn batches(site: &Site) -> usize {
    let folders = |path: PathBuf| {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.path()).collect::<Vec<_>>()
    };
    folders(site.spool.join("claimed")).into_iter().map(|worker| folders(worker).len()).sum()
}

#[test]
fn a_folder_that_was_removed_and_made_again_is_watched_again() {
    let site = Site::new();
    let mut daemon = site.daemon(&["--scan-interval=1h"]);
    daemon.wait_until_ready();
    let mut client = Client::new(&site);
    for round in 0..10 {
        client.write("FREQ", &format!("m{round}"), ROW.as_bytes());
        until("it is there, and its file has gone", || {
            daemon.assert_running();
            site.loaded() > round && site.files_in("incoming").is_empty()
        });
        // The new folder may well have the old one's inode.
        fs::remove_dir(site.incoming("FREQ")).unwrap();
        fs::create_dir(site.incoming("FREQ")).unwrap();
        // So that the folder's making wakes nobody later.
        client.write("MID", &format!("m{round}"), b"[]");
        until("the worker has looked, and waits", || {
            site.files_in("incoming").is_empty() && batches(&site) == 0
        });
    }
    daemon.stop();
}

#[test]
fn messages_whose_files_cannot_be_settled_hold_up_no_other_dataset_and_are_loaded_once() {
    let site = Site::new();
    let done = site.spool.join("done");
    fs::create_dir_all(&done).unwrap();
    // No folder can be made here, whoever one is.
    fs::write(done.join("FREQ"), "in the way").unwrap();
    let mut daemon = site.daemon(&["--keep=done", "--flush-interval=20ms"]);
    daemon.wait_until_ready();
    let mut client = Client::new(&site);
    let in_table = |table: &str| -> i64 {
        let count = format!("SELECT count(*) FROM bmrs_{table}_iris");
        site.connection().query_row(&count, [], |row| row.get(0)).unwrap_or(0)
    };
    let mut written = 0;
    // One by one, so that each would be a batch of its own.
    while written < 30 {
        written += 1;
        client.write("FREQ", &format!("f{written}"), ROW.as_bytes());
        client.write("MID", &format!("m{written}"), b"[{\"dataPeriod\": 1}]");
        until("another dataset flows", || in_table("mid") == written);
    }
    assert!(site.files_in("incoming").len() > 10, "nothing more is claimed of what can't be settled");
    fs::remove_file(done.join("FREQ")).unwrap();
    until("all is settled", || {
        daemon.assert_running();
        site.files_in("done").iter().filter(|name| name.starts_with("FREQ/")).count() as i64 == written
    });
    assert_eq!(in_table("freq"), written);
    let log = daemon.stop();
    let all = log.matches("already_loaded=").count();
    assert!(
        all > 0 && log.matches("already_loaded=0 ").count() == all,
        "only the settling is tried again: {log}"
    );
}

/// Processor time that a process has used.
fn processor_time(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = [11, 12].map(|place| fields[place].parse::<u64>().unwrap()).iter().sum();
    // SAFETY: it only asks for a number.
    let ticks_per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as u64;
    Duration::from_millis(ticks * 1_000 / ticks_per_second)
}

#[test]
fn where_nobody_tells_of_new_files_the_scan_finds_them_and_the_processor_rests() {
    let site = Site::new();
    let in_container = |script: &str| {
        let mut command = Command::new("unshare");
        let script = format!("echo 0 > /proc/sys/user/max_inotify_instances && {script}");
        command.args(["--user", "--map-root-user", "sh", "-c", &script]).current_dir(site.folder.path());
        command
    };
    if !in_container("true").output().is_ok_and(|output| output.status.success()) {
        return skip("no user namespace of our own");
    }
    let mut command = in_container("exec \"$0\" \"$@\"");
    command
        .arg(env!("CARGO_BIN_EXE_irispool"))
        .args(["run", "--scan-interval=100ms"])
        .args(site.run_arguments());
    let mut daemon = Daemon::start(command, site.folder.path());
    daemon.wait_until_ready();
    let mut client = Client::new(&site);
    let (began, used) = (Instant::now(), processor_time(daemon.id()));
    client.feed(&FeedOptions::default(), 200);
    client.until_all_is_settled(&site, &mut daemon);
    // Long enough for some rounds to be all that is measured.
    until("some rounds are over", || began.elapsed() > Duration::from_secs(3));
    let used = processor_time(daemon.id()) - used;
    assert!(used * 3 < began.elapsed(), "{used:?} of {:?}", began.elapsed());
    daemon.stop();
    client.expected.assert_exact(&site);
}
