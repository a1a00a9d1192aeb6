//! The log file: what is in it, how it is put aside, and that it stops nobody.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use crate::support::disk::Tmpfs;
use crate::support::site::{Ended, entries};
use crate::support::{Daemon, Site, skip, strace, until};
use irispool::observe::log_file::{LogFile, LogFileSettings};

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

fn log_path(site: &Site) -> PathBuf {
    site.folder.path().join("logs/worker.log")
}

/// The flags for a log file in a folder of its own.
fn flags(site: &Site) -> Vec<String> {
    let path = log_path(site);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    vec![format!("--log-file={}", path.display())]
}

/// What was put aside, the oldest first.
fn aside(path: &Path) -> Vec<PathBuf> {
    let mut files = entries(path.parent().unwrap());
    files.retain(|file| {
        file != path && file.extension().is_some_and(|end| end.to_string_lossy().contains('Z'))
    });
    files.sort();
    files
}

fn once(site: &Site, own: &[String], more: &[&str]) -> Ended {
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    site.once(&[&own, more].concat())
}

/// Lines without their times, which differ between stderr and the file, each with how often it is there.
fn counted(text: &str) -> BTreeMap<String, i64> {
    let mut lines = BTreeMap::new();
    for line in text.lines() {
        // A full disk may cut a line off within its time.
        let Some((time, rest)) = line.split_once(' ') else {
            assert!(line.len() <= "2025-10-28T03:59:00.000Z".len(), "torn: {line:?}");
            *lines.entry(String::new()).or_default() += 1;
            continue;
        };
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "torn: {line:?}");
        *lines.entry(rest.to_owned()).or_default() += 1;
    }
    lines
}

#[test]
fn lines_go_to_stderr_and_without_colour_to_the_file() {
    let site = Site::new();
    site.put("FREQ", "a", ROW);
    let ended = once(&site, &flags(&site), &["--color=always"]);
    assert!(ended.log.contains("\u{1b}[") && ended.log.contains(" ended "), "{}", ended.log);
    let file = fs::read_to_string(log_path(&site)).unwrap();
    assert!(!file.contains('\u{1b}'), "{file}");
    assert!(counted(&file).keys().any(|line| line.starts_with("INFO  ended files=1 rows=1 ")), "{file}");
}

#[test]
fn json_lines_are_json_in_the_file_too() {
    let site = Site::new();
    let ended = once(&site, &flags(&site), &["--log-format=json"]);
    let file = fs::read_to_string(log_path(&site)).unwrap();
    assert_eq!(file.lines().count(), ended.log.lines().count());
    for line in file.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["timestamp"].is_string() && line["message"].is_string());
    }
}

#[test]
fn why_a_run_could_not_start_is_in_the_file() {
    let site = Site::new();
    fs::create_dir_all(&site.spool).unwrap();
    fs::write(site.spool.join("incoming"), "").unwrap();
    let ended = once(&site, &flags(&site), &[]);
    assert_eq!(ended.code, Some(1));
    let file = fs::read_to_string(log_path(&site)).unwrap();
    assert!(file.contains(" ERROR ") && file.contains("is not a folder hint="), "{file}");
}

#[test]
fn other_verbs_write_no_log_file() {
    let site = Site::new();
    let path = log_path(&site);
    flags(&site);
    for verb in ["status", "check", "config"] {
        let mut command = site.irispool();
        command.arg(verb).args(site.run_arguments()).env("IRISPOOL_LOG_FILE", &path).output().unwrap();
    }
    assert!(!path.exists());
}

#[test]
fn it_is_put_aside_before_it_is_too_large_and_so_many_are_kept() {
    let site = Site::new();
    let own = flags(&site);
    let path = log_path(&site);
    let others = path.with_file_name("worker.log.20251028T0359.bak");
    fs::write(&others, "somebody else's").unwrap();
    for turn in 0..10 {
        for number in 0..10 {
            site.put("FREQ", format!("m{turn}-{number}"), "[{");
        }
        let more = ["--log-level=trace", "--log-file-bytes=4KiB", "--log-files-kept=3"];
        assert_eq!(once(&site, &own, &more).code, Some(3));
    }
    let kept = aside(&path);
    assert_eq!(kept.len(), 3, "{kept:?}");
    for file in kept.iter().chain([&path]) {
        assert!(fs::metadata(file).unwrap().len() <= 4_096);
        counted(&fs::read_to_string(file).unwrap());
    }
    assert_eq!(fs::read_to_string(others).unwrap(), "somebody else's");
}

#[test]
fn it_is_put_aside_at_the_first_line_of_a_day() {
    let site = Site::new();
    let own = flags(&site);
    let path = log_path(&site);
    fs::write(&path, "2025-10-28T23:59:59.250Z INFO  the last line of that day\n").unwrap();
    let last = UNIX_EPOCH + Duration::from_millis(1_761_695_999_250);
    File::options().append(true).open(&path).unwrap().set_modified(last).unwrap();
    once(&site, &own, &[]);
    let [old] = &aside(&path)[..] else { panic!("{:?}", aside(&path)) };
    assert_eq!(old.file_name().unwrap(), "worker.log.20251028T235959.250Z");
    assert_eq!(fs::read_to_string(old).unwrap().lines().count(), 1);
    assert!(!fs::read_to_string(&path).unwrap().contains("the last line of that day"));
}

#[test]
fn a_day_ends_at_midnight_utc() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let log = LogFile::new(LogFileSettings { path: path.clone(), bytes_max: 1 << 20, kept: 5 });
    let now = jiff::Timestamp::now();
    let day = 24 * 3_600;
    let midnight = (now.as_second().div_euclid(day) + 1) * day;
    for (line, second) in [("one\n", now.as_second()), ("two\n", midnight - 1), ("three\n", midnight)] {
        assert!(log.write_line_at(line.as_bytes(), jiff::Timestamp::from_second(second).unwrap()).is_none());
    }
    let [old] = &aside(&path)[..] else { panic!("{:?}", aside(&path)) };
    assert_eq!(fs::read_to_string(old).unwrap(), "one\ntwo\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
}

#[test]
fn processes_that_write_one_file_lose_and_tear_no_line() {
    let site = Site::new();
    let path = log_path(&site);
    let own = flags(&site);
    let mut flags: Vec<&str> = own.iter().map(String::as_str).collect();
    flags.extend([
        "--log-level=trace",
        "--log-file-bytes=4KiB",
        "--log-files-kept=10000",
        "--scan-interval=100ms",
    ]);
    let mut workers: Vec<Daemon> = (0..4).map(|_| site.daemon(&flags)).collect();
    workers.iter_mut().for_each(Daemon::wait_until_ready);
    let mut number = 0;
    until("it was put aside often", || {
        workers.iter_mut().for_each(Daemon::assert_running);
        site.put("FREQ", format!("m{number}"), if number % 3 == 0 { "[{" } else { ROW });
        number += 1;
        aside(&path).len() >= 40
    });
    let mut said: BTreeMap<String, i64> = BTreeMap::new();
    for worker in workers {
        for (line, count) in counted(&worker.stop()) {
            *said.entry(line).or_default() += count;
        }
    }
    // A file is put aside by one of them, and only when the next line has no room in it.
    let longest = said.keys().map(|line| line.len() + 100).max().unwrap() as u64;
    for file in aside(&path) {
        assert!(fs::metadata(&file).unwrap().len() + longest > 4_096, "{} is short", file.display());
    }
    let mut written: BTreeMap<String, i64> = BTreeMap::new();
    for file in aside(&path).into_iter().chain([path]) {
        for (line, count) in counted(&fs::read_to_string(file).unwrap()) {
            *written.entry(line).or_default() += count;
        }
    }
    let lacks: Vec<_> = said.iter().filter(|(line, count)| written.get(*line) != Some(count)).collect();
    assert_eq!(lacks, Vec::<(&String, &i64)>::new());
    assert_eq!(said, written);
}

#[test]
fn a_full_disk_under_the_log_loses_no_row_and_is_said_once() {
    let site = Site::new();
    let own = flags(&site);
    let folder = log_path(&site).parent().unwrap().to_owned();
    let Some(mounted) = Tmpfs::mount(&folder, 64) else { return skip("a tmpfs can't be mounted") };
    let mut ballast = File::create(folder.join("ballast")).unwrap();
    while ballast.write_all(&[0; 4_096]).is_ok() {}
    // There is room for one page: a line is cut off at its end, and those behind it are lost.
    let page = 4_096;
    ballast.set_len(ballast.metadata().unwrap().len() - page).unwrap();
    let mut daemon = site.daemon(&[&own[0], "--log-level=trace"]);
    daemon.wait_until_ready();
    for number in 0..50 {
        site.put("FREQ", format!("m{number}"), ROW);
    }
    until("all rows are in", || site.loaded() == 50);
    let mut number = 50;
    let mut until_it_is = |what: &str, is: &dyn Fn(u64) -> bool| {
        until(what, || {
            site.put("FREQ", format!("m{number}"), "[{");
            number += 1;
            fs::metadata(log_path(&site)).is_ok_and(|found| is(found.len()))
        });
    };
    until_it_is("the page is full", &|bytes| bytes == page);
    // What failed is tried again after a second: it must fail once more, with nothing written of a line.
    let seconds_of_loss = || {
        let log = daemon.log();
        let mut lost = log.lines().skip_while(|line| !line.contains("cannot write the log file"));
        let time = |line: &str| line.split(' ').next()?.parse::<jiff::Timestamp>().ok();
        let first = lost.next().and_then(time)?;
        Some(lost.filter_map(time).last()?.duration_since(first).as_secs())
    };
    until_it_is("more lines are lost", &|_| seconds_of_loss() >= Some(3));
    drop(ballast);
    fs::remove_file(folder.join("ballast")).unwrap();
    until_it_is("there are lines again", &|bytes| bytes > 2 * page);
    let log = daemon.stop();
    assert_eq!(log.matches("cannot write the log file").count(), 1, "{log}");
    // But for one that is cut off, each line is one that stderr has: none is glued to what was cut off before it.
    let said = counted(&log);
    let file = counted(&fs::read_to_string(log_path(&site)).unwrap());
    let cut: Vec<&String> = file.keys().filter(|line| !said.contains_key(*line)).collect();
    assert!(
        cut.len() <= 1 && cut.iter().all(|cut| said.keys().any(|line| line.starts_with(*cut))),
        "{cut:?}"
    );
    drop(mounted);
}

#[test]
fn a_bug_is_in_the_file_though_stderr_is_closed() {
    let site = Site::new();
    let own = flags(&site);
    if !strace::works() {
        return;
    }
    let ours = site.run_command(&[&own[0], "--scan-interval=100ms"]);
    // Rust's standard library takes it for a bug that a folder can't be closed. The loader's files come first.
    let mut command = Command::new("strace");
    command.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=close",
        "-e",
        "inject=close:error=EIO:when=100+",
    ]);
    command.arg(ours.get_program()).args(ours.get_args()).current_dir(site.folder.path());
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "{status}");
    let file = fs::read_to_string(log_path(&site)).unwrap();
    assert!(file.contains(" ERROR ") && file.contains("hint=\"this is a bug in irispool"), "{file}");
}

#[test]
fn a_folder_that_goes_and_comes_stops_nobody() {
    let site = Site::new();
    let own = flags(&site);
    let folder = log_path(&site).parent().unwrap().to_owned();
    let mut daemon = site.daemon(&[&own[0]]);
    daemon.wait_until_ready();
    until("it has lines", || log_path(&site).exists());
    fs::remove_dir_all(&folder).unwrap();
    let mut number = 0;
    until("it is said", || {
        daemon.assert_running();
        site.put("FREQ", format!("cut{number}"), "[{");
        number += 1;
        daemon.log().contains("cannot write the log file")
    });
    site.put("FREQ", "a", ROW);
    until("a row is in", || site.loaded() == 1);
    fs::create_dir(&folder).unwrap();
    until("there are lines again", || {
        site.put("FREQ", format!("cut{number}"), "[{");
        number += 1;
        log_path(&site).exists()
    });
    let log = daemon.stop();
    assert_eq!(log.matches("cannot write the log file").count(), 1, "{log}");
}

#[test]
fn what_is_no_file_stays_where_it_is() {
    let site = Site::new();
    let ended = site.once(&["--log-file=/dev/null", "--log-file-bytes=4KiB", "--log-level=trace"]);
    assert_eq!(ended.code, Some(0));
    assert!(!ended.log.contains("cannot write the log file"), "{}", ended.log);
    use std::os::unix::fs::FileTypeExt;
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn a_file_that_cannot_be_put_aside_is_said_again_each_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker.log");
    let log = LogFile::new(LogFileSettings { path: path.clone(), bytes_max: 4, kept: 5 });
    let hour = |number: i64| jiff::Timestamp::from_second(1_761_609_600 + number * 3_600).unwrap();
    let mut said = Vec::new();
    for number in 0..50 {
        if number == 1 {
            let Ok(_) = immutable(&path, "+a") else { return skip("no file can be made append-only here") };
        }
        if log.write_line_at(b"a line\n", hour(number)).is_some() {
            said.push(number);
        }
    }
    immutable(&path, "-a").unwrap();
    assert_eq!(said, [1, 25, 49]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a line\n".repeat(50));
}

/// An append-only file may be written and not renamed.
fn immutable(path: &Path, flag: &str) -> Result<(), ()> {
    let changed = std::process::Command::new("chattr").arg(flag).arg(path).status();
    changed.is_ok_and(|status| status.success()).then_some(()).ok_or(())
}

/// As under systemd, which reads stderr and tells its device and inode.
#[test]
fn lines_for_the_journal_begin_with_their_priority() {
    let site = Site::new();
    site.put("FREQ", "bad", "rubbish");
    let run = |stream: &str, flags: &[&str]| {
        let path = site.folder.path().join("stderr");
        let file = File::create(&path).unwrap();
        let found = file.metadata().unwrap();
        let mut command = site.run_command(flags);
        command.arg("--once").stderr(file);
        let of_file = format!("{}:{}", found.dev(), found.ino());
        command.env("JOURNAL_STREAM", if stream.is_empty() { &of_file } else { stream });
        command.status().unwrap();
        fs::read_to_string(path).unwrap()
    };
    let text = run("", &[]);
    let of = |what: &str| text.lines().find(|line| line.contains(what)).unwrap()[..3].to_owned();
    assert_eq!((of("went to dead"), of("ended")), ("<4>".to_owned(), "<6>".to_owned()), "{text}");
    let text = run("", &["--claim-files=lots"]);
    assert!(text.lines().count() >= 2 && text.lines().all(|line| line.starts_with("<3>")), "{text}");
    site.put("FREQ", "bad", "rubbish");
    let text = run("", &["--log-format=json"]);
    assert!(text.lines().all(|line| line[..4].starts_with('<') && line[3..].starts_with('{')), "{text}");
    let text = run("8:1", &["--claim-files=lots"]);
    assert!(text.starts_with("error: "), "another stream than this one: {text}");
}
