//! What `irispool status` shows: on a terminal and in a pipe, with colours and without, and as JSON.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::support::{Daemon, Google, Site, lacks, until};
use serde_json::{Value, json};

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

fn status(site: &Site, google: &Google) -> Command {
    let mut command = site.irispool();
    command.arg("status").env("IRISPOOL_SPOOL", &site.spool);
    // The disk of whoever runs the tests may be as full as it likes.
    command.env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
    google.as_emulator(&mut command);
    command
}

/// A Google with a table for FREQ.
fn google() -> Google {
    let google = Google::start();
    google.has_table("bmrs_freq_iris", &[]);
    google.state().views.insert("bmrs_freq_unified".to_owned());
    google
}

/// A worker that has streamed two messages of FREQ.
fn at_work(site: &Site, google: &Google) -> Daemon {
    site.put("FREQ", "a", ROW);
    site.put("FREQ", "b", ROW);
    let mut command = site.irispool();
    command.arg("run").env("IRISPOOL_SPOOL", &site.spool);
    google.as_emulator(&mut command);
    let daemon = Daemon::start(command, site.folder.path());
    until("it is at rest", || {
        let output = status(site, google).arg("--json").output().unwrap();
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        seen["datasets"]["FREQ"]["flow"]["rows_hour"] == 2
            && seen["claimed"] == 0
            && seen["workers"][0]["news"]["turned_ms"].as_i64() > Some(0)
    });
    daemon
}

/// Without what is different each time: numbers are `#`, and columns two spaces apart.
fn redacted(text: &str, site: &Site) -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    let text = text.replace(site.folder.path().to_str().unwrap(), "FOLDER").replace(&host, "HOST");
    let mut lines = Vec::new();
    // How much room there is, and in which unit, is the machine's affair.
    for line in text.lines().filter(|line| !line.starts_with("disk ")) {
        let indent = line.len() - line.trim_start().len();
        let words = line.trim_start().split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        let line = format!("{:indent$}{}", "", words.collect::<Vec<_>>().join("  "));
        let mut shown = String::new();
        for letter in line.chars() {
            match letter {
                '0'..='9' if is_of_colour(&shown) => shown.push(letter),
                '0'..='9' if shown.ends_with('#') => {}
                '0'..='9' => shown.push('#'),
                '\u{1b}' => shown.push_str("ESC"),
                letter => shown.push(letter),
            }
        }
        lines.push(shown.replace("#m #s", "#s").replace("#.# ", "# "));
    }
    lines.join("\n")
}

/// Whether what comes next is the number of a colour.
fn is_of_colour(text: &str) -> bool {
    text.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == ';').ends_with("ESC[")
}

#[track_caller]
fn screen(command: &mut Command, site: &Site, code: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    redacted(&String::from_utf8(output.stdout).unwrap(), site)
}

#[test]
fn each_level_has_its_screen() {
    let (site, google) = (Site::new(), google());
    let daemon = at_work(&site, &google);
    insta::assert_snapshot!("healthy", screen(&mut status(&site, &google), &site, 0));
    insta::assert_snapshot!(
        "healthy_in_colour",
        screen(status(&site, &google).arg("--color=always"), &site, 0)
    );
    google.state().refusal =
        Some((403, "accessDenied", "Access Denied: Permission bigquery.datasets.get denied"));
    insta::assert_snapshot!("unknown", screen(&mut status(&site, &google), &site, 3));
    google.state().refusal = None;
    site.put("FREQ", "broken", "[{");
    until("it is dead, and claimed no more", || {
        let output = status(&site, &google).arg("--json").output().unwrap();
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        output.status.code() == Some(1) && seen["oldest_ms"].is_null()
    });
    insta::assert_snapshot!("warning", screen(&mut status(&site, &google), &site, 1));
    daemon.stop();
    insta::assert_snapshot!("critical", screen(&mut status(&site, &google), &site, 2));
    insta::assert_snapshot!(
        "critical_in_colour",
        screen(status(&site, &google).arg("--color=always"), &site, 2)
    );
}

/// Every key with the kind of its value.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("true or false"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("text"),
        Value::Array(values) => values.iter().take(1).map(shape).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
    }
}

#[test]
fn the_json_has_all_of_it() {
    let (site, google) = (Site::new(), google());
    let daemon = at_work(&site, &google);
    site.put("FREQ", "broken", "[{");
    let mut seen = Value::Null;
    until("it is dead, and claimed no more", || {
        let output = status(&site, &google).arg("--json").output().unwrap();
        seen = serde_json::from_slice(&output.stdout).unwrap();
        output.status.code() == Some(1) && seen["oldest_ms"].is_null()
    });
    // Whether the minute is over, and what of it is left, is a matter of the moment.
    seen["workers"][0]["news"].as_object_mut().unwrap().remove("minute");
    insta::assert_snapshot!(serde_json::to_string_pretty(&shape(&seen)).unwrap());
    daemon.stop();
}

/// What a command writes on a terminal of this size, on which `typed` is typed once `wanted` has been seen there.
fn on_terminal(mut command: Command, columns: u32, rows: u32, wanted: &str, typed: &[u8]) -> Option<String> {
    let program = command.get_program().to_str().unwrap().to_owned();
    let arguments: Vec<&str> = command.get_args().map(|argument| argument.to_str().unwrap()).collect();
    let line = format!("stty cols {columns} rows {rows}; exec {program} {}", arguments.join(" "));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR");
    for (name, value) in command.envs([("LINES", "")]).get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let mut is_typed = false;
    loop {
        let count = stdout.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        seen.extend_from_slice(&buffer[..count]);
        if !is_typed && String::from_utf8_lossy(&seen).matches(wanted).count() > 1 {
            stdin.write_all(typed).unwrap();
            is_typed = true;
        }
    }
    child.wait().unwrap();
    Some(String::from_utf8(seen).unwrap())
}

/// Without colours and what else steers a terminal.
fn visible(text: &str) -> String {
    let mut shown = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => drop(letters.by_ref().find(|letter| letter.is_ascii_alphabetic())),
            '\r' => {}
            letter => shown.push(letter),
        }
    }
    shown
}

/// A spool in which messages of this many datasets wait.
fn crowded(datasets: usize) -> Site {
    let site = Site::new();
    for number in 0..datasets {
        for message in 0..=number {
            site.put(&format!("DATASET_{number:03}"), format!("m{message}"), ROW);
        }
    }
    site
}

#[test]
fn on_a_terminal_it_fits_with_what_matters_first() {
    let (site, google) = (crowded(60), google());
    for (columns, rows) in [(80, 24), (120, 30), (100, 50)] {
        let Some(text) = on_terminal(status(&site, &google), columns, rows, "", b"") else {
            return lacks("no `script` to have a terminal with");
        };
        let text = visible(&text);
        assert!(text.lines().count() < rows as usize, "{columns}x{rows}:\n{text}");
        let width = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(width <= columns as usize, "{columns}x{rows} is {width}:\n{text}");
        assert!(text.contains('✘') && text.contains("DATASET_059"), "{text}");
        assert!(!text.contains("DATASET_001") && text.contains(" more: --all shows them"), "{text}");
        let mut all = status(&site, &google);
        all.arg("--all");
        let text = on_terminal(all, columns, rows, "", b"").unwrap();
        assert!((0..60).all(|number| text.contains(&format!("DATASET_{number:03}"))), "{text}");
    }
    let text = String::from_utf8(status(&site, &google).output().unwrap().stdout).unwrap();
    assert!(
        (0..60).all(|number| text.contains(&format!("DATASET_{number:03}"))),
        "in a pipe there is room: {text}"
    );
}

#[test]
fn a_watched_terminal_is_drawn_over_and_left_as_it_was() {
    let (site, google) = (crowded(3), google());
    let mut command = status(&site, &google);
    command.arg("--watch=100ms");
    let Some(text) = on_terminal(command, 80, 24, "again every", b"\x03") else {
        return lacks("no `script` to have a terminal with");
    };
    let (before, after) = text.split_once("\x1b[?25h\x1b[?1049l").unwrap_or_else(|| panic!("{text:?}"));
    let text = before.split_once("\x1b[?1049h\x1b[?25l").unwrap_or_else(|| panic!("{before:?}")).1;
    let frames: Vec<&str> = text.split("\x1b[H").skip(1).collect();
    assert!(frames.len() >= 2, "{text:?}");
    assert!(!text.contains("\x1b[2J"), "it is never cleared as a whole: {text:?}");
    for frame in &frames {
        assert!(visible(frame).lines().count() <= 24, "{frame:?}");
    }
    let left = visible(after);
    assert!(
        left.contains("IRISPOOL CRITICAL") && left.contains("DATASET_002"),
        "what was seen last stays: {left}"
    );
}

#[test]
fn a_dead_worker_s_minute_is_no_reason_to_fail() {
    let (site, google) = (Site::new(), google());
    let daemon = at_work(&site, &google);
    daemon.kill();
    let output = status(&site, &google).arg("--json").output().unwrap();
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let flow = &seen["datasets"]["FREQ"]["flow"];
    assert_eq!(flow["rows_hour"], 2, "it has said so before it died: {seen}");
    // The next one takes over, and what nobody can know any more is not invented.
    let daemon = at_work_again(&site, &google);
    let days: BTreeMap<String, Vec<u8>> = fs::read_dir(site.spool.join("flow"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    for text in days.values() {
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            serde_json::from_slice::<Value>(line).unwrap();
        }
    }
    daemon.stop();
}

/// A worker that has streamed one message more.
fn at_work_again(site: &Site, google: &Google) -> Daemon {
    let before = google.state().rows;
    site.put("FREQ", "c", ROW);
    let mut command = site.irispool();
    command.arg("run").env("IRISPOOL_SPOOL", &site.spool);
    google.as_emulator(&mut command);
    let daemon = Daemon::start(command, site.folder.path());
    until("it has streamed", || google.state().rows > before);
    until("its row is seen", || {
        let output = status(site, google).arg("--json").output().unwrap();
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        seen["datasets"]["FREQ"]["flow"]["rows_hour"].as_u64() >= Some(1)
    });
    daemon
}
