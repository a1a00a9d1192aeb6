//! What may lie under `incoming` beside good messages: none of it stops the rest.

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;

use crate::support::{Client, Site};

const ROW: &str = r#"[{"dataset": "FREQ", "measurementTime": "2025-10-28T03:59:00Z", "frequency": 49.98}]"#;

/// Both ways of claiming: file by file, and by swapping the folder.
const WAYS: [&[&str]; 2] = [&[], &["--claim-files=1"]];

#[test]
fn what_is_no_message_goes_to_dead_unopened_and_the_rest_is_delivered() {
    for flags in WAYS {
        let site = Site::new();
        let mut client = Client::new(&site);
        for number in 0..40 {
            client.write("FREQ", &format!("m{number:02}"), ROW.as_bytes());
        }
        let folder = site.incoming("FREQ");
        let aim = site.folder.path().join("aim");
        fs::write(&aim, ROW).unwrap();
        symlink(&aim, folder.join("link")).unwrap();
        symlink("/nowhere", folder.join("dangling")).unwrap();
        let fifo = CString::new(folder.join("fifo").as_os_str().as_bytes()).unwrap();
        // SAFETY: the path is a valid C string.
        assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o644) }, 0);
        let _socket = UnixListener::bind(folder.join("socket")).unwrap();
        fs::write(folder.join(OsStr::from_bytes(b"not-\xff-text")), ROW).unwrap();
        // Sparse: reading it would take long and much memory.
        File::create(folder.join("huge")).unwrap().set_len(2 << 30).unwrap();

        let ended = site.once(flags);
        assert_eq!(ended.code, Some(3), "{}", ended.log);
        client.expected.assert_rows(&site);
        site.assert_nothing_incoming();
        site.assert_nothing_claimed();
        let dead: Vec<String> = site.dead().into_iter().collect();
        let wanted =
            ["FREQ/dangling", "FREQ/fifo", "FREQ/huge", "FREQ/link", "FREQ/not-\u{fffd}-text", "FREQ/socket"];
        assert_eq!(dead, wanted);
        for (name, reason) in [
            ("link", "symbolic link"),
            ("dangling", "symbolic link"),
            ("fifo", "FIFO"),
            ("socket", "socket"),
            ("huge", "2147483648 bytes, more than max_file_bytes = 67108864"),
        ] {
            assert!(site.report("FREQ", name).reason.contains(reason), "{:?}", site.report("FREQ", name));
        }
        let dead = site.spool.join("dead/FREQ");
        assert!(fs::symlink_metadata(dead.join("fifo")).unwrap().file_type().is_fifo());
        assert_eq!(fs::read_link(dead.join("link")).unwrap(), aim);
        assert_eq!(fs::read_to_string(&aim).unwrap(), ROW);
        assert_eq!(fs::metadata(dead.join("huge")).unwrap().len(), 2 << 30);
    }
}

#[test]
fn folders_hidden_files_and_strays_are_left_alone() {
    for flags in WAYS {
        let site = Site::new();
        let mut client = Client::new(&site);
        for number in 0..10 {
            client.write("FREQ", &format!("f{number}"), ROW.as_bytes());
            client.write("BOALF", &format!("b{number}"), b"[]");
        }
        fs::create_dir_all(site.incoming("FREQ").join("sub")).unwrap();
        fs::write(site.incoming("FREQ").join("sub/inner"), ROW).unwrap();
        fs::write(site.incoming("BOALF").join(".hidden"), ROW).unwrap();
        fs::write(site.spool.join("incoming/stray"), ROW).unwrap();
        symlink(site.incoming("FREQ"), site.incoming("LINKED")).unwrap();
        let ended = site.once(flags);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        client.expected.assert_rows(&site);
        site.assert_nothing_claimed();
        assert_eq!(site.dead().len(), 0);
        for left in ["FREQ/sub/inner", "BOALF/.hidden", "stray"] {
            assert_eq!(fs::read_to_string(site.spool.join("incoming").join(left)).unwrap(), ROW, "{left}");
        }
        assert!(ended.log.contains("stray"), "{}", ended.log);
    }
}

#[test]
fn odd_names_are_names() {
    for flags in WAYS {
        let site = Site::new();
        let mut client = Client::new(&site);
        let long = "n".repeat(255);
        let names = [
            "new\nline.json",
            "a b",
            "ünï\u{1f50c}",
            "-rf",
            "quote\"'`",
            "%s\\",
            &long,
            "no-ending",
            "~2",
            "a~2",
        ];
        for name in names {
            client.write("FREQ", name, ROW.as_bytes());
        }
        for folder in ["new\nline", "ünï", "a b", "lower", "Freq", "-x", "drop table; --"] {
            client.write(folder, &format!("in {folder}"), ROW.as_bytes());
        }
        let ended = site.once(flags);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        client.expected.assert_exact(&site);
        assert!(!ended.log.contains("new\nline"), "a name broke a log line: {}", ended.log);
    }
}

#[test]
fn every_shape_of_json_has_an_answer() {
    let site = Site::new();
    let mut client = Client::new(&site);
    let row = |number: u32| {
        format!(
            r#"{{"dataset": "FREQ", "measurementTime": "2025-10-28T03:59:00Z", "frequency": {number}.5}}"#
        )
    };
    let nested =
        |depth: usize| format!(r#"[{{"deep": {}1{}}}, {}]"#, "[".repeat(depth), "]".repeat(depth), row(1));
    let shapes = [
        ("empty-array", "[]".to_owned()),
        ("spaces", " [ ] \n".to_owned()),
        ("one-object", row(2)),
        ("bom", format!("\u{feff}[{}]", row(3))),
        ("indented", format!("[\n  {},\n\t{}\r\n]\n", row(4), row(5))),
        ("empty", String::new()),
        ("only-space", " \n".to_owned()),
        ("number", "42".to_owned()),
        ("text", "\"text\"".to_owned()),
        ("null", "null".to_owned()),
        ("cut-off", format!("[{}, {{\"dataset\":", row(6))),
        ("nan", format!("[{{\"frequency\": NaN}}, {}]", row(7))),
        ("lone-surrogate", format!("[{{\"frequency\": 1, \"x\": \"\\ud800\"}}, {}]", row(8))),
        ("array-in-array", format!("[[{}], {}]", row(9), row(10))),
        ("deep-1000", nested(1_000)),
        ("deep-open", "[".repeat(200_000)),
        ("nothing-but-zeros", "\0".repeat(10_000)),
    ];
    for (name, text) in &shapes {
        client.write("FREQ", name, text.as_bytes());
    }
    client.write("FREQ", "invalid-utf-8", b"[{\"frequency\": 1, \"x\": \"\xff\"}]");
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(3), "{}", ended.log);
    client.expected.assert_exact(&site);
}

#[test]
fn a_message_of_25_mb_is_delivered_whole() {
    let site = Site::new();
    let mut client = Client::new(&site);
    let mut body = String::from("[");
    let mut number = 0;
    while body.len() < 25_000_000 {
        number += 1;
        let comma = if number > 1 { ", " } else { "" };
        body += &format!(
            r#"{comma}{{"dataset": "BOD", "settlementDate": "2025-10-28", "settlementPeriod": {}, "timeFrom": "2025-10-28T04:00:00Z", "timeTo": "2025-10-28T04:30:00Z", "levelFrom": {number}, "levelTo": {number}, "pairId": 1, "offer": 250.0, "bid": -12.5, "nationalGridBmUnit": "UNIT-{number}", "bmUnit": "T_UNIT-{number}"}}"#,
            number % 50 + 1
        );
    }
    body.push(']');
    client.write("BOD", "large.json", body.as_bytes());
    client.write("FREQ", "small.json", ROW.as_bytes());
    assert_eq!(site.once(&[]).code, Some(0));
    assert!(client.expected.rows() > 50_000);
    client.expected.assert_exact(&site);
}
