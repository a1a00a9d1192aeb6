//! `irispool dead`, on letters that the program itself has buried.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use crate::support::{Daemon, Site, lacks, until};
use serde_json::Value;

const GOOD_ROW: &str = r#"{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}"#;

fn dead(site: &Site, arguments: &[&str]) -> Output {
    site.irispool()
        .arg("dead")
        .args(arguments)
        .arg(format!("--spool={}", site.spool.display()))
        .output()
        .unwrap()
}

#[track_caller]
fn said(site: &Site, arguments: &[&str], code: i32) -> String {
    let output = dead(site, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn json(site: &Site, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(site, arguments, 0)).unwrap()
}

/// Three cut-off messages of FREQ, one with a bad row between two good ones, and one of BOALF that is no JSON.
fn site_with_letters() -> Site {
    let site = Site::new();
    for (name, content) in [("cut-1", "[{\"a\":1"), ("cut-2", "[{\"a\":"), ("cut-3", "[")] {
        site.put("FREQ", name, content);
    }
    site.put("FREQ", "half", format!("[{GOOD_ROW},17,{GOOD_ROW}]"));
    site.put("BOALF", "words", "not JSON at all");
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(3), "{}", ended.log);
    site
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// Times differ from run to run.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| word.trim_end_matches(',').parse::<jiff::Timestamp>().is_ok();
    let words = |line: &str| {
        let words = line.split(' ').map(|word| if is_time(word) { "TIME" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(|line| words(line) + "\n").collect()
}

#[test]
fn list_groups_by_dataset_and_reason_and_counts() {
    let site = site_with_letters();
    let text = said(&site, &["list"], 0);
    let size = text.split("dead/ uses ").nth(1).unwrap().split(" on the disk").next().unwrap();
    insta::assert_snapshot!(without_times(&text.replace(size, "SOME ROOM")));
    let answer = json(&site, &["list", "--json"]);
    assert_eq!((&answer["letters"], &answer["reports_alone"]), (&5.into(), &0.into()));
    let groups = answer["groups"].as_array().unwrap();
    let counts: u64 = groups.iter().map(|group| group["count"].as_u64().unwrap()).sum();
    assert_eq!(counts, 5);
    assert!(groups.iter().all(|group| group["oldest"].as_str() <= group["newest"].as_str()));
    assert!(groups.iter().all(|group| group["oldest"].is_string()), "{answer}");
    let boalf = json(&site, &["list", "--json", "--dataset", "boalf"]);
    assert_eq!(boalf["letters"], 1);
}

#[test]
fn show_points_at_the_bad_byte() {
    let site = site_with_letters();
    let text = said(&site, &["show", "half"], 0);
    let line =
        |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{text}"));
    assert!(line("reason").contains("2 good rows were delivered"), "{text}");
    let (excerpt, arrow) = text.split_at(text.rfind('^').unwrap());
    let column = excerpt.len() - excerpt.rfind('\n').unwrap();
    let shown = excerpt.lines().rev().nth(1).unwrap();
    assert_eq!(&shown[column - 1..column + 1], "17", "{text}");
    assert_eq!(arrow, "^\n");
    let shown = json(&site, &["show", "words", "--json"]);
    assert_eq!((&shown["dataset"], &shown["report"]["attempts"]), (&"BOALF".into(), &1.into()));
}

#[test]
fn a_mended_message_is_delivered_by_a_retry_and_nothing_of_it_twice() {
    let site = site_with_letters();
    let path = site.spool.join("dead/FREQ/half");
    fs::write(&path, format!("[{GOOD_ROW},{GOOD_ROW},{GOOD_ROW}]")).unwrap();
    assert_eq!(said(&site, &["retry", "half"], 0), "1 message back in incoming\n");
    assert_eq!(site.files_in("incoming"), names(["FREQ/half"]));
    assert!(!path.with_file_name("half.error.json").exists());
    site.drain(&[]);
    assert_eq!(site.texts("SELECT message_row FROM bmrs_freq_iris ORDER BY 1"), ["0", "1", "2"]);
    assert_eq!(site.dead(), names(["BOALF/words", "FREQ/cut-1", "FREQ/cut-2", "FREQ/cut-3"]));
}

#[test]
fn retry_takes_those_of_a_dataset_and_a_reason() {
    let site = site_with_letters();
    let groups = json(&site, &["list", "--json", "--dataset", "BOALF"]);
    let group = groups["groups"][0]["reason"].as_str().unwrap().to_owned();
    assert_eq!(
        said(&site, &["retry", "--dataset", "FREQ", "--reason", &group], 0),
        "0 messages back in incoming\n"
    );
    assert_eq!(said(&site, &["retry", "--reason", &group], 0), "1 message back in incoming\n");
    assert_eq!(said(&site, &["retry", "--dataset", "FREQ"], 0), "4 messages back in incoming\n");
    assert_eq!(site.dead(), names([]));
    let reports = site.files_in("dead");
    assert!(reports.is_empty(), "{reports:?}");
}

#[test]
fn a_message_stays_dead_where_its_name_is_taken() {
    let site = site_with_letters();
    site.put("FREQ", "cut-1", format!("[{GOOD_ROW}]"));
    let text = said(&site, &["retry", "--dataset", "FREQ"], 4);
    assert!(text.starts_with("3 messages back in incoming\n1 message stays in dead"), "{text}");
    assert!(text.ends_with("  FREQ/cut-1\n"), "{text}");
    assert_eq!(site.report("FREQ", "cut-1").message_id, "cut-1");
    assert_eq!(fs::read_to_string(site.incoming("FREQ").join("cut-1")).unwrap(), format!("[{GOOD_ROW}]"));
}

#[test]
fn numbered_letters_go_back_under_their_message_s_id_one_at_a_time() {
    let long = "n".repeat(255);
    for name in ["same~7", &long] {
        let site = Site::new();
        for content in ["[", "[{"] {
            site.put("FREQ", name, content);
            site.once(&[]);
        }
        assert_eq!(site.dead().len(), 2);
        assert!(said(&site, &["retry", name], 4).starts_with("1 message back"));
        let incoming = site.incoming("FREQ").join(name);
        assert_eq!(fs::read_to_string(&incoming).unwrap(), "[");
        fs::remove_file(&incoming).unwrap();
        assert!(said(&site, &["retry", "--all"], 0).starts_with("1 message back"));
        assert_eq!(fs::read_to_string(&incoming).unwrap(), "[{");
        assert!(site.files_in("dead").is_empty());
    }
}

#[test]
fn a_report_cannot_send_a_message_elsewhere() {
    let site = site_with_letters();
    let path = site.spool.join("dead/FREQ/cut-1.error.json");
    let report = fs::read_to_string(&path).unwrap();
    fs::write(&path, report.replace("\"cut-1\"", "\"../../../escaped\"")).unwrap();
    said(&site, &["retry", "--reason", "half-way"], 0);
    assert!(site.files_in("incoming").contains("FREQ/cut-1"));
}

#[test]
fn what_dies_again_while_it_is_retried_has_its_report() {
    let site = Site::new();
    for number in 0..300 {
        site.put("FREQ", format!("m{number}"), "[{");
    }
    site.once(&[]);
    assert_eq!(site.dead().len(), 300);
    let mut daemon = site.daemon(&["--scan-interval=100ms"]);
    daemon.wait_until_ready();
    for _ in 0..5 {
        said(&site, &["retry", "--all"], 0);
        until("all are dead again", || site.dead().len() == 300 && site.files_in("incoming").is_empty());
    }
    daemon.stop();
    let answer = json(&site, &["list", "--json"]);
    let groups = answer["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "each has a report, with the one reason: {answer}");
    assert_eq!(groups[0]["count"], 300);
}

#[test]
fn a_report_left_by_a_crash_is_removed_by_the_next_retry_unless_it_is_new() {
    let site = site_with_letters();
    for name in ["cut-1", "cut-2"] {
        fs::remove_file(site.spool.join("dead/FREQ").join(name)).unwrap();
    }
    let old = File::options().write(true).open(site.spool.join("dead/FREQ/cut-1.error.json")).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    let answer = json(&site, &["list", "--json"]);
    assert_eq!((&answer["letters"], &answer["reports_alone"]), (&3.into(), &1.into()));
    said(&site, &["retry", "half"], 0);
    let left = site.files_in("dead");
    assert!(!left.contains("FREQ/cut-1.error.json"), "{left:?}");
    assert!(left.contains("FREQ/cut-2.error.json"), "its message may be on the way: {left:?}");
}

#[test]
fn drop_deletes_only_what_was_chosen_and_only_when_somebody_said_yes() {
    let site = site_with_letters();
    let before = site.files_in("dead");
    for (arguments, hint) in
        [(&["drop", "--all"][..], "--yes"), (&["drop", "--yes"], "--all"), (&["retry"], "--all")]
    {
        let output = dead(&site, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("hint: ") && stderr.contains(hint), "{stderr}");
    }
    assert_eq!(site.files_in("dead"), before);
    assert_eq!(said(&site, &["drop", "--yes", "--reason", "half-way"], 0), "deleted 3 dead letters, 14 B\n");
    assert_eq!(site.dead(), names(["BOALF/words", "FREQ/half"]));
    assert_eq!(site.files_in("dead").len(), 4);
}

#[test]
fn export_copies_messages_and_reports_and_overwrites_nothing() {
    let site = site_with_letters();
    let target = site.folder.path().join("for support");
    let target_text = target.to_str().unwrap();
    assert!(said(&site, &["export", "--all", target_text], 0).starts_with("copied 5 messages to "));
    let copies = |folder: &str| fs::read_dir(target.join(folder)).unwrap().count();
    assert_eq!((copies("FREQ"), copies("BOALF")), (8, 2));
    assert_eq!(fs::read_to_string(target.join("BOALF/words")).unwrap(), "not JSON at all");
    assert_eq!(site.dead().len(), 5);
    let again = dead(&site, &["export", "--all", target_text]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("hint: export never overwrites a file"));
}

#[test]
fn links_are_listed_and_never_followed() {
    let site = Site::new();
    let secret = site.folder.path().join("secret");
    fs::write(&secret, "a secret").unwrap();
    fs::create_dir_all(site.incoming("FREQ")).unwrap();
    std::os::unix::fs::symlink(&secret, site.incoming("FREQ").join("link")).unwrap();
    site.once(&[]);
    assert!(!said(&site, &["show", "link"], 0).contains("a secret"));
    let target = site.folder.path().join("copies");
    let text = said(&site, &["export", "--all", target.to_str().unwrap()], 0);
    assert!(text.contains("copied 0 messages"), "{text}");
    assert!(!target.join("FREQ/link").exists());
    said(&site, &["drop", "--all", "--yes"], 0);
    assert!(secret.exists() && site.files_in("dead").is_empty());
}

#[test]
fn a_name_that_is_not_in_dead_is_an_error() {
    let site = site_with_letters();
    for verb in [&["show"][..], &["retry"], &["drop", "--yes"]] {
        let output = dead(&site, &[verb, &["nobody", "cut-1"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {stderr}");
        assert!(stderr.contains("error: not in dead: nobody\nhint: "), "{stderr}");
        if verb == ["retry"] {
            assert_eq!(site.files_in("incoming"), names(["FREQ/cut-1"]), "the others go back all the same");
            site.once(&[]);
        }
    }
    assert!(!site.dead().contains("FREQ/cut-1"));
}

/// `irispool dead drop --all` on a terminal on which somebody answers.
fn asked(site: &Site, answer: &str) -> Option<String> {
    let mut command = Command::new("script");
    let drop = format!("{} dead drop --all --spool={}", env!("CARGO_BIN_EXE_irispool"), site.spool.display());
    command.args(["-qec", &drop, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn on_a_terminal_drop_asks_and_only_yes_is_yes() {
    let site = site_with_letters();
    for answer in ["n\n", "\n", "yesterday\n"] {
        let Some(said) = asked(&site, answer) else { return lacks("no `script` to have a terminal with") };
        assert!(said.contains("Delete 5 dead letters, ") && said.contains(" for good? [y/N] "), "{said}");
        assert!(said.contains("nothing deleted"), "{said}");
        assert_eq!(site.dead().len(), 5);
    }
    assert!(asked(&site, "Y\n").unwrap().contains("deleted 5 dead letters"));
    assert!(site.files_in("dead").is_empty());
}

#[test]
fn a_drop_deletes_nothing_that_came_while_it_asked() {
    let site = site_with_letters();
    let dead = site.spool.join("dead/FREQ");
    // A report that a crash left.
    fs::remove_file(dead.join("cut-3")).unwrap();
    let old = File::options().write(true).open(dead.join("cut-3.error.json")).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    let mut command = Command::new("script");
    let drop = format!("{} dead drop --all --spool={}", env!("CARGO_BIN_EXE_irispool"), site.spool.display());
    command.args(["-qec", &drop, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return lacks("no `script` to have a terminal with") };
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut said, mut byte) = (String::new(), [0]);
    while !said.ends_with("[y/N] ") {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{said}");
        said.push(char::from(byte[0]));
    }
    // One is retried and dies again, one is another message by now, one was only left its report.
    self::said(&site, &["retry", "cut-1"], 0);
    fs::remove_file(dead.join("cut-2")).unwrap();
    fs::remove_file(dead.join("cut-2.error.json")).unwrap();
    site.put("FREQ", "cut-2", "[\"another");
    site.put("FREQ", "cut-3", "[\"one more");
    site.once(&[]);
    stdin.write_all(b"y\n").unwrap();
    stdout.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{said}");
    assert!(said.contains("deleted 2 dead letters") && said.contains("2 dead letters stay"), "{said}");
    assert!(said.contains("  FREQ/cut-1") && said.contains("  FREQ/cut-2"), "{said}");
    assert_eq!(site.dead(), names(["FREQ/cut-1", "FREQ/cut-2", "FREQ/cut-3"]));
    assert_eq!(site.files_in("dead").len(), 6, "each has its report");
    assert_eq!(fs::read_to_string(dead.join("cut-2")).unwrap(), "[\"another");
}

#[test]
fn a_second_copy_that_is_buried_while_the_first_is_dropped_keeps_its_report() {
    let site = Site::new();
    site.put("FREQ", "cut", "[{");
    site.once(&[]);
    site.put("FREQ", "cut", "[{");
    // Its first removal is of the message; after it, it stands still for a while.
    let mut command = Command::new("strace");
    let inject = "inject=unlink,unlinkat:delay_exit=3000000:when=1";
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=unlink,unlinkat", "-e", inject]);
    command.arg(env!("CARGO_BIN_EXE_irispool")).args(["dead", "drop", "cut", "--yes"]);
    command.arg(format!("--spool={}", site.spool.display()));
    if Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_err() {
        return lacks("strace is missing or may not trace");
    }
    let mut drop = Daemon::start(command, site.folder.path());
    until("the message is gone", || !site.dead().contains("FREQ/cut"));
    site.once(&[]);
    assert!(drop.wait().success(), "{}", drop.log());
    assert_eq!(site.report("FREQ", "cut").attempts, 2);
}

#[test]
fn where_there_is_no_spool_it_says_so_and_makes_none() {
    let site = Site::new();
    for arguments in [&["list"][..], &["retry", "--all"], &["drop", "--all", "--yes"]] {
        let output = dead(&site, arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("there is no spool at ") && stderr.contains("\nhint: "), "{stderr}");
    }
    assert!(!site.spool.exists());
}

#[test]
fn a_mistyped_dataset_is_named_with_a_near_one() {
    let site = site_with_letters();
    let output = dead(&site, &["list", "--dataset=FRQE"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("there is no dataset FRQE") && stderr.contains("did you mean FREQ?"), "{stderr}");
    assert_eq!(said(&site, &["list", "--dataset=MID"], 0).lines().next(), Some("no dead letters"));
}

#[test]
fn what_dead_takes_of_the_disk_is_told_with_its_limit() {
    let site = site_with_letters();
    let answer = json(&site, &["list", "--json"]);
    assert!(answer["disk_bytes"].as_u64() > answer["bytes"].as_u64(), "{answer}");
    assert_eq!(answer["disk_bytes_max"], 1 << 30, "{answer}");
}

#[test]
fn a_retry_makes_the_folder_of_a_dataset_for_those_whose_spool_it_is() {
    use std::os::unix::fs::MetadataExt;
    if !crate::support::is_root() {
        return crate::support::skip("needs root, to be another user than the client");
    }
    let site = site_with_letters();
    site.give_to_nobody();
    fs::remove_dir(site.incoming("BOALF")).unwrap();
    said(&site, &["retry", "--dataset=BOALF"], 0);
    let (made, incoming) = (site.incoming("BOALF"), site.spool.join("incoming"));
    let of = |path: &std::path::Path| {
        let found = path.metadata().unwrap();
        (found.uid(), found.gid(), found.mode())
    };
    assert_eq!(of(&made), of(&incoming));
}
