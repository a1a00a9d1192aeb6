//! `dead_max_bytes`: with too much in `dead` nothing more is claimed, loudly; and it goes on when there is room again.

use crate::support::{Daemon, Site, skip, until};
use serde_json::Value;

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;
const LIMIT: &str = "--dead-max-bytes=100KiB";

fn rubbish(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// Level and keys of the findings that are about what is dead.
fn status(site: &Site) -> (String, Vec<String>) {
    let mut command = site.irispool();
    command.args(["status", "--json", "--status-disk-critical=100", LIMIT]);
    let output = command.args(site.run_arguments()).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = answer["findings"].as_array().unwrap().iter();
    let dead = findings.filter(|finding| finding["key"].as_str().unwrap().starts_with("dead-"));
    let texts = dead.map(|finding| {
        format!("{} {}", finding["level"].as_str().unwrap(), finding["key"].as_str().unwrap())
    });
    (answer["level"].as_str().unwrap().to_owned(), texts.collect())
}

fn drop_all(site: &Site) {
    let spool = format!("--spool={}", site.spool.display());
    assert!(
        site.irispool()
            .args(["dead", "drop", "--all", "--yes"])
            .arg(spool)
            .output()
            .unwrap()
            .status
            .success()
    );
}

#[test]
fn a_drain_ends_with_4_and_claims_nothing_until_there_is_room() {
    let site = Site::new();
    site.put("FREQ", "bad", rubbish(100 << 10));
    let ended = site.once(&[LIMIT]);
    assert_eq!(ended.code, Some(3), "{}", ended.log);
    site.put("FREQ", "good", ROW);
    let ended = site.once(&[LIMIT]);
    assert_eq!(ended.code, Some(4), "{}", ended.log);
    assert!(ended.log.contains("dead_max_bytes") && ended.log.contains("files=1"), "{}", ended.log);
    assert_eq!(site.files_in("incoming").len(), 1);
    assert_eq!(status(&site).1, ["critical dead-full"]);
    site.drain(&["--dead-max-bytes=off", "--keep=done"]);
    assert_eq!(site.loaded(), 1);
    // With nothing to claim there is nothing to say.
    assert_eq!(site.once(&[LIMIT]).code, Some(0));
    site.put("FREQ", "again", ROW);
    drop_all(&site);
    assert_eq!(status(&site).1, Vec::<String>::new());
    assert_eq!(site.once(&[LIMIT]).code, Some(0));
    assert_eq!(site.loaded(), 2);
}

#[test]
fn from_ninety_percent_on_there_is_a_warning() {
    let site = Site::new();
    site.put("FREQ", "bad", rubbish(88 << 10));
    let mut daemon = site.daemon(&[LIMIT, "--scan-interval=100ms"]);
    daemon.wait_for_log("dead/ is nearly full");
    assert_eq!(status(&site).1, ["warning dead-nearly-full"]);
    site.put("FREQ", "good", ROW);
    until("it is delivered all the same", || site.loaded() == 1);
    daemon.stop();
}

#[test]
fn small_messages_count_by_the_room_that_they_and_their_reports_take() {
    let site = Site::new();
    for number in 0..30 {
        site.put("FREQ", format!("bad-{number}"), rubbish(10));
    }
    site.once(&[]);
    let blocks = |name: &String| {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(site.spool.join("dead").join(name)).unwrap().blocks()
    };
    if site.files_in("dead").iter().map(blocks).sum::<u64>() * 512 < 100 << 10 {
        return skip("this file system takes no block for a small file");
    }
    assert_eq!(status(&site).1, ["critical dead-full"]);
    site.put("FREQ", "good", ROW);
    assert_eq!(site.once(&[LIMIT]).code, Some(4));
}

fn http(daemon: &Daemon, path: &str) -> String {
    use std::io::{Read, Write};
    let log = daemon.log();
    let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_daemon_stops_claiming_and_goes_on_by_itself() {
    let site = Site::new();
    let mut daemon = site.daemon(&[LIMIT, "--scan-interval=100ms", "--listen=127.0.0.1:0"]);
    daemon.wait_until_ready();
    site.put("FREQ", "bad", rubbish(100 << 10));
    daemon.wait_for_log("claiming has stopped");
    for number in 0..50 {
        site.put("FREQ", format!("good-{number}"), ROW);
    }
    until("it is said over HTTP", || http(&daemon, "/metrics").contains("\nirispool_claiming_stopped 1"));
    assert!(http(&daemon, "/readyz").starts_with("HTTP/1.1 503"));
    assert_eq!(status(&site), ("critical".to_owned(), vec!["critical dead-full".to_owned()]));
    assert_eq!((site.files_in("incoming").len(), site.loaded()), (50, 0));
    drop_all(&site);
    until("it goes on", || site.loaded() == 50);
    daemon.wait_for_log("there is room in dead/ again");
    assert!(http(&daemon, "/metrics").contains("\nirispool_claiming_stopped 0"));
    daemon.stop();
}
