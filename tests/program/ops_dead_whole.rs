//! A message that is dead comes again, whole: no letter stays behind of which nothing is missing any more, and none goes
//! that has more.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use crate::support::letters::{
    assert_no_letters, gone, half_delivered, in_dead, message, put_at, row, rows, said,
};
use crate::support::{Daemon, Site, strace, until};
use serde_json::Value;

/// Contents of which nothing is missing when the whole message has come.
fn forms_of(whole: &str) -> Vec<(&'static str, Vec<u8>)> {
    let whole = whole.as_bytes();
    let mut holes = whole.to_vec();
    holes[20..60].fill(0);
    let mut tail = whole.to_vec();
    tail[40..].fill(0);
    tail.resize(4_096, 0);
    vec![
        ("empty", Vec::new()),
        ("blank", b" \n".to_vec()),
        ("a block of NULs", vec![0; 4_096]),
        ("one byte", whole[..1].to_vec()),
        ("cut off", whole[..whole.len() - 2].to_vec()),
        ("NULs within", holes),
        ("NULs at its end", tail),
        ("with a bad row", message(&[&row(1), "17", &row(3)]).into_bytes()),
        ("with a row that is no JSON", message(&[&row(1), r#"{"frequency":NaN}"#, &row(3)]).into_bytes()),
    ]
}

#[test]
fn a_letter_goes_by_itself_when_its_message_comes_whole_in_all_its_forms() {
    let whole = message(&[&row(1), &row(2), &row(3)]);
    for (form, content) in forms_of(&whole) {
        let site = Site::new();
        put_at(&site, "m", &content, 0);
        put_at(&site, "other", "[", 0);
        site.once(&[]);
        assert!(in_dead(&site, "m").exists(), "{form}");
        let reason = site.report("FREQ", "m").reason;
        put_at(&site, "m", &whole, 1);
        let log = site.drain(&[]);
        assert_eq!(rows(&site), ["0:1", "1:2", "2:3"], "{form}");
        let left = site.files_in("dead").into_iter().collect::<Vec<_>>();
        assert_eq!(left, ["FREQ/other", "FREQ/other.error.json"], "{form}: {log}");
        assert!(log.contains("a dead letter went") && log.contains("letters_gone=1"), "{form}: {log}");
        let [noted] = &gone(&site)[..] else { panic!("{form}: {:?}", gone(&site)) };
        let has = |key: &str, value: Value| assert_eq!(noted[key], value, "{form}: {noted}");
        has("dataset", "FREQ".into());
        has("name", "m".into());
        has("bytes", content.len().into());
        has("reason", reason.into());
        let listed = said(&site, &["dead", "list"]);
        assert!(listed.contains("1 dead letter removed because a complete message came: "), "{listed}");
        assert!(listed.contains("dead/.gone.jsonl"), "{listed}");
    }
}

#[test]
fn letters_of_one_name_go_together_and_long_names_go_too() {
    let whole = message(&[&row(1), &row(2)]);
    for name in ["m", "m~2", "m.error.json", &"n".repeat(255)] {
        let site = Site::new();
        for content in ["", "[", &whole[..20]] {
            site.put("FREQ", name, content);
            site.once(&[]);
        }
        assert_eq!(site.files_in("dead").len(), 6, "{name}");
        // The first of them went another way.
        let first = site.files_in("dead").into_iter().find(|file| {
            let path = site.spool.join("dead").join(file);
            path.metadata().unwrap().len() == 0
        });
        fs::remove_file(site.spool.join("dead").join(first.unwrap())).unwrap();
        site.put("FREQ", name, &whole);
        site.drain(&[]);
        let mut left = site.files_in("dead");
        left.retain(|file| site.spool.join("dead").join(file).metadata().unwrap().len() < 100);
        assert!(left.is_empty(), "{name}: {left:?}");
        assert_eq!(gone(&site).len(), 2, "{name}");
    }
}

#[test]
fn a_letter_with_anything_that_the_whole_message_lacks_stays_and_says_so() {
    let whole = message(&[&row(1), &row(2)]);
    let others = [
        message(&[&row(1), &row(9), "17"]),
        message(&[&row(1), &row(2), &row(3), "17"]),
        message(&[&row(7), &row(2)])[..100].to_owned(),
        "not JSON at all".to_owned(),
        "\u{0}x".to_owned(),
    ];
    for content in others {
        let site = Site::new();
        put_at(&site, "m", &content, 0);
        site.once(&[]);
        put_at(&site, "m", &whole, 1);
        let log = site.drain(&[]);
        assert_eq!(rows(&site), ["0:1", "1:2"]);
        assert_eq!(fs::read(in_dead(&site, "m")).unwrap(), content.as_bytes());
        assert!(log.contains("lacks something of its dead letter"), "{log}");
        let came = site.report("FREQ", "m").whole_came.unwrap();
        assert_eq!(came.bytes, whole.len() as u64);
        let shown = said(&site, &["dead", "show", "m"]);
        assert!(shown.contains("came      a complete message, "), "{shown}");
        let listed = said(&site, &["dead", "list"]);
        assert!(listed.contains("1 dead letter for which a complete message came later"), "{listed}");
        assert!(gone(&site).is_empty());
        // Said once.
        site.put("FREQ", "m", &whole);
        assert!(!site.drain(&[]).contains("lacks something"));
    }
}

#[test]
fn a_letter_that_cannot_be_read_stays_and_says_so() {
    let whole = message(&[&row(1)]);
    let link = |site: &Site| {
        fs::create_dir_all(site.incoming("FREQ")).unwrap();
        std::os::unix::fs::symlink("/dev/null", site.incoming("FREQ").join("m")).unwrap();
    };
    let large = |site: &Site| drop(site.put("FREQ", "m", " ".repeat(5_000_000)));
    for make in [&link as &dyn Fn(&Site), &large] {
        let site = Site::new();
        make(&site);
        site.once(&["--max-file-bytes=4MB"]);
        put_at(&site, "m", &whole, 1);
        site.drain(&["--max-file-bytes=4MB"]);
        assert!(in_dead(&site, "m").symlink_metadata().is_ok());
        assert_eq!(site.report("FREQ", "m").whole_came.unwrap().bytes, whole.len() as u64);
    }
}

#[test]
fn a_row_that_strict_refuses_has_values_so_its_letter_stays() {
    let site = Site::new();
    let strange = r#"{"dataset":"FREQ","frequency":2,"strange":1}"#;
    put_at(&site, "m", message(&[&row(1), strange]), 0);
    site.once(&["--schema=strict"]);
    put_at(&site, "m", message(&[&row(1), &row(2)]), 1);
    site.drain(&["--schema=strict"]);
    assert!(in_dead(&site, "m").exists());
    // The same content is delivered whole when the column may be made: nothing is missing.
    put_at(&site, "m", message(&[&row(1), strange]), 2);
    site.drain(&[]);
    assert_no_letters(&site);
}

#[test]
fn a_letter_of_another_dataset_or_name_stays() {
    let site = Site::new();
    site.put("FREQ", "m", "");
    site.put("MID", "m", "");
    site.put("FREQ", "m2", "");
    site.once(&[]);
    site.put("FREQ", "m", message(&[&row(1)]));
    site.drain(&[]);
    let left: Vec<String> = site.dead().into_iter().collect();
    assert_eq!(left, ["FREQ/m2", "MID/m"]);
}

#[test]
fn a_message_that_comes_with_bad_rows_again_leaves_both_letters() {
    let site = Site::new();
    put_at(&site, "m", "", 0);
    site.once(&[]);
    put_at(&site, "m", message(&[&row(1), "17"]), 1);
    site.once(&[]);
    assert_eq!(site.dead().into_iter().collect::<Vec<_>>(), ["FREQ/m", "FREQ/m~2"]);
}

#[test]
fn what_nobody_buried_is_left_alone() {
    let site = Site::new();
    site.put("FREQ", "other", "");
    site.once(&[]);
    fs::write(in_dead(&site, "m"), "").unwrap();
    std::os::unix::fs::symlink("/dev/null", in_dead(&site, "m~2")).unwrap();
    site.put("FREQ", "m", message(&[&row(1)]));
    site.drain(&[]);
    assert!(in_dead(&site, "m").exists() && in_dead(&site, "m~2").is_symlink());
}

#[test]
fn kept_messages_are_kept_and_their_letters_go() {
    for keep in ["--keep=done", "--keep=archive"] {
        let site = Site::new();
        site.put("FREQ", "m", "[");
        site.once(&[keep]);
        site.put("FREQ", "m", message(&[&row(1)]));
        site.drain(&[keep]);
        assert_no_letters(&site);
        assert_eq!(site.loaded(), 1);
    }
}

/// Killed at each removal and rename of a run that delivers what was dead, the next run comes to the same end.
#[test]
fn killed_anywhere_no_row_is_lost_and_no_letter_stays_behind() {
    if !strace::works() {
        return;
    }
    for calls in ["unlink,unlinkat", "rename,renameat,renameat2", "utimensat"] {
        for call in 1.. {
            let site = half_delivered("17");
            site.put("FREQ", "empty", "");
            site.once(&[]);
            put_at(&site, "m", message(&[&row(1), &row(2), &row(3)]), -24);
            site.put("FREQ", "empty", message(&[&row(5)]));
            let mut run = strace::killed_at(&site, calls, call);
            let output = run.args(["run", "--once"]).args(site.run_arguments()).output().unwrap();
            let killed = output.status.signal() == Some(9);
            site.drain(&[]);
            assert_eq!(rows(&site), ["0:1", "1:2", "2:3"], "{calls} {call}");
            assert_eq!(site.texts("SELECT count(*) FROM bmrs_freq_iris WHERE message_id = 'empty'"), ["1"]);
            assert_eq!(site.dead().into_iter().collect::<Vec<_>>(), Vec::<String>::new(), "{calls} {call}");
            site.assert_nothing_incoming();
            site.assert_nothing_claimed();
            if !killed {
                assert!(call > 1, "{calls}");
                break;
            }
        }
    }
}

/// The letter is retried while the worker that delivers its message has it in hand.
#[test]
fn a_letter_that_is_retried_meanwhile_is_delivered_and_not_deleted() {
    let site = Site::new();
    let whole = message(&[&row(1), &row(2)]);
    put_at(&site, "m", &whole[..10], 0);
    site.once(&[]);
    put_at(&site, "m", &whole, 1);
    let spool = format!("--spool={}", site.spool.display());
    let mut retries = Vec::new();
    for _ in 0..4 {
        retries.push(site.irispool().args(["dead", "retry", "--all", &spool]).spawn().unwrap());
    }
    site.once(&[]);
    for mut retry in retries {
        retry.wait().unwrap();
    }
    site.once(&[]);
    assert_eq!(rows(&site), ["0:1", "1:2"]);
    // Either it went, or it was retried before, and is dead again until the message comes once more.
    put_at(&site, "m", &whole, 1);
    site.drain(&[]);
    assert_no_letters(&site);
    assert_eq!(rows(&site), ["0:1", "1:2"]);
}

/// The disk is slow when the empty message is buried, so the whole one is delivered before.
#[test]
fn a_letter_that_is_buried_after_its_message_was_delivered_whole_goes_too() {
    if !strace::works() {
        return;
    }
    let site = Site::new();
    let mut command = Command::new("strace");
    // A report gets its name by this call; a claim, a burial and the client have others.
    command.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename"]);
    command.args(["-e", "inject=rename:delay_enter=2000000", env!("CARGO_BIN_EXE_irispool"), "run"]);
    command.args(site.run_arguments()).args(["--scan-interval=100ms", "--flush-interval=10ms"]);
    let mut daemon = Daemon::start(command, site.folder.path());
    daemon.wait_until_ready();
    site.put("FREQ", "m", "");
    until("the empty message is claimed", || site.files_in("incoming").is_empty());
    site.put("FREQ", "m", message(&[&row(1)]));
    until("the whole message is loaded", || site.loaded() == 1);
    assert!(!in_dead(&site, "m").exists(), "the empty one is not buried yet");
    until("all is settled", || !site.has_messages());
    daemon.stop();
    assert_no_letters(&site);
    assert_eq!(gone(&site).len(), 1);
}
