//! `irispool check`: each line good, and bad out of the condition that it is about.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::disk::{Fuse, Tmpfs};
use crate::support::{Site, is_root, lacks, skip};
use serde_json::Value;

fn check(site: &Site) -> Command {
    let mut command = site.irispool();
    command.arg("check").env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    // The disk of whoever runs the tests may be as full as it likes.
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    command
}

/// The lines about one thing, and the exit code.
#[track_caller]
fn lines(command: &mut Command, about: &str) -> (Vec<Value>, i32) {
    let output = command.arg("--json").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<Value> = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    lines.retain(|line| line["check"] == about);
    assert!(!lines.is_empty(), "{about}: {text}");
    (lines, output.status.code().unwrap())
}

/// The first of them.
#[track_caller]
fn line(command: &mut Command, about: &str) -> (Value, i32) {
    let (mut lines, code) = lines(command, about);
    (lines.swap_remove(0), code)
}

#[track_caller]
fn assert_bad(command: &mut Command, about: &str, what: &str) {
    let (line, code) = line(command, about);
    assert_eq!((code, &line["verdict"]), (1, &"bad".into()), "{line}");
    assert!(line["what"].as_str().unwrap().contains(what), "{line}");
    assert!(line["hint"].is_string(), "{line}");
}

/// Everything under a folder, with what is in the files; but for SQLite's log, which each reader opens.
fn picture(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut picture = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.to_string_lossy().ends_with("-wal") || path.to_string_lossy().ends_with("-shm") {
            continue;
        }
        picture.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
        picture.extend(picture_of_folder(&path));
    }
    picture.sort();
    picture
}

fn picture_of_folder(path: &Path) -> Vec<(String, Vec<u8>)> {
    if path.is_dir() { picture(path) } else { Vec::new() }
}

/// A spool and a database as `setup` and a run leave them.
fn made() -> Site {
    let site = Site::new();
    let mut setup = site.irispool();
    setup.arg("setup").env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    assert!(setup.output().unwrap().status.success());
    site.put(
        "FREQ",
        "a",
        r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#,
    );
    site.drain(&[]);
    site
}

#[test]
fn what_a_run_needs_is_good_and_stays_as_it_is() {
    let site = made();
    site.put("FREQ", "b", "[]");
    let before = picture(site.folder.path());
    let output = check(&site).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(picture(site.folder.path()) == before, "something was changed");
    for about in [
        "settings",
        "spool",
        "one file system",
        "rights",
        "spool room",
        "leases",
        "watches",
        "clock",
        "open files",
        "warehouse folder",
        "warehouse",
        "WAL",
        "write lock",
        "integrity",
        "tables",
        "warehouse room",
    ] {
        let line = text
            .lines()
            .find(|line| {
                line.get(8..).is_some_and(|line| {
                    line.starts_with(&format!("{about}  ")) || line.starts_with(&format!("{about} "))
                })
            })
            .unwrap_or_else(|| panic!("{about}: {text}"));
        // Whether something sets this machine's clock is not ours to say.
        assert!(line.starts_with("ok ") || about == "clock", "{line}");
    }
    assert!(!text.contains(['✔', '\u{1b}']), "words where stdout is no terminal: {text}");
}

#[test]
fn before_the_first_run_there_are_warnings_and_nothing_is_made() {
    let site = Site::new();
    for about in ["spool", "warehouse"] {
        let (line, code) = line(&mut check(&site), about);
        assert_eq!((code, &line["verdict"]), (0, &"warning".into()), "{line}");
    }
    assert_eq!(picture(site.folder.path()), []);
}

#[test]
fn a_wrong_setting_is_named() {
    let site = made();
    let output = check(&site).env("IRISPOOL_READERS", "many").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("IRISPOOL_READERS=many"));
}

#[test]
fn a_file_where_a_folder_should_be_is_bad() {
    let site = Site::new();
    fs::create_dir(&site.spool).unwrap();
    fs::write(site.spool.join("incoming"), "").unwrap();
    assert_bad(&mut check(&site), "spool", "is not a folder");
}

#[test]
fn folders_on_two_file_systems_are_bad() {
    let site = made();
    let Some(_mounted) = Tmpfs::mount(&site.spool.join("done"), 1024) else {
        return skip("a tmpfs can't be mounted");
    };
    assert_bad(&mut check(&site), "one file system", "more than one file system");
}

#[test]
fn a_folder_that_the_first_run_makes_counts_where_it_will_be() {
    let site = Site::new();
    let disk = site.folder.path().join("disk");
    let Some(_mounted) = Tmpfs::mount(&disk, 1024) else { return skip("a tmpfs can't be mounted") };
    fs::create_dir(&site.spool).unwrap();
    std::os::unix::fs::symlink(&disk, site.spool.join("incoming")).unwrap();
    assert_bad(&mut check(&site), "one file system", "more than one file system");
    assert_eq!(site.once(&[]).code, Some(1), "and the first run refuses it");
}

/// The check as somebody who may not do everything.
fn unprivileged(site: &Site) -> Command {
    site.unprivileged(check(site))
}

#[test]
fn each_folder_that_is_not_ours_to_write_is_bad() {
    let site = made();
    site.give_to_nobody();
    let (line, code) = line(&mut unprivileged(&site), "rights");
    assert_eq!((code, &line["verdict"]), (0, &"good".into()), "{line}");
    for (folder, mode) in [
        (site.incoming("FREQ"), 0o555),
        (site.spool.join("dead"), 0o300),
        (site.spool.join("claimed"), 0o555),
    ] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        assert_bad(&mut unprivileged(&site), "rights", folder.to_str().unwrap());
    }
    let output = unprivileged(&site).arg("--json").output().unwrap();
    let lines: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(lines.iter().filter(|line| line["check"] == "rights").count(), 3, "a line each");
    assert_bad(&mut unprivileged(&site), "leases", "cannot create a file");
    for folder in [site.incoming("FREQ"), site.spool.join("dead"), site.spool.join("claimed")] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn what_belongs_to_somebody_else_is_named() {
    if !is_root() {
        return skip("needs root, to make files of somebody else's");
    }
    let site = made();
    site.give_to_nobody();
    let path = site.put("FREQ", "b", "[]");
    let (line, code) = line(&mut unprivileged(&site), "rights");
    assert_eq!((code, &line["verdict"]), (0, &"warning".into()), "{line}");
    assert!(line["what"].as_str().unwrap().contains(path.to_str().unwrap()), "{line}");
    // As /tmp is: everybody may write, and move only what is theirs.
    let folder = site.incoming("FREQ");
    std::os::unix::fs::chown(&folder, Some(0), Some(0)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
    assert_bad(&mut unprivileged(&site), "rights", "sticky");
}

#[test]
fn what_a_run_of_another_user_left_is_bad() {
    if !is_root() {
        return skip("needs root, to make files of somebody else's");
    }
    let site = made();
    let archive = site.spool.join("archive/FREQ");
    fs::create_dir_all(&archive).unwrap();
    fs::write(archive.join("2025-10-28.tar.zst"), "").unwrap();
    fs::create_dir_all(site.spool.join("done/FREQ")).unwrap();
    fs::write(site.spool.join("alerts.lock"), "").unwrap();
    site.give_to_nobody();
    assert_eq!(line(&mut unprivileged(&site), "rights").0["verdict"], "good");
    for (name, verdict) in [
        ("claimed/.locks/FREQ", "bad"),
        ("archive", "bad"),
        ("archive/FREQ", "bad"),
        ("archive/FREQ/2025-10-28.tar.zst", "bad"),
        ("done/FREQ", "bad"),
        // Rows flow, but nobody is told.
        ("alerts.lock", "warning"),
        ("", "warning"),
    ] {
        let path = site.spool.join(name);
        std::os::unix::fs::chown(&path, Some(0), Some(0)).unwrap();
        let mut command = unprivileged(&site);
        command.env("IRISPOOL_KEEP", "archive").env("IRISPOOL_ALERT_COMMAND", "true");
        let (found, code) = line(&mut command, "rights");
        assert_eq!((&found["verdict"], code), (&verdict.into(), i32::from(verdict == "bad")), "{found}");
        assert!(
            found["what"].as_str().unwrap().contains(path.to_str().unwrap().trim_end_matches('/')),
            "{found}"
        );
        std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
    }
    fs::remove_dir_all(site.spool.join("archive")).unwrap();
    std::os::unix::fs::chown(&site.spool, Some(0), Some(0)).unwrap();
    assert_bad(unprivileged(&site).env("IRISPOOL_KEEP", "archive"), "rights", site.spool.to_str().unwrap());
    std::os::unix::fs::chown(&site.spool, Some(65534), Some(65534)).unwrap();
    fs::create_dir(site.spool.join("archive")).unwrap();
    // Without an archive nobody writes into it.
    std::os::unix::fs::chown(site.spool.join("archive"), Some(0), Some(0)).unwrap();
    assert_eq!(line(&mut unprivileged(&site), "rights").0["verdict"], "good");
}

#[test]
fn a_disk_of_the_archive_that_is_full_is_bad() {
    let site = made();
    let disk = site.folder.path().join("disk");
    let Some(_mounted) = Tmpfs::mount(&disk, 256) else { return skip("a tmpfs can't be mounted") };
    std::os::unix::fs::symlink(&disk, site.spool.join("archive")).unwrap();
    let check = || {
        let mut command = check(&site);
        command.env("IRISPOOL_KEEP", "archive").env("IRISPOOL_STATUS_DISK_CRITICAL", "90");
        command
    };
    assert_eq!(line(&mut check(), "archive room").0["verdict"], "good");
    assert!((0..100).any(|number| fs::write(disk.join(format!("filler{number}")), [7; 16 << 10]).is_err()));
    assert_bad(&mut check(), "archive room", "100 % used");
}

#[test]
fn an_archive_that_leads_nowhere_is_bad() {
    let site = made();
    std::os::unix::fs::symlink("/no/such/disk", site.spool.join("archive")).unwrap();
    assert_bad(check(&site).env("IRISPOOL_KEEP", "archive"), "rights", "archive");
}

#[test]
fn an_address_that_cannot_be_served_at_is_bad_and_one_that_a_worker_has_is_a_warning() {
    let site = made();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_bad(check(&site).env("IRISPOOL_LISTEN", &address), "listen", "in use");
    drop(taken);
    let (free, _) = line(check(&site).env("IRISPOOL_LISTEN", &address), "listen");
    assert_eq!(free["verdict"], "good", "{free}");
    // TEST-NET-1: nobody's.
    assert_bad(check(&site).env("IRISPOOL_LISTEN", "192.0.2.1:9464"), "listen", "192.0.2.1");
    let mut daemon = site.daemon(&["--listen=127.0.0.1:0"]);
    daemon.wait_for_log("serving /metrics");
    let log = daemon.log();
    let (_, rest) = log.split_once("address=").unwrap();
    let address = rest.split_whitespace().next().unwrap();
    daemon.wait_until_ready();
    crate::support::until("it says where it serves", || {
        let (line, code) = line(check(&site).env("IRISPOOL_LISTEN", address), "listen");
        line["verdict"] == "warning" && code == 0
    });
    daemon.stop();
}

#[test]
fn a_log_file_that_cannot_be_put_aside_is_a_warning() {
    if !is_root() {
        return skip("needs root, to make files of somebody else's");
    }
    let site = made();
    site.give_to_nobody();
    let logs = site.folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("iris.log"), "a line\n").unwrap();
    let with_log = |name: &str| {
        let mut command = unprivileged(&site);
        command.env("IRISPOOL_LOG_FILE", logs.join(name));
        line(&mut command, "log file").0
    };
    // A folder of root's with a file that everybody may write.
    fs::set_permissions(logs.join("iris.log"), fs::Permissions::from_mode(0o666)).unwrap();
    let found = with_log("iris.log");
    assert_eq!(found["verdict"], "warning", "{found}");
    assert!(found["what"].as_str().unwrap().contains("rotate"), "{found}");
    // As /tmp is: somebody else's file may be written there and not renamed.
    fs::set_permissions(&logs, fs::Permissions::from_mode(0o1777)).unwrap();
    let found = with_log("iris.log");
    assert!(found["what"].as_str().unwrap().contains("rotate"), "{found}");
    std::os::unix::fs::chown(logs.join("iris.log"), Some(65534), Some(65534)).unwrap();
    assert_eq!(with_log("iris.log")["verdict"], "good");
    // Only log lines are lost where there is none: a run works.
    fs::create_dir(logs.join("folder")).unwrap();
    assert_eq!(with_log("folder")["verdict"], "warning");
    fs::write(logs.join("roots"), "").unwrap();
    assert_eq!(with_log("roots")["verdict"], "warning");
}

/// The check under a kernel that answers some calls as the test has it; none where that can't be had.
fn traced(site: &Site, calls: &str, answer: &str) -> Option<Command> {
    traced_with(site, calls, answer, &[])
}

/// `which`: flags of strace that say which of these calls are meant.
fn traced_with(site: &Site, calls: &str, answer: &str, which: &[&str]) -> Option<Command> {
    let program = env!("CARGO_BIN_EXE_irispool");
    let new = || {
        let mut command = Command::new("strace");
        let inject = format!("inject={calls}:{answer}");
        command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject]);
        command.args(which).args([program, "check"]);
        command.current_dir(site.folder.path());
        command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
        command
    };
    new().output().is_ok_and(|output| output.stdout.starts_with(b"ok ")).then(new)
}

#[test]
fn a_file_system_without_leases_is_a_warning() {
    let site = made();
    // No lease and no lock can be had: the first is what this is about.
    let Some(mut command) = traced(&site, "fcntl", "error=EINVAL") else {
        return lacks("strace is missing or may not trace");
    };
    let (line, _) = line(&mut command, "leases");
    assert_eq!(line["verdict"], "warning", "{line}");
    let hint = line["hint"].as_str().unwrap();
    assert!(hint.contains("takes a file that nobody has written to for write_age"), "{line}");
}

#[test]
fn a_spool_on_a_network_file_system_is_bad() {
    let site = made();
    // The number of NFS, where statfs(2) writes what a file system is.
    let answer = "poke_exit=@arg2=6969000000000000";
    let Some(mut command) = traced(&site, "statfs", answer) else {
        return lacks("strace is missing or may not trace");
    };
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    let (found, code) = line(&mut command, "local disk");
    assert_eq!((code, &found["verdict"]), (1, &"bad".into()), "{found}");
    assert!(found["what"].as_str().unwrap().contains("the spool is on NFS"), "{found}");
}

#[test]
fn a_disk_behind_fuse_is_a_warning_and_wal_is_bad_where_memory_cannot_be_shared() {
    let site = Site::new();
    let disk = site.folder.path().join("disk");
    let Some(mounted) = Fuse::mount(&disk, "direct_io") else { return skip("bindfs can't be mounted") };
    let check = || {
        let mut command = check(&site);
        command.env("IRISPOOL_SPOOL", disk.join("spool"));
        command.env("IRISPOOL_WAREHOUSE", format!("sqlite:{}", disk.join("iris.db").display()));
        command
    };
    let (found, _) = lines(&mut check(), "local disk");
    let said: Vec<(&str, &str)> = found
        .iter()
        .map(|line| (line["verdict"].as_str().unwrap(), line["what"].as_str().unwrap()))
        .collect();
    assert!(
        matches!(said[..], [("warning", spool), ("warning", database)]
            if spool.contains("the spool is on a FUSE mount") && database.contains("the warehouse is on a FUSE mount")),
        "{said:?}"
    );
    assert_bad(&mut check(), "WAL", "can't use it");
    drop(mounted);
}

#[test]
fn a_clock_of_a_time_before_irispool_is_bad() {
    let site = made();
    let mut command = Command::new("faketime");
    command.args(["2024-06-01 12:00:00", env!("CARGO_BIN_EXE_irispool"), "check"]);
    command.current_dir(site.folder.path()).env("IRISPOOL_STATUS_DISK_CRITICAL", "100").env("TZ", "UTC");
    command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    if command.output().is_err() {
        return lacks("faketime is missing");
    }
    assert_bad(&mut command, "clock", "the time is 2024-06-01T12:0");
}

#[test]
fn a_clock_that_nothing_sets_is_a_warning() {
    let site = made();
    for (answer, verdict) in [("retval=0", "good"), ("retval=5", "warning")] {
        let Some(mut command) = traced(&site, "adjtimex,clock_adjtime", answer) else {
            return lacks("strace is missing or may not trace");
        };
        let (line, _) = line(&mut command, "clock");
        assert_eq!(line["verdict"], verdict, "{line}");
    }
}

#[test]
fn too_few_watches_are_a_warning() {
    let site = made();
    let program = env!("CARGO_BIN_EXE_irispool");
    for (limit, what) in [
        ("max_inotify_watches=1", "when it scans"),
        ("max_inotify_instances=0", "when it scans"),
        ("max_inotify_watches=50", "2 folders watched"),
    ] {
        let mut command = Command::new("unshare");
        let (name, number) = limit.split_once('=').unwrap();
        let script = format!("echo {number} > /proc/sys/user/{name} && exec \"$0\" \"$@\"");
        command.args(["--user", "--map-root-user", "sh", "-c", &script, program, "check"]);
        command.current_dir(site.folder.path());
        command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
        if !command.output().is_ok_and(|output| output.stdout.starts_with(b"ok ")) {
            return skip("no user namespace of our own");
        }
        let (line, _) = line(&mut command, "watches");
        assert_eq!(line["verdict"], "warning", "{limit}: {line}");
        assert!(line["what"].as_str().unwrap().contains(what), "{limit}: {line}");
    }
}

#[test]
fn a_disk_without_space_or_inodes_is_bad() {
    for options in ["size=512k", "size=8m,nr_inodes=60"] {
        let site = Site::new();
        let Some(_mounted) = Tmpfs::mount_with(&site.spool, options) else {
            return skip("a tmpfs can't be mounted");
        };
        site.drain(&[]);
        let mut command = check(&site);
        let (line, _) = line(command.env("IRISPOOL_STATUS_DISK_CRITICAL", "90"), "spool room");
        assert_eq!(line["verdict"], "good", "{line}");
        let fill = |number: u32| fs::write(site.spool.join(format!("filler{number}")), [7; 16 << 10]);
        assert!((0..1_000).any(|number| fill(number).is_err()), "it never fills");
        assert_bad(check(&site).env("IRISPOOL_STATUS_DISK_CRITICAL", "90"), "spool room", "100 % used");
    }
}

#[test]
fn a_spool_that_may_not_be_written_is_said_once_and_the_unit_is_named() {
    let site = Site::new();
    let Some(mounted) = Tmpfs::mount_with(&site.spool, "size=4m") else {
        return skip("a tmpfs can't be mounted");
    };
    for dataset in ["BOALF", "FREQ", "FUELINST", "MID"] {
        fs::create_dir_all(site.incoming(dataset)).unwrap();
    }
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&mounted.path).status().unwrap();
    assert!(remounted.success());
    let (lines, code) = lines(&mut check(&site), "rights");
    let bad: Vec<&Value> = lines.iter().filter(|line| line["verdict"] == "bad").collect();
    assert_eq!((code, bad.len()), (1, 1), "{lines:?}");
    let what = bad[0]["what"].as_str().unwrap();
    assert!(what.contains("and 5 more paths: Read-only file system"), "{what}");
    assert!(bad[0]["hint"].as_str().unwrap().contains("ReadWritePaths="), "{}", bad[0]);
}

#[test]
fn a_database_on_a_full_disk_is_bad() {
    let site = Site::new();
    let disk = site.folder.path().join("disk");
    let Some(_mounted) = Tmpfs::mount(&disk, 256) else { return skip("a tmpfs can't be mounted") };
    let check = || {
        let mut command = check(&site);
        command.env("IRISPOOL_WAREHOUSE", format!("sqlite:{}", disk.join("iris.db").display()));
        command.env("IRISPOOL_STATUS_DISK_CRITICAL", "90");
        command
    };
    assert_eq!(line(&mut check(), "warehouse room").0["verdict"], "good");
    assert!((0..100).any(|number| fs::write(disk.join(format!("filler{number}")), [7; 16 << 10]).is_err()));
    assert_bad(&mut check(), "warehouse room", "100 % used");
}

#[test]
fn a_database_that_is_not_ours_to_write_is_bad() {
    let site = made();
    site.give_to_nobody();
    fs::set_permissions(&site.database, fs::Permissions::from_mode(0o444)).unwrap();
    assert_bad(&mut unprivileged(&site), "warehouse", "may not write");
    fs::set_permissions(site.folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    assert_bad(&mut unprivileged(&site), "warehouse folder", "may not create files");
    fs::set_permissions(site.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_database_in_another_journal_mode_is_a_warning() {
    let site = made();
    site.connection().query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).unwrap();
    let (line, code) = line(&mut check(&site), "WAL");
    assert_eq!((code, &line["verdict"]), (0, &"warning".into()), "{line}");
    assert!(line["what"].as_str().unwrap().contains("delete"), "{line}");
}

#[test]
fn a_locked_database_is_a_warning() {
    let site = made();
    let lock = site.connection();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (line, code) = line(check(&site).env("IRISPOOL_BUSY_TIMEOUT", "100ms"), "write lock");
    assert_eq!((code, &line["verdict"]), (0, &"warning".into()), "{line}");
    drop(lock);
}

#[test]
fn a_damaged_database_is_bad() {
    use std::os::unix::fs::FileExt;
    let site = made();
    site.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let root: u64 =
        site.texts("SELECT rootpage FROM sqlite_schema WHERE name = 'bmrs_freq_iris'")[0].parse().unwrap();
    let page: u64 = site.texts("PRAGMA page_size")[0].parse().unwrap();
    let file = File::options().write(true).open(&site.database).unwrap();
    file.write_all_at(&[0xff; 64], (root - 1) * page).unwrap();
    assert_bad(&mut check(&site), "integrity", "damaged");
}

/// The check where reads of the database are answered as the test has it.
fn read_slowly(site: &Site, answer: &str) -> Option<Command> {
    site.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    traced_with(site, "pread64", answer, &["-P", site.database.to_str().unwrap()])
}

#[test]
fn a_database_too_large_to_look_through_is_good_as_far_as_it_was_looked_through() {
    let site = made();
    let Some(mut command) = read_slowly(&site, "delay_exit=40000") else {
        return lacks("strace is missing or may not trace");
    };
    let (line, _) = line(&mut command, "integrity");
    assert_eq!(line["verdict"], "good", "{line}");
    assert!(line["what"].as_str().unwrap().contains("not every page was checked"), "{line}");
}

#[test]
fn a_database_whose_disk_does_not_read_is_bad() {
    let site = made();
    let (mut verdicts, mut reads) = (Vec::new(), 1);
    // The first reads are those of other lines; further on there is one that the look through the pages makes.
    while !verdicts.contains(&("integrity".to_owned(), "bad".to_owned())) {
        let Some(mut command) = read_slowly(&site, &format!("error=EIO:when={reads}+")) else {
            return lacks("strace is missing or may not trace");
        };
        let output = command.arg("--json").output().unwrap();
        let lines: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let word = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
        verdicts = lines.iter().map(|line| (word(line, "check"), word(line, "verdict"))).collect();
        if let Some(line) = lines.iter().find(|line| line["verdict"] == "bad") {
            assert!(line["hint"].is_string() && output.status.code() == Some(1), "{line}");
        }
        assert!(reads < 200, "{verdicts:?}");
        reads += 1;
    }
}

#[test]
fn too_full_a_disk_is_bad() {
    let site = made();
    assert_bad(check(&site).env("IRISPOOL_STATUS_DISK_CRITICAL", "1"), "spool room", "% used");
}

#[test]
fn too_few_open_files_are_bad() {
    let site = made();
    let program = env!("CARGO_BIN_EXE_irispool");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\"", program, "check"]);
    command.current_dir(site.folder.path());
    command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    assert_bad(&mut command, "open files", "only 256");
}

/// A shell on macOS starts with 256, which every process may raise.
#[test]
fn a_low_limit_of_open_files_that_a_run_raises_is_good() {
    let site = made();
    let program = env!("CARGO_BIN_EXE_irispool");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -S -n 256 && exec \"$0\" \"$@\"", program, "check"]);
    command.current_dir(site.folder.path());
    command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    let (line, _) = line(&mut command, "open files");
    assert_eq!(line["verdict"], "good", "{line}");
}

#[test]
fn a_message_from_the_future_is_bad() {
    let site = made();
    let path = site.put("FREQ", "b", "[]");
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(7200)).unwrap();
    assert_bad(&mut check(&site), "clock", "written later");
    // A folder whose name is no label of its own.
    let site = made();
    let path = site.put("A B", "b", "[]");
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(7200)).unwrap();
    assert_bad(&mut check(&site), "clock", "A B/b was written later");
}

#[test]
fn a_warehouse_that_does_not_open_is_bad() {
    let site = made();
    let garbage = site.folder.path().join("garbage.db");
    fs::write(&garbage, "no database at all, but long enough to be looked at ".repeat(100)).unwrap();
    let warehouse = format!("sqlite:{}", garbage.display());
    assert_bad(check(&site).env("IRISPOOL_WAREHOUSE", warehouse), "warehouse", "not an SQLite database");
    let nowhere = format!("sqlite:{}", site.folder.path().join("no/such/iris.db").display());
    assert_bad(check(&site).env("IRISPOOL_WAREHOUSE", nowhere), "warehouse folder", "may not create files");
}

#[test]
fn tables_that_lack_are_a_warning_with_how_to_make_them() {
    let site = made();
    site.connection().execute_batch("DROP VIEW bmrs_freq_unified; DROP TABLE bmrs_mid_iris").unwrap();
    let (line, code) = line(&mut check(&site), "tables");
    assert_eq!((code, &line["verdict"]), (0, &"warning".into()));
    assert!(
        line["what"]
            .as_str()
            .unwrap()
            .ends_with("87 of 88 datasets have their table; 1 table and 1 view are missing"),
        "{line}"
    );
}
