//! What a worker serves over HTTP, and the dashboard and rules that are made for it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Daemon, Google, Site, lacks, until};
use serde_json::Value;

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

/// A worker that serves, and where.
fn serving(site: &Site) -> (Daemon, String) {
    served_by(site.daemon(&["--listen=127.0.0.1:0", "--client-secret-expires=2099-12-31"]))
}

fn served_by(mut daemon: Daemon) -> (Daemon, String) {
    daemon.wait_until_ready();
    daemon.wait_for_log("serving");
    let log = daemon.log();
    let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    (daemon, address)
}

/// The status of an answer, its head, and its body.
fn get(address: &str, path: &str, accept: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
}

fn metrics(address: &str) -> String {
    let (status, _, body) = get(address, "/metrics", "*/*");
    assert_eq!(status, 200, "{body}");
    body
}

/// The value of the sample with exactly this name and these labels.
#[track_caller]
fn sample(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.rsplit_once(' ').is_some_and(|(sample, _)| sample == name));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn a_worker_whose_database_is_locked_is_alive_and_serves_and_says_what_it_waits_for() {
    let site = Site::new();
    let other = site.connection();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let waits = |flags: &[&str]| {
        let mut daemon = site.daemon(flags);
        daemon.wait_for_log("waiting: the warehouse is not ready");
        daemon
    };
    let daemon = waits(&["--listen=127.0.0.1:0"]);
    let log = daemon.log();
    let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    assert_eq!(get(address, "/healthz", "*/*").0, 200, "or it would be restarted");
    let (status, _, body) = get(address, "/readyz", "*/*");
    assert!(status == 503 && body.contains("it waits for the warehouse: "), "{status} {body}");
    assert_eq!(sample(&metrics(address), "irispool_workers{state=\"alive\"}"), 1.0);
    let status = || {
        let mut command = site.irispool();
        command.env("IRISPOOL_BUSY_TIMEOUT", "100ms");
        let output = command.args(["status", "--json"]).args(site.run_arguments()).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let keys = |seen: &Value| {
        let findings = seen["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    until("status says what it waits for", || keys(&status()).contains(&"waits".to_owned()));
    let seen = status();
    assert!(!keys(&seen).contains(&"no-worker".to_owned()), "{seen}");
    let why = seen["workers"][0]["news"]["waits"]["why"].as_str();
    assert!(why.is_some_and(|why| why.contains("locked")), "{seen}");
    let stopped = waits(&[]);
    let asked = Instant::now();
    stopped.stop();
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "its stop waits for the database: {:?}",
        asked.elapsed()
    );
    other.execute_batch("ROLLBACK").unwrap();
    until("it takes messages", || get(address, "/readyz", "*/*").0 == 200);
    until("it does not wait any more", || !keys(&status()).contains(&"waits".to_owned()));
    assert_eq!(status()["workers"].as_array().unwrap().len(), 1, "the one that was stopped left nothing");
    daemon.stop();
    site.assert_nothing_claimed();
}

#[test]
fn what_cannot_be_packed_is_a_finding_until_it_can_be() {
    let site = Site::new();
    fs::create_dir(&site.spool).unwrap();
    fs::write(site.spool.join("archive"), "no folder").unwrap();
    let (daemon, address) =
        served_by(site.daemon(&["--listen=127.0.0.1:0", "--keep=archive", "--scan-interval=100ms"]));
    let unpacked = || finding(&site, "unpacked");
    site.put("FREQ", "a", ROW);
    until("it is found", || unpacked().is_some());
    let finding = unpacked().unwrap();
    assert_eq!(finding["level"], "warning", "{finding}");
    assert!(finding["what"].as_str().unwrap().contains("archive/FREQ"), "{finding}");
    until("it is a metric", || sample(&metrics(&address), "irispool_packing_failed") == 1.0);
    fs::remove_file(site.spool.join("archive")).unwrap();
    until("it is packed", || site.spool.join("archive/FREQ").exists());
    until("it is over", || unpacked().is_none());
    until("so says the metric", || sample(&metrics(&address), "irispool_packing_failed") == 0.0);
    daemon.stop();
}

/// The finding of that key; none where it is not found.
fn finding(site: &Site, key: &str) -> Option<Value> {
    let mut command = site.irispool();
    let output = command.args(["status", "--json"]).args(site.run_arguments()).output().unwrap();
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    seen["findings"].as_array().unwrap().iter().find(|finding| finding["key"] == key).cloned()
}

#[test]
fn a_done_that_cannot_be_listed_is_a_finding_until_it_can_be() {
    let site = Site::new();
    let mut daemon = site.daemon(&["--keep=archive", "--scan-interval=100ms"]);
    daemon.wait_until_ready();
    let (done, away) = (site.spool.join("done"), site.spool.join("away"));
    fs::rename(&done, &away).unwrap();
    fs::write(&done, "no folder").unwrap();
    until("it is found", || finding(&site, "unpacked").is_some());
    let found = finding(&site, "unpacked").unwrap();
    assert!(found["what"].as_str().unwrap().contains("cannot list"), "{found}");
    fs::remove_file(&done).unwrap();
    fs::rename(&away, &done).unwrap();
    until("it is over", || finding(&site, "unpacked").is_none());
    daemon.stop();
}

#[test]
fn limits_that_cannot_be_kept_to_are_a_finding() {
    let site = Site::new();
    fs::create_dir_all(site.spool.join("claimed/.locks/.keep-limits")).unwrap();
    let mut daemon = site.daemon(&["--keep=archive", "--keep-max-age=5days", "--scan-interval=100ms"]);
    daemon.wait_until_ready();
    until("it is found", || finding(&site, "unlimited").is_some());
    let found = finding(&site, "unlimited").unwrap();
    assert_eq!(found["level"], "warning", "{found}");
    assert!(found["what"].as_str().unwrap().contains(".keep-limits"), "{found}");
    daemon.stop();
}

/// Two messages delivered, one dead, one that came before, and one that waits.
fn with_figures(site: &Site) -> (Daemon, String) {
    site.put("FREQ", "earlier", ROW);
    site.drain(&[]);
    let (daemon, address) = serving(site);
    for (name, content) in [("a", ROW), ("b", ROW), ("cut", "[{"), ("earlier", ROW)] {
        site.put("FREQ", name, content);
    }
    until("they are settled", || {
        let text = metrics(&address);
        let delivered = "irispool_messages_delivered_total{dataset=\"FREQ\"} 3";
        text.contains(delivered) && text.contains("irispool_messages_dead_total{")
    });
    (daemon, address)
}

#[test]
fn metrics_are_what_was_done() {
    let site = Site::new();
    let (daemon, address) = with_figures(&site);
    let text = metrics(&address);
    assert_eq!(sample(&text, "irispool_rows_loaded_total{dataset=\"FREQ\"}"), 2.0);
    assert_eq!(sample(&text, "irispool_messages_already_loaded_total"), 1.0);
    assert_eq!(sample(&text, "irispool_delay_seconds_count"), 2.0);
    assert_eq!(sample(&text, "irispool_delay_seconds_bucket{le=\"+Inf\"}"), 2.0);
    assert_eq!(sample(&text, "irispool_held_bytes"), 0.0);
    let round = sample(&text, "irispool_last_round_timestamp_seconds");
    assert!(round >= sample(&text, "irispool_start_time_seconds"), "{text}");
    let dead = text.lines().find(|line| line.starts_with("irispool_messages_dead_total{")).unwrap();
    assert!(dead.contains("stage=\"parse\"") && dead.contains("at byte #"), "{dead}");
    until("the look at the spool is new", || {
        let text = metrics(&address);
        sample(&text, "irispool_dead_letters{dataset=\"FREQ\"}") == 1.0
            && sample(&text, "irispool_workers{state=\"alive\"}") == 1.0
            && sample(&text, "irispool_status{level=\"warning\"}") == 1.0
    });
    daemon.stop();
}

#[test]
fn openmetrics_is_for_who_asks_for_it() {
    let site = Site::new();
    let (daemon, address) = serving(&site);
    let (_, head, body) =
        get(&address, "/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.contains("# TYPE irispool_messages_claimed counter\n"));
    openmetrics(&body);
    let (_, head, body) = get(&address, "/metrics", "text/html");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    assert!(!body.contains("# EOF") && body.contains("# TYPE irispool_messages_claimed_total counter\n"));
    daemon.stop();
}

#[test]
fn all_that_is_served_as_openmetrics_is() {
    let accept = "application/openmetrics-text;version=1.0.0";
    let (site, other_site, google) = (Site::new(), Site::new(), google());
    google.state().insert_refusals = vec![(503, "backendError")];
    for (daemon, address) in [with_figures(&site), streaming(&other_site, &google)] {
        until("rows are taken", || {
            let taken = "irispool_warehouse_rows_taken_total";
            metrics(&address).lines().any(|line| line.starts_with(taken) && !line.ends_with(" 0"))
        });
        let (_, _, body) = get(&address, "/metrics", accept);
        let samples = openmetrics(&body);
        assert!(samples > 100, "{samples}: {body}");
        daemon.stop();
    }
}

/// Names and values.
type Labels = Vec<(String, String)>;

/// Reads a text as <https://prometheus.io/docs/specs/om/open_metrics_spec/> has it, as far as irispool needs it. Gives
/// how many samples there are.
#[track_caller]
fn openmetrics(text: &str) -> usize {
    let lines = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
    assert!(lines.is_empty() || lines.ends_with('\n'));
    let (mut families, mut samples) = (BTreeSet::new(), BTreeSet::new());
    // The name and kind of the family that is being read, and what was said of it.
    let (mut name, mut kind, mut said) = (String::new(), String::new(), Vec::new());
    // Of the histogram that is being read: its labels but `le`, the last upper end, and how many are up to it.
    let mut buckets: Option<(Labels, f64, f64)> = None;
    for line in lines.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let [what, of, rest] = comment.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert!(["TYPE", "HELP", "UNIT"].contains(&what), "{line}");
            assert!(buckets.is_none(), "a histogram has no end before {line}");
            if of != name {
                assert!(families.insert(of.to_owned()), "{of} in two places");
                assert!(name.is_empty() || said.contains(&"sample"), "{name} has no sample");
                (name, kind, said) = (of.to_owned(), String::new(), Vec::new());
                assert!(is_name(&name) && !name.ends_with("_total"), "{line}");
            }
            assert!(!said.contains(&what) && !said.contains(&"sample"), "{line}");
            said.push(what);
            match what {
                "TYPE" => kind = rest.to_owned(),
                "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                _ => assert!(!rest.is_empty(), "{line}"),
            }
            continue;
        }
        assert!(["TYPE", "HELP"].iter().all(|what| said.contains(what)), "{line}");
        said.push("sample");
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let number: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let (sample, mut labels) = series_of(series);
        let suffix = sample.strip_prefix(&name).unwrap_or_else(|| panic!("{line} is none of {name}"));
        assert!(samples.insert((sample.to_owned(), labels.clone())), "twice: {line}");
        match (kind.as_str(), suffix) {
            ("gauge", "") => {}
            ("counter", "_total") => assert!(number >= 0.0, "{line}"),
            ("histogram", "_bucket") => {
                let place =
                    labels.iter().position(|(name, _)| name == "le").unwrap_or_else(|| panic!("{line}"));
                let (_, end) = labels.remove(place);
                let end: f64 = if end == "+Inf" { f64::INFINITY } else { end.parse().unwrap() };
                if let Some((of, last_end, last)) = &buckets {
                    assert!(*of == labels && *last_end < end && *last <= number, "{line}");
                }
                buckets = Some((labels, end, number));
            }
            ("histogram", "_sum") => {
                let (of, last_end, _) = buckets.as_ref().unwrap_or_else(|| panic!("{line}"));
                assert!(*of == labels && last_end.is_infinite(), "{line}");
            }
            ("histogram", "_count") => {
                let (of, last_end, last) = buckets.take().unwrap_or_else(|| panic!("{line}"));
                assert!(of == labels && last_end.is_infinite() && last == number, "{line}");
            }
            _ => panic!("no {kind} has {line}"),
        }
    }
    assert!(buckets.is_none(), "{text}");
    samples.len()
}

fn is_name(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.chars().all(is_letter) && text.starts_with(|letter: char| !letter.is_ascii_digit())
}

/// The name and the labels, in order of their names, of `name{label="value",…}`.
#[track_caller]
fn series_of(series: &str) -> (&str, Labels) {
    let Some((name, rest)) = series.split_once('{') else {
        assert!(is_name(series), "{series}");
        return (series, Vec::new());
    };
    assert!(is_name(name), "{series}");
    let mut labels = Vec::new();
    let mut letters = rest.chars();
    loop {
        let label: String = letters.by_ref().take_while(|letter| *letter != '=').collect();
        assert!(is_name(&label) && letters.next() == Some('"'), "{series}");
        let mut value = String::new();
        loop {
            match letters.next() {
                Some('"') => break,
                Some('\\') => match letters.next() {
                    Some('n') => value.push('\n'),
                    Some(letter @ ('\\' | '"')) => value.push(letter),
                    other => panic!("{other:?} escaped in {series}"),
                },
                Some(letter) => value.push(letter),
                None => panic!("a value without an end: {series}"),
            }
        }
        labels.push((label, value));
        match letters.next() {
            Some(',') => {}
            Some('}') => break,
            other => panic!("{other:?} in {series}"),
        }
    }
    assert_eq!(letters.as_str(), "", "{series}");
    labels.sort();
    assert!(labels.windows(2).all(|pair| pair[0].0 != pair[1].0), "a label twice: {series}");
    (name, labels)
}

#[test]
fn health_and_readiness_are_told_apart() {
    let site = Site::new();
    site.drain(&[]);
    site.connection()
        .execute_batch(
            "DROP TABLE bmrs_freq_iris; CREATE TABLE bmrs_freq_iris (frequency REAL CHECK (frequency < 0), ingested_utc TEXT, source TEXT,
               message_id TEXT, message_row INTEGER, rescued TEXT)",
        )
        .unwrap();
    let (daemon, address) = serving(&site);
    until("it is ready", || get(&address, "/readyz", "").0 == 200);
    assert_eq!(get(&address, "/healthz", "").0, 200);
    assert_eq!(get(&address, "/nothing", "").0, 404);
    site.put("FREQ", "a", ROW);
    until("its table is parked", || get(&address, "/readyz", "").0 == 503);
    assert!(get(&address, "/readyz", "").2.contains("FREQ"));
    assert_eq!(get(&address, "/healthz", "").0, 200, "a restart would not help");
    assert_eq!(sample(&metrics(&address), "irispool_table_parked{dataset=\"FREQ\"}"), 1.0);
    site.connection().execute_batch("DROP TABLE bmrs_freq_iris").unwrap();
    daemon.stop();
}

#[test]
fn a_port_that_is_taken_is_said_at_once() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = site.once(&[&format!("--listen={}", taken.local_addr().unwrap())]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.log.contains("hint: each worker needs a port of its own"), "{}", ended.log);
    site.assert_nothing_claimed();
}

/// A Google with a table for FREQ.
fn google() -> Google {
    let google = Google::start();
    google.has_table("bmrs_freq_iris", &[]);
    google.state().views.insert("bmrs_freq_unified".to_owned());
    google
}

/// A worker that streams two messages of FREQ to this Google, and where it serves.
fn streaming(site: &Site, google: &Google) -> (Daemon, String) {
    site.put("FREQ", "a", ROW);
    site.put("FREQ", "b", ROW);
    let mut command = site.irispool();
    command.args(["run", "--listen=127.0.0.1:0"]).env("IRISPOOL_SPOOL", &site.spool);
    google.as_google(&mut command, site.folder.path());
    served_by(Daemon::start(command, site.folder.path()))
}

/// 0 where there is no such sample yet.
fn sample_or_0(text: &str, name: &str) -> f64 {
    if text.contains(name) { sample(text, name) } else { 0.0 }
}

#[test]
fn what_bigquery_answers_is_counted_by_operation_and_outcome() {
    let (site, google) = (Site::new(), google());
    google.state().insert_refusals = vec![(503, "backendError"), (403, "rateLimitExceeded")];
    let (daemon, address) = streaming(&site, &google);
    let taken = "irispool_warehouse_rows_taken_total{method=\"stream\"}";
    until("all rows are taken", || sample_or_0(&metrics(&address), taken) == 2.0);
    let text = metrics(&address);
    let inserts = |outcome: &str| {
        let labels = format!("operation=\"tabledata.insertAll\",outcome=\"{outcome}\"");
        sample(&text, &format!("irispool_warehouse_requests_total{{{labels}}}"))
    };
    assert_eq!((inserts("backendError"), inserts("rateLimitExceeded")), (1.0, 1.0));
    let sent = sample(&text, "irispool_warehouse_rows_sent_total");
    assert!(inserts("ok") >= 1.0 && sent == 2.0, "{text}");
    assert_eq!(sample(&text, "irispool_warehouse_retries_total"), 2.0);
    assert!(sample(&text, "irispool_warehouse_wait_seconds_total{reason=\"retry\"}") > 0.0);
    assert!(sample(&text, "irispool_warehouse_request_rate_limit") < 90.0, "it was asked for fewer");
    assert_eq!(sample(&text, "irispool_warehouse_tokens_fetched_total"), 1.0);
    assert_eq!(sample(&text, "irispool_warehouse_refusals_total{reason=\"backendError\"}"), 1.0);
    let all = inserts("ok") + 2.0;
    let timed = "irispool_warehouse_request_duration_seconds_count{operation=\"tabledata.insertAll\"}";
    assert_eq!(sample(&text, timed), all);
    assert_eq!(sample(&text, "irispool_warehouse_up"), 1.0);
    daemon.stop();
}

#[test]
fn what_sqlite_does_is_counted() {
    let site = Site::new();
    let (daemon, address) = with_figures(&site);
    let text = metrics(&address);
    assert_eq!(sample(&text, "irispool_warehouse_rows_taken_total{method=\"transaction\"}"), 2.0);
    let ok = sample(&text, "irispool_warehouse_requests_total{operation=\"transaction\",outcome=\"ok\"}");
    let timed = "irispool_warehouse_request_duration_seconds_count{operation=\"transaction\"}";
    assert!(ok >= 1.0 && ok == sample(&text, timed), "{text}");
    assert!(sample(&text, "irispool_warehouse_size_bytes{part=\"database\"}") > 4096.0);
    daemon.stop();
}

/// Every number that `status` says, by its place in the JSON, `*` for any dataset, worker, disk or class of age; and the
/// samples that say the same, or why there are none.
const NUMBERS: &[(&str, Served)] = &[
    ("at_ms", Not("Prometheus knows when it asked")),
    ("stray.count", By("irispool_stray_files", 1.0)),
    ("too_deep.count", By("irispool_too_deep_folders", 1.0)),
    ("temporary.count", By("irispool_temporary_files", 1.0)),
    ("datasets.*.ready", Not("with what is claimed it is the backlog")),
    ("datasets.*.backlog_bytes", By("irispool_backlog_bytes{dataset=\"*\"}", 1.0)),
    ("datasets.*.oldest_ms", Not("its age is, which differs from look to look")),
    ("datasets.*.claimed", By("irispool_in_flight_messages{dataset=\"*\"}", 1.0)),
    ("datasets.*.dead", By("irispool_dead_letters{dataset=\"*\"}", 1.0)),
    ("datasets.*.flow.last_row_ms", By("irispool_last_row_timestamp_seconds{dataset=\"*\"}", 1e-3)),
    ("datasets.*.flow.rows_hour", By("irispool_last_hour_rows{dataset=\"*\"}", 1.0)),
    ("datasets.*.flow.rows_day", By("irispool_recent_rows{dataset=\"*\"}", 1.0)),
    ("datasets.*.flow.rhythm.usual_gap_s", Not("Prometheus can work it out")),
    ("datasets.*.flow.rhythm.longest_gap_s", Not("the same")),
    ("ready", Not("with what is claimed it is the backlog")),
    ("claimed", Sum("irispool_in_flight_messages{")),
    ("dead", Sum("irispool_dead_letters{")),
    ("dead_bytes", By("irispool_dead_bytes", 1.0)),
    ("oldest_ms", Not("its age is")),
    ("backlog_ages.*.up_to_s", Not("a label")),
    ("backlog_ages.*.messages", Class),
    ("workers.*.pid", Not("of a worker")),
    ("workers.*.since_ms", Not("of a worker: each serves its own")),
    ("workers.*.claimed", Sum("irispool_in_flight_messages{")),
    ("workers.*.news.*", Not("of a worker: each serves its own counters")),
    ("drains.began_ms.*", Not("a daemon serves metrics, and a drain none")),
    ("drains.ended_ms", Not("the same")),
    ("client.running.pid", Not("of a process")),
    ("client.running.since_ms", Not("of a process")),
    ("client.pid_file.pid", Not("of a process")),
    ("client.seen.pid", Not("of a process")),
    ("client.seen.user", Not("of a process")),
    ("client.seen.seen_ms", Not("whether it runs is served")),
    ("client.gone_ms", Not("the same")),
    ("client.wrote_ms", By("irispool_client_wrote_timestamp_seconds", 1e-3)),
    ("client.open_files.*.pid", Not("of a process")),
    ("client.secret_expires_ms", By("irispool_client_secret_expires_timestamp_seconds", 1e-3)),
    ("warehouse.answered_ms", Not("differs from look to look")),
    ("warehouse.last_row_ms", By("irispool_newest_row_timestamp_seconds", 1e-3)),
    ("warehouse.rhythm.usual_gap_s", Not("Prometheus can work it out")),
    ("warehouse.rhythm.longest_gap_s", Not("the same")),
    ("warehouse.superseded", By("irispool_superseded_contents", 1.0)),
    ("disks.*.percent_used", By("irispool_disk_used_ratio{path=\"*\"}", 1e-2)),
    ("disks.*.free_bytes", Not("others write to the disk of the tests")),
];

/// How a number is served.
enum Served {
    /// As the sample of this name, this many times the number.
    By(&'static str, f64),
    /// As the sum of the samples whose names begin so.
    Sum(&'static str),
    /// As the class of messages of this age.
    Class,
    Not(&'static str),
}

use Served::{By, Class, Not, Sum};

/// All numbers in a value, each with its place, and what is there in place of `*`.
fn numbers(value: &Value, place: &str, named: &str, found: &mut Vec<(String, String, f64)>) {
    let inside = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match value {
        Value::Number(number) => found.push((place.to_owned(), named.to_owned(), number.as_f64().unwrap())),
        Value::Object(fields) => {
            for (key, value) in fields {
                match place {
                    "datasets" => numbers(value, &inside("*"), key, found),
                    "workers.*.news" => numbers(value, &inside("*"), named, found),
                    _ if place.ends_with(".news.*") => numbers(value, place, named, found),
                    _ => numbers(value, &inside(key), named, found),
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                let named = match (&value["path"], &value["up_to_s"]) {
                    (Value::String(path), _) => path.clone(),
                    (_, Value::Number(end)) => end.to_string(),
                    _ => "+Inf".to_owned(),
                };
                numbers(value, &inside("*"), &named, found);
            }
        }
        _ => {}
    }
}

/// The first number of `status` that the metrics do not say; none where they say all of them.
#[track_caller]
fn difference(status: &Value, text: &str) -> Option<String> {
    let mut found = Vec::new();
    numbers(status, "", "", &mut found);
    let alive = status["workers"].as_array().unwrap().iter().filter(|worker| worker["alive"] == true).count();
    let mut expected = vec![("irispool_workers{state=\"alive\"}".to_owned(), alive as f64)];
    for level in ["ok", "warning", "critical", "unknown"] {
        let is = f64::from(u8::from(status["level"] == level));
        expected.push((format!("irispool_status{{level=\"{level}\"}}"), is));
    }
    for finding in status["findings"].as_array().unwrap() {
        let (key, level) = (finding["key"].as_str().unwrap(), finding["level"].as_str().unwrap());
        expected.push((format!("irispool_finding{{key=\"{key}\",level=\"{level}\"}}"), 1.0));
    }
    for (dataset, of) in status["datasets"].as_object().unwrap() {
        let backlog = of["ready"].as_f64().unwrap() + of["claimed"].as_f64().unwrap();
        expected.push((format!("irispool_backlog_messages{{dataset=\"{dataset}\"}}"), backlog));
    }
    for (place, named, number) in found {
        let served = NUMBERS.iter().find(|(known, _)| *known == place);
        let (_, served) = served.unwrap_or_else(|| panic!("{place} is not in the list of numbers"));
        match served {
            By(name, times) => expected.push((name.replace('*', &named), number * times)),
            Class => expected.push((format!("irispool_backlog_age_messages{{up_to=\"{named}\"}}"), number)),
            Sum(begin) => {
                let values = text.lines().filter(|line| line.starts_with(begin));
                let sum: f64 =
                    values.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum();
                if sum != number {
                    return Some(format!("{place}: {number}, and {sum}"));
                }
            }
            Not(why) => assert!(!why.is_empty(), "{place}"),
        }
    }
    let said = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    expected.into_iter().find_map(|(name, number)| {
        let served: Option<f64> = said(&name).map(|value| value.parse().unwrap());
        let is_same = served.is_some_and(|served| (served - number).abs() < 1e-6);
        (!is_same).then(|| format!("{name}: {number}, and {served:?}"))
    })
}

#[test]
fn the_metrics_are_the_numbers_of_status() {
    for bigquery in [false, true] {
        let (site, google) = (Site::new(), google());
        let (daemon, address) = if bigquery { streaming(&site, &google) } else { with_figures(&site) };
        site.put("FREQ", "broken", "[{");
        // Nobody takes what somebody writes, what lies elsewhere, or what is written into the future.
        let mut writing = fs::File::create(site.incoming("FREQ").join("writing")).unwrap();
        writing.write_all(b"[{").unwrap();
        fs::write(site.spool.join("incoming/stray"), ROW).unwrap();
        fs::create_dir(site.incoming("FREQ").join("deeper")).unwrap();
        fs::write(site.incoming("FREQ").join("deeper").join("a"), ROW).unwrap();
        let status = || -> Value {
            let mut command = site.irispool();
            command.args(["status", "--json"]).env("IRISPOOL_SPOOL", &site.spool);
            command.env("IRISPOOL_WAREHOUSE", site.warehouse());
            if bigquery {
                google.as_google(&mut command, site.folder.path());
            }
            serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
        };
        let mut last = String::new();
        until("both are at rest and say the same", || {
            let (status, text) = (status(), metrics(&address));
            let is_at_rest = status["dead"].as_u64() > Some(0)
                && status["ready"] == 1
                && status["datasets"]["FREQ"]["flow"]["rows_day"].as_u64() > Some(1);
            let difference = difference(&status, &text);
            if difference.as_ref().is_some_and(|difference| *difference != last) {
                last = difference.clone().unwrap_or_default();
                eprintln!("not yet: {last}");
            }
            is_at_rest && difference.is_none()
        });
        daemon.stop();
    }
}

#[test]
fn when_the_last_row_came_is_served_though_its_lines_are_pruned() {
    let site = Site::new();
    let (daemon, address) = with_figures(&site);
    let newest = "irispool_newest_row_timestamp_seconds";
    let last = "irispool_last_row_timestamp_seconds{dataset=\"FREQ\"}";
    until("the last row is seen", || metrics(&address).contains(last) && metrics(&address).contains(newest));
    let came = sample(&metrics(&address), last);
    site.connection().execute_batch("DELETE FROM irispool_load_history").unwrap();
    until("the lines are gone", || !metrics(&address).contains(last));
    assert!(sample(&metrics(&address), newest) >= came.floor(), "{}", metrics(&address));
    daemon.stop();
}

fn monitoring() -> PathBuf {
    crate::support::root().join("scripts/monitoring")
}

/// The names of irispool's metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("irispool_")).map(str::to_owned).collect()
}

#[test]
fn dashboard_and_rules_use_metrics_that_are_served() {
    let site = Site::new();
    site.drain(&[]);
    site.connection()
        .execute_batch(
            "DROP TABLE bmrs_mid_iris; CREATE TABLE bmrs_mid_iris (price REAL CHECK (price < 0), ingested_utc TEXT, source TEXT,
               message_id TEXT, message_row INTEGER, rescued TEXT)",
        )
        .unwrap();
    let (daemon, address) = with_figures(&site);
    site.put("MID", "a", r#"[{"dataset":"MID","price":1.0}]"#);
    until("a table is parked, and found to be", || {
        let text = metrics(&address);
        text.contains("irispool_table_parked{") && text.contains("irispool_finding{")
    });
    let mut served = names(&metrics(&address));
    let (other_site, google) = (Site::new(), google());
    google.state().insert_refusals = vec![(503, "backendError")];
    let (other_daemon, address) = streaming(&other_site, &google);
    until("it has streamed", || {
        sample_or_0(&metrics(&address), "irispool_warehouse_rows_taken_total{method=\"stream\"}") > 0.0
    });
    served.extend(names(&metrics(&address)));
    other_daemon.stop();
    for file in ["irispool.dashboard.json", "irispool.rules.yml", "irispool.rules.test.yml"] {
        let text = fs::read_to_string(monitoring().join(file)).unwrap();
        if file.ends_with(".json") {
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
        let unknown: Vec<String> = names(&text).difference(&served).cloned().collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
    }
    site.connection().execute_batch("DROP TABLE bmrs_mid_iris").unwrap();
    daemon.stop();
}

/// `promtool`, from the path or from `PROMTOOL`; none where there is none.
fn promtool() -> Option<Command> {
    let program = std::env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    let there = Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    there.is_ok_and(|status| status.success()).then(|| Command::new(program))
}

const NO_PROMTOOL: &str = "no promtool (Debian package prometheus; or set PROMTOOL)";

#[test]
fn promtool_finds_nothing_to_say_of_the_metrics() {
    let Some(_) = promtool() else { return lacks(NO_PROMTOOL) };
    let (site, other_site, google) = (Site::new(), Site::new(), google());
    for (daemon, address) in [with_figures(&site), streaming(&other_site, &google)] {
        let taken = "irispool_warehouse_rows_taken_total";
        until("rows are taken", || {
            metrics(&address).lines().any(|line| line.starts_with(taken) && !line.ends_with(" 0"))
        });
        let text = metrics(&address);
        let mut promtool = promtool().unwrap();
        let pipes = promtool
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.trim().is_empty(), "{said}\n{text}");
        daemon.stop();
    }
}

#[test]
fn promtool_passes_the_alert_rules() {
    for arguments in [["check", "rules", "irispool.rules.yml"], ["test", "rules", "irispool.rules.test.yml"]]
    {
        let Some(mut promtool) = promtool() else { return lacks(NO_PROMTOOL) };
        let output = promtool.args(arguments).current_dir(monitoring()).output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}
