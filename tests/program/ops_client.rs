//! Elexon's client is watched: with real Python programs that are called as it is.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Site, lacks, until};

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

const DAY_MS: i64 = 24 * 3_600 * 1_000;

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok();
    if !found {
        lacks("a client that runs: python3 is missing");
    }
    found
}

/// A process that ends with the test.
struct Running(Child);

impl Running {
    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Kills it and waits until it is gone.
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A program in Python that does nothing, in a folder with settings of the client that say where it writes.
fn python(site: &Site, script: &str, writes_into: &str) -> Running {
    let folder = site.folder.path().join("iris clients/python");
    fs::create_dir_all(&folder).unwrap();
    let settings = json!({"ClientId": "a", "QueueName": "q", "RelativeFileDownloadDirectory": writes_into});
    fs::write(folder.join("settings.json"), settings.to_string()).unwrap();
    fs::write(folder.join(script), "import time\nwhile True:\n    time.sleep(60)\n").unwrap();
    let child =
        Command::new("python3").arg(script).current_dir(folder).stdout(Stdio::null()).spawn().unwrap();
    let running = Running(child);
    // What is called python3 may be a script that starts it.
    until("the program is python", || {
        let program = fs::read_link(format!("/proc/{}/exe", running.pid())).unwrap_or_default();
        program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"))
    });
    running
}

/// The client of this spool.
fn client(site: &Site) -> Running {
    fs::create_dir_all(site.spool.join("incoming")).unwrap();
    python(site, "client.py", site.spool.join("incoming").to_str().unwrap())
}

fn command(site: &Site, verb: &str, flags: &[&str]) -> Output {
    let mut command = site.irispool();
    command.arg(verb).args(flags);
    command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    command.output().unwrap()
}

#[track_caller]
fn status(site: &Site, flags: &[&str]) -> Value {
    let output = command(site, "status", &[&["--json"], flags].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn screen(site: &Site, flags: &[&str]) -> String {
    String::from_utf8(command(site, "status", flags).stdout).unwrap()
}

/// The finding of this key, as its level and what it says.
fn finding(status: &Value, key: &str) -> Option<(String, String)> {
    let found = status["findings"].as_array().unwrap().iter().find(|finding| finding["key"] == key)?;
    Some((found["level"].as_str().unwrap().to_owned(), found["what"].as_str().unwrap().to_owned()))
}

/// What a file in the spool holds.
fn note(site: &Site) -> Value {
    let text = fs::read(site.spool.join("client.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

#[test]
fn a_client_that_runs_is_shown_and_one_that_has_gone_is_missed() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    site.put("FREQ", "a", ROW);
    let mut running = client(&site);
    let daemon = site.daemon(&[]);
    until("a worker has seen it, and delivered its message", || {
        note(&site)["client"]["pid"] == running.pid() && site.loaded() == 1
    });
    let seen = status(&site, &[]);
    assert_eq!(seen["client"]["running"]["pid"], running.pid());
    assert_eq!(seen["client"]["running"]["name"], "client.py");
    assert!(seen["client"]["running"]["since_ms"].as_i64() > Some(seen["at_ms"].as_i64().unwrap() - DAY_MS));
    assert_eq!(finding(&seen, "client-gone"), None);
    let text = screen(&site, &[]);
    assert!(text.contains(&format!("client     runs client.py pid {}, since 20", running.pid())), "{text}");
    assert!(text.contains(", last wrote "), "{text}");

    running.end();
    let gone = status(&site, &["--status-stale-after=1h"]);
    let (level, what) = finding(&gone, "client-gone").unwrap();
    assert_eq!(level, "warning");
    assert!(what.contains(&format!("client.py, process {}, was last seen", running.pid())), "{what}");
    let text = screen(&site, &[]);
    assert!(text.contains(&format!("client     gone client.py pid {}, last seen ", running.pid())), "{text}");
    until("it has been missed for a second", || {
        let late = status(&site, &["--status-stale-after=1s"]);
        finding(&late, "client-gone").is_some_and(|(level, _)| level == "critical")
            && note(&site)["gone_ms"].is_i64()
    });

    let again = client(&site);
    assert_eq!(finding(&status(&site, &[]), "client-gone"), None);
    until("the worker sees it again", || {
        note(&site)["client"]["pid"] == again.pid() && note(&site)["gone_ms"].is_null()
    });
    daemon.stop();
}

#[test]
fn when_messages_come_long_after_it_was_missed_it_runs_elsewhere() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    let mut running = client(&site);
    site.drain(&[]);
    running.end();
    let mut long_ago = note(&site);
    assert_eq!(long_ago["client"]["pid"], running.pid(), "a drain notes it, too");
    let hour_ago = long_ago["client"]["seen_ms"].as_i64().unwrap() - 3_600_000;
    (long_ago["client"]["seen_ms"], long_ago["gone_ms"]) = (json!(hour_ago), json!(hour_ago));
    fs::write(site.spool.join("client.json"), long_ago.to_string()).unwrap();
    assert_eq!(finding(&status(&site, &[]), "client-gone").unwrap().0, "critical");
    site.put("FREQ", "a", ROW);
    assert_eq!(finding(&status(&site, &[]), "client-gone"), None);
    // Another machine's note says nothing about this one.
    site.drain(&[]);
    fs::remove_file(site.incoming("FREQ").join("a")).unwrap_or_default();
    long_ago["machine"] = json!("another");
    fs::write(site.spool.join("client.json"), long_ago.to_string()).unwrap();
    let other = status(&site, &[]);
    assert_eq!((finding(&other, "client-gone"), &other["client"]["seen"]), (None, &Value::Null));
}

#[test]
fn where_nobody_saw_a_client_it_is_only_said_on_the_screen() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    site.put("FREQ", "a", ROW);
    // A client that writes into another folder.
    let _other = python(&site, "client.py", "iris_data");
    site.drain(&[]);
    let seen = status(&site, &[]);
    assert_eq!(seen["client"]["running"], Value::Null);
    assert_eq!(finding(&seen, "client-gone"), None);
    assert!(screen(&site, &[]).contains("client     not seen, last wrote "));
    assert!(!site.spool.join("client.json").exists());
}

#[test]
fn the_pid_file_says_which_process_it_is() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    site.drain(&[]);
    let pid_file = site.folder.path().join("client.pid");
    let flag = format!("--client-pid-file={}", pid_file.display());
    let found = || finding(&status(&site, &[&flag]), "client-gone");
    #[track_caller]
    fn assert_says(found: Option<(String, String)>, words: &str) {
        let (level, what) = found.unwrap();
        assert!(level == "warning" && what.contains(words), "{level}: {what}");
    }
    assert_says(found(), "client.pid is missing");
    fs::write(&pid_file, "client\n").unwrap();
    assert_says(found(), "client.pid holds no process id");

    let mut ended = Running(Command::new("true").spawn().unwrap());
    ended.end();
    fs::write(&pid_file, format!("{}\n", ended.pid())).unwrap();
    assert_says(found(), &format!("process {} has ended", ended.pid()));

    let sleeper = Running(Command::new("sleep").arg("600").spawn().unwrap());
    fs::write(&pid_file, format!("{}\n", sleeper.pid())).unwrap();
    until("it is sleep", || found().is_some_and(|(_, what)| what.contains("now, sleep (")));
    assert_says(found(), &format!("process {} is another program now, sleep", sleeper.pid()));
    let text = screen(&site, &[&flag]);
    assert!(
        text.contains(&format!("names process {}, which is another program, sleep", sleeper.pid())),
        "{text}"
    );

    // A program of the user's own that starts under the name of a client, and writes wherever it likes.
    let own = python(&site, "my_client.py", "elsewhere");
    fs::write(&pid_file, format!("  {} \n", own.pid())).unwrap();
    assert_eq!(found(), None);
    assert_eq!(status(&site, &[&flag])["client"]["running"]["name"], "my_client.py");

    // Somebody started the client by hand, and nobody wrote the file.
    fs::write(&pid_file, format!("{}\n", sleeper.pid())).unwrap();
    let by_hand = client(&site);
    assert_eq!(found(), None);
    assert_eq!(status(&site, &[&flag])["client"]["running"]["pid"], by_hand.pid());
}

#[test]
fn a_process_of_the_pid_file_that_a_worker_misses_becomes_critical() {
    let site = Site::new();
    let pid_file = site.folder.path().join("client.pid");
    let flag = format!("--client-pid-file={}", pid_file.display());
    let daemon = site.daemon(&[&flag]);
    until("a worker has missed it for a second", || {
        let late = status(&site, &[&flag, "--status-stale-after=1s"]);
        finding(&late, "client-gone").is_some_and(|(level, _)| level == "critical")
    });
    daemon.stop();
}

#[test]
fn the_file_that_somebody_writes_is_named() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let site = Site::new();
    site.drain(&[]);
    let path: PathBuf = site.put("FREQ", "half", "[{");
    let writing = File::options().append(true).open(&path).unwrap();
    let reading = File::open(&path).unwrap();
    let text = screen(&site, &[]).replace("\n           ", " ");
    let words = format!("1 file open for writing: {} by pid {}", path.display(), std::process::id());
    assert!(text.contains(&words), "{words}\n{text}");
    drop(writing);
    assert!(!screen(&site, &[]).contains("open for writing"));
    drop(reading);
}

/// A day this many days from today.
fn day(today_ms: i64, days: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(today_ms + days * DAY_MS).unwrap();
    at.strftime("%Y-%m-%d").to_string()
}

#[test]
fn the_end_of_the_secret_is_told_a_month_and_a_week_before() {
    let site = Site::new();
    site.drain(&[]);
    for (days, level, words) in [
        (400, None, ""),
        (31, None, ""),
        (30, Some("warning"), "expires in 30 days, on 20"),
        (8, Some("warning"), "expires in 8 days, on 20"),
        (7, Some("warning"), "expires in 7 days only, on 20"),
        (1, Some("warning"), "expires in 1 day only, on 20"),
        (0, Some("critical"), "expires today, 20"),
        (-1, Some("critical"), "expired 1 day ago, on 20"),
    ] {
        // Midnight may pass between the two looks.
        let (seen, date) = loop {
            let today_ms = status(&site, &[])["at_ms"].as_i64().unwrap();
            let seen = status(&site, &[&format!("--client-secret-expires={}", day(today_ms, days))]);
            if day(seen["at_ms"].as_i64().unwrap(), 0) == day(today_ms, 0) {
                break (seen, day(today_ms, days));
            }
        };
        assert_eq!(seen["client"]["secret_expires"], date.as_str());
        match (finding(&seen, "client-secret"), level) {
            (None, None) => {}
            (Some((found, what)), Some(level)) => {
                assert!(found == level && what.contains(words), "{days}: {found}: {what}");
                assert_eq!(what.contains("no message comes any more"), days <= 7, "{what}");
            }
            (found, _) => panic!("{days}: {found:?}"),
        }
        let text = screen(&site, &[&format!("--client-secret-expires={date}")]);
        assert!(text.contains("\nsecret     of the client: expire"), "{text}");
    }
    assert_eq!(finding(&status(&site, &["--client-secret-expires=off"]), "client-secret"), None);
    assert!(!screen(&site, &[]).contains("secret"));
}

#[test]
fn a_date_is_a_date_with_quotes_or_without_and_anything_else_says_so() {
    let site = Site::new();
    site.drain(&[]);
    let file = site.folder.path().join("irispool.toml");
    for (value, date) in [
        ("2099-10-28", json!("2099-10-28")),
        ("\"2099-10-28\"", json!("2099-10-28")),
        ("\"off\"", Value::Null),
    ] {
        fs::write(&file, format!("client_secret_expires = {value}\n")).unwrap();
        assert_eq!(status(&site, &[])["client"]["secret_expires"], date, "{value}");
    }
    for (value, words) in [
        ("\"28/10/2027\"", "did you mean 2027-10-28?"),
        ("\"2027-02-30\"", "should be a date such as 2027-10-28, or \"off\""),
        ("\"soon\"", "should be a date such as 2027-10-28, or \"off\""),
        ("2027-10-28T12:00:00Z", "should be a date such as 2027-10-28, or \"off\""),
        ("20271028", "should be a date such as 2027-10-28, or \"off\""),
    ] {
        fs::write(&file, format!("client_secret_expires = {value}\n")).unwrap();
        let output = command(&site, "status", &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("client_secret_expires = ") && stderr.contains(words), "{value}: {stderr}");
        assert_eq!(output.status.code(), Some(3), "{value}: {stderr}");
    }
}

#[test]
fn check_has_a_line_about_the_client_and_one_about_its_secret() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    let mut running = client(&site);
    site.drain(&[]);
    let line = |about: &str, variables: &[(&str, &str)]| -> Option<Value> {
        let mut check = site.irispool();
        check.args(["check", "--json"]).env("IRISPOOL_SPOOL", &site.spool);
        check.env("IRISPOOL_WAREHOUSE", site.warehouse()).envs(variables.iter().copied());
        let lines: Vec<Value> = serde_json::from_slice(&check.output().unwrap().stdout).unwrap();
        lines.into_iter().find(|line| line["check"] == about)
    };
    let runs = line("client", &[]).unwrap();
    assert_eq!(runs["verdict"], "good");
    assert!(runs["what"].as_str().unwrap().contains(&format!("as process {}", running.pid())), "{runs}");
    running.end();
    assert_eq!(line("client", &[]).unwrap()["verdict"], "warning");
    fs::remove_file(site.spool.join("client.json")).unwrap();
    assert_eq!(line("client", &[]).unwrap()["verdict"], "good", "nobody saw one");
    let folder = site.folder.path().to_str().unwrap();
    assert_eq!(line("client", &[("IRISPOOL_CLIENT_PID_FILE", folder)]).unwrap()["verdict"], "unknown");
    assert_eq!(line("client secret", &[]), None);
    for (date, verdict) in [("2099-01-01", "good"), ("2020-01-01", "bad")] {
        let secret = line("client secret", &[("IRISPOOL_CLIENT_SECRET_EXPIRES", date)]).unwrap();
        assert_eq!(secret["verdict"], verdict, "{secret}");
    }
}

#[test]
fn alerts_tell_that_it_is_gone_and_that_it_runs_again() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    let mut running = client(&site);
    site.drain(&[]);
    let sent = site.folder.path().join("sent");
    let to_file = format!("--alert-command=cat >> '{}'", sent.display());
    let round = || {
        let _ = fs::remove_file(&sent);
        command(&site, "status", &["--alert", &to_file, "--alert-after=0s"]);
        let alert: Value = serde_json::from_slice(&fs::read(&sent).unwrap_or_default()).unwrap_or_default();
        let has = |list: &str| {
            alert[list].as_array().is_some_and(|notes| notes.iter().any(|note| note["key"] == "client-gone"))
        };
        (has("new"), has("cleared"))
    };
    assert_eq!(round(), (false, false));
    running.end();
    assert_eq!(round(), (true, false));
    let _again = client(&site);
    assert_eq!(round(), (false, true));
}

#[test]
fn the_metrics_have_the_client_and_its_secret() {
    if !has_python() {
        return;
    }
    let site = Site::new();
    site.put("FREQ", "a", ROW);
    let running = client(&site);
    let mut daemon = site.daemon(&["--listen=127.0.0.1:0", "--client-secret-expires=2001-09-09"]);
    daemon.wait_for_log("serving /metrics");
    let log = daemon.log();
    let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let metrics = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    until("the metrics have the client", || {
        let text = metrics();
        text.contains("\nirispool_client_running 1")
            && text.contains("\nirispool_client_secret_expires_timestamp_seconds 999993600")
            && text.contains("\nirispool_finding{key=\"client-secret\",level=\"critical\"} 1")
            && text.contains("\nirispool_client_wrote_timestamp_seconds ")
    });
    drop(running);
    until("the metrics miss it", || {
        let text = metrics();
        text.contains("\nirispool_client_running 0") && text.contains("irispool_finding{key=\"client-gone\"")
    });
    daemon.stop();
}
