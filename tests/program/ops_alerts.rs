//! Alerts: what is told, to whom, how often, and that it holds nothing up.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::disk::Tmpfs;
use crate::support::http::{self, Handler, Reply, Request};
use crate::support::{Daemon, Site, lacks, skip, tls, until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

/// Stands in every address: nothing that irispool says may have it.
const KEY: &str = "s3cr3t-k3y";

/// Somebody to tell: `/hook/KEY` takes alerts, `/beat/KEY` the heartbeat.
struct Hook {
    address: String,
    server: Arc<Server>,
}

#[derive(Default)]
struct Server {
    alerts: Mutex<Vec<Request>>,
    beats: AtomicUsize,
    /// What alerts are answered with.
    status: AtomicU16,
    /// They are not answered at all.
    hangs: AtomicBool,
}

impl Handler for Server {
    fn handle(&self, request: Request) -> Reply {
        if request.path.starts_with("/beat/") {
            assert_eq!(request.method, "GET");
            self.beats.fetch_add(1, Ordering::SeqCst);
            return Reply::json(200, "ok");
        }
        self.alerts.lock().unwrap().push(request);
        while self.hangs.load(Ordering::SeqCst) {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        Reply::json(self.status.load(Ordering::SeqCst), "ok")
    }
}

impl Hook {
    fn new() -> Hook {
        let server = Arc::new(Server { status: AtomicU16::new(200), ..Server::default() });
        let address = http::serve(Arc::clone(&server) as Arc<dyn Handler>).to_string();
        Hook { address, server }
    }

    fn webhook(&self) -> String {
        format!("--alert-webhook=http://{}/hook/{KEY}?k={KEY}", self.address)
    }

    fn heartbeat(&self) -> String {
        format!("--heartbeat-url=http://{}/beat/{KEY}", self.address)
    }

    /// A worker that tells at once, and looks and beats once a second.
    fn worker(&self, site: &Site, flags: &[&str]) -> Daemon {
        let (webhook, heartbeat) = (self.webhook(), self.heartbeat());
        let own = ["--alert-after=0s", "--heartbeat-interval=1s", "--status-disk-critical=100"];
        let mut daemon = site.daemon(&[&own[..], &[&webhook, &heartbeat], flags].concat());
        daemon.wait_until_ready();
        daemon
    }

    fn alerts(&self) -> Vec<Value> {
        let alerts = self.server.alerts.lock().unwrap();
        alerts.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }

    /// Waits until so many alerts have come. Gives the last.
    #[track_caller]
    fn wait_for(&self, count: usize) -> Value {
        until(&format!("{count} alerts"), || self.alerts().len() >= count);
        self.alerts()[count - 1].clone()
    }

    fn beats(&self) -> usize {
        self.server.beats.load(Ordering::SeqCst)
    }

    /// Waits until there were some more rounds, as the heartbeat of each tells.
    #[track_caller]
    fn wait_for_rounds(&self) {
        let before = self.beats();
        until("some more rounds", || self.beats() >= before + 3);
    }
}

fn keys(alert: &Value, kind: &str) -> Vec<String> {
    alert[kind].as_array().unwrap().iter().map(|note| note["key"].as_str().unwrap().to_owned()).collect()
}

/// Makes a dead letter, which is a warning.
fn go_wrong(site: &Site) {
    site.put("FREQ", "cut", "[{");
}

fn mend(site: &Site) {
    let mut command = site.irispool();
    command.args(["dead", "drop", "--all", "--yes"]).env("IRISPOOL_SPOOL", &site.spool);
    assert!(command.output().unwrap().status.success());
}

fn status(site: &Site, flags: &[&str]) -> Output {
    let mut command = site.irispool();
    command.arg("status").args(flags).args(site.run_arguments()).arg("--status-disk-critical=100");
    command.output().unwrap()
}

#[test]
fn a_change_is_told_once_and_its_end_once() {
    let (site, hook) = (Site::new(), Hook::new());
    let daemon = hook.worker(&site, &[]);
    go_wrong(&site);
    let alert = hook.wait_for(1);
    assert_eq!((&alert["level"], &alert["reason"]), (&"warning".into(), &"change".into()));
    assert_eq!(alert["spool"], site.spool.to_str().unwrap());
    assert!(!alert["host"].as_str().unwrap().is_empty());
    assert_eq!((keys(&alert, "new"), keys(&alert, "cleared")), (vec!["dead".to_owned()], vec![]));
    let note = &alert["new"][0];
    assert_eq!((&note["level"], &note["what"]), (&"warning".into(), &"1 dead letter".into()));
    assert_eq!(note["hint"], "irispool dead list shows why");
    assert!(note["since"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{note}");
    hook.wait_for_rounds();
    assert_eq!(hook.alerts().len(), 1, "a dead letter does not silence the heartbeat, and is told once");
    mend(&site);
    let over = hook.wait_for(2);
    assert_eq!(
        (&over["level"], keys(&over, "cleared"), keys(&over, "new")),
        (&"ok".into(), vec!["dead".to_owned()], vec![])
    );
    hook.wait_for_rounds();
    assert_eq!(hook.alerts().len(), 2);
    daemon.stop();
}

#[test]
fn what_lasts_is_told_again_after_the_reminder_time() {
    let (site, hook) = (Site::new(), Hook::new());
    let daemon = hook.worker(&site, &["--alert-remind=2s"]);
    go_wrong(&site);
    assert_eq!(hook.wait_for(1)["reason"], "change");
    for count in [2, 3] {
        let again = hook.wait_for(count);
        assert_eq!((&again["reason"], keys(&again, "still")), (&"reminder".into(), vec!["dead".to_owned()]));
        assert_eq!(again["new"], json!([]));
    }
    daemon.stop();
}

#[test]
fn a_restart_tells_nothing_again() {
    let (site, hook) = (Site::new(), Hook::new());
    let daemon = hook.worker(&site, &[]);
    go_wrong(&site);
    hook.wait_for(1);
    // What was told is on the disk before the next round.
    hook.wait_for_rounds();
    daemon.kill();
    let daemon = hook.worker(&site, &[]);
    hook.wait_for_rounds();
    assert_eq!(hook.alerts().len(), 1, "{:?}", hook.alerts());
    daemon.stop();
    mend(&site);
    let daemon = hook.worker(&site, &[]);
    assert_eq!(keys(&hook.wait_for(2), "cleared"), ["dead"], "told by a worker that never saw it");
    daemon.stop();
}

#[test]
fn of_two_workers_one_tells_and_the_other_goes_on_when_it_dies() {
    let (site, hook) = (Site::new(), Hook::new());
    let workers = [hook.worker(&site, &[]), hook.worker(&site, &[])];
    go_wrong(&site);
    hook.wait_for(1);
    for _ in 0..2 {
        hook.wait_for_rounds();
    }
    assert_eq!(hook.alerts().len(), 1);
    let [one, other] = workers;
    one.kill();
    mend(&site);
    hook.wait_for(2);
    go_wrong(&site);
    assert_eq!(keys(&hook.wait_for(3), "new"), ["dead"]);
    hook.wait_for_rounds();
    assert_eq!(hook.alerts().len(), 3);
    other.stop();
}

#[test]
fn status_tells_that_no_worker_is_alive_and_a_worker_that_it_is_over() {
    let (site, hook) = (Site::new(), Hook::new());
    site.drain_long_ago();
    let webhook = hook.webhook();
    // It is critical, so it must have lasted for a second: status stays until it knows.
    let flags = ["--alert", "--alert-after=4s", webhook.as_str()];
    let told = status(&site, &flags);
    assert_eq!(told.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&told.stdout).contains("no worker is alive"));
    assert_eq!(hook.alerts().len(), 1);
    assert_eq!(
        (keys(&hook.alerts()[0], "new"), &hook.alerts()[0]["level"]),
        (vec!["no-worker".to_owned()], &"critical".into())
    );
    assert_eq!(status(&site, &flags).status.code(), Some(2));
    assert_eq!(hook.alerts().len(), 1, "once is enough");
    let daemon = hook.worker(&site, &[]);
    let over = hook.wait_for(2);
    assert_eq!((keys(&over, "cleared"), &over["level"]), (vec!["no-worker".to_owned()], &"ok".into()));
    assert_eq!(status(&site, &flags).status.code(), Some(0));
    daemon.stop();
    status(&site, &flags);
    assert_eq!(keys(&hook.wait_for(3), "new"), ["no-worker"]);
}

#[test]
fn wherever_it_is_started_it_knows_what_was_told() {
    let (site, hook) = (Site::new(), Hook::new());
    site.drain(&[]);
    let told = |spool: &str, database: &str| {
        let mut command = site.irispool();
        command.args(["status", "--alert", "--alert-after=0s", "--status-disk-critical=1", &hook.webhook()]);
        command.args(["--spool", spool, "--warehouse", &format!("sqlite:{database}")]);
        assert_eq!(command.output().unwrap().status.code(), Some(2));
    };
    told("spool", "iris.db");
    let alert = &hook.alerts()[0];
    let disk = format!("disk:{}", site.spool.display());
    assert!(keys(alert, "new").contains(&disk), "{alert}");
    told(site.spool.to_str().unwrap(), site.database.to_str().unwrap());
    assert_eq!(hook.alerts().len(), 1, "{:?}", hook.alerts());
}

#[test]
fn where_there_is_no_spool_status_tells_it_and_makes_none() {
    let (site, hook) = (Site::new(), Hook::new());
    let told = status(&site, &["--alert", "--alert-after=0s", &hook.webhook()]);
    assert_eq!(told.status.code(), Some(3));
    assert_eq!(hook.alerts().len(), 1);
    assert!(!site.spool.exists());
}

#[test]
fn a_hanging_webhook_delays_no_row_and_no_stop() {
    let (site, hook) = (Site::new(), Hook::new());
    hook.server.hangs.store(true, Ordering::SeqCst);
    let daemon = hook.worker(&site, &[]);
    go_wrong(&site);
    hook.wait_for(1);
    site.put("FREQ", "a", ROW);
    until("a row is in", || site.loaded() == 1);
    let log = daemon.stop();
    assert!(!log.contains("cannot send an alert"), "it has waited for the webhook: {log}");
    hook.server.hangs.store(false, Ordering::SeqCst);
}

#[test]
fn what_was_not_taken_when_the_worker_was_killed_is_told_by_the_next() {
    let (site, hook) = (Site::new(), Hook::new());
    hook.server.hangs.store(true, Ordering::SeqCst);
    let daemon = hook.worker(&site, &[]);
    go_wrong(&site);
    hook.wait_for(1);
    daemon.kill();
    hook.server.hangs.store(false, Ordering::SeqCst);
    let daemon = hook.worker(&site, &[]);
    assert_eq!(keys(&hook.wait_for(2), "new"), ["dead"]);
    hook.wait_for_rounds();
    assert_eq!(hook.alerts().len(), 2);
    daemon.stop();
}

#[test]
fn a_webhook_that_answers_500_is_tried_again_and_logged_once() {
    let (site, hook) = (Site::new(), Hook::new());
    hook.server.status.store(500, Ordering::SeqCst);
    let mut daemon = hook.worker(&site, &["--listen=127.0.0.1:0"]);
    go_wrong(&site);
    hook.wait_for(3);
    hook.server.status.store(204, Ordering::SeqCst);
    daemon.wait_for_log("sent an alert at last");
    let log = daemon.log();
    assert_eq!(log.matches("cannot send an alert").count(), 1, "{log}");
    assert!(log.contains("the server answered 500"), "{log}");
    let alerts = hook.alerts();
    assert_eq!(keys(alerts.last().unwrap(), "new"), ["dead"]);
    let metrics = metrics(&log);
    assert!(metrics.contains("irispool_alerts_sent_total{channel=\"webhook\"} 1\n"), "{metrics}");
    let failures = format!("irispool_alert_failures_total{{channel=\"webhook\"}} {}\n", alerts.len() - 1);
    assert!(metrics.contains(&failures), "{failures}: {metrics}");
    hook.wait_for_rounds();
    assert_eq!(hook.alerts().len(), alerts.len());
    daemon.stop();
}

/// What a worker serves, at the address in its log.
fn metrics(log: &str) -> String {
    use std::io::{Read, Write};
    let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_alert_goes_to_whom_the_machine_trusts_over_tls() {
    let site = Site::new();
    let (authority, config) = tls::authority(site.folder.path());
    let server = Arc::new(Server { status: AtomicU16::new(200), ..Server::default() });
    let address = http::serve_tls(Arc::clone(&server) as Arc<dyn Handler>, config);
    let url = format!("--alert-webhook=https://{address}/hook/{KEY}");
    let test = || {
        let mut command = site.irispool();
        command.args(["status", "--alert-test", &url]).env("IRISPOOL_SPOOL", &site.spool);
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        command
    };
    let output = test().env("SSL_CERT_FILE", &authority).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.alerts.lock().unwrap().len(), 1);
    let output = test().output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("certificate") && !said.contains(KEY), "{said}");
    assert!(said.contains("SSL_CERT_FILE"), "{said}");
    assert_eq!(server.alerts.lock().unwrap().len(), 1);
}

#[test]
fn slack_gets_text_and_nothing_else() {
    let (site, hook) = (Site::new(), Hook::new());
    let daemon = hook.worker(&site, &["--alert-format=slack"]);
    go_wrong(&site);
    let alert = hook.wait_for(1);
    assert_eq!(alert.as_object().unwrap().keys().collect::<Vec<_>>(), ["text"]);
    let text = alert["text"].as_str().unwrap();
    assert!(text.contains("WARNING: 1 dead letter") && text.contains("hint: irispool dead list"), "{text}");
    let requests = hook.server.alerts.lock().unwrap();
    assert_eq!(
        (&*requests[0].method, requests[0].header("content-type")),
        ("POST", Some("application/json"))
    );
    drop(requests);
    daemon.stop();
}

/// A worker with a command that is a script in the site's folder, with `$OUT` as that folder and `$IRISPOOL` as irispool.
fn with_command(site: &Site, script: &str) -> Daemon {
    let mut command = site.run_command(&["--alert-after=0s", "--status-disk-critical=100"]);
    command.env("IRISPOOL_ALERT_COMMAND", script).env("OUT", site.folder.path());
    command.env("PROGRAM", env!("CARGO_BIN_EXE_irispool"));
    let mut daemon = Daemon::start(command, site.folder.path());
    daemon.wait_until_ready();
    daemon
}

#[test]
fn a_command_gets_json_and_variables_and_may_run_irispool() {
    let site = Site::new();
    let script = "cat > $OUT/stdin; env > $OUT/env; \"$PROGRAM\" status --json > $OUT/status --spool $IRISPOOL_ALERT_SPOOL \
                  --warehouse sqlite:$OUT/iris.db; echo $? > $OUT/code";
    let daemon = with_command(&site, script);
    go_wrong(&site);
    let read = |name: &str| fs::read_to_string(site.folder.path().join(name)).unwrap_or_default();
    until("it has run", || read("code").ends_with('\n'));
    let alert: Value = serde_json::from_str(&read("stdin")).unwrap();
    assert_eq!((keys(&alert, "new"), &alert["level"]), (vec!["dead".to_owned()], &"warning".into()));
    let env = read("env");
    for line in ["IRISPOOL_ALERT_LEVEL=warning", "IRISPOOL_ALERT_REASON=change", "IRISPOOL_ALERT_NEW=dead"] {
        assert!(env.lines().any(|one| one == line), "{line}: {env}");
    }
    assert!(env.contains("WARNING: 1 dead letter"), "IRISPOOL_ALERT_TEXT: {env}");
    assert!(["1\n", "2\n"].contains(&&*read("code")), "no error: {}", read("code"));
    assert!(serde_json::from_str::<Value>(&read("status")).unwrap()["dead"] == 1);
    daemon.stop();
}

fn is_alive(pid_file: &Path) -> bool {
    let pid: i32 = fs::read_to_string(pid_file).unwrap().trim().parse().unwrap();
    // A child that nobody has waited for yet is a zombie, and no process any more.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok() && !stat.contains(") Z ")
}

const HANGS: &str = "sleep 1000 & echo $! > $OUT/unborn; mv $OUT/unborn $OUT/pid; wait";

#[test]
fn a_command_that_hangs_is_killed_with_what_it_started() {
    let site = Site::new();
    let mut daemon = with_command(&site, HANGS);
    go_wrong(&site);
    let pid = site.folder.path().join("pid");
    until("it runs", || pid.exists());
    daemon.wait_for_log("did not end within");
    until("it is gone", || !is_alive(&pid));
    site.put("FREQ", "a", ROW);
    until("a row is in", || site.loaded() == 1);
    daemon.stop();
}

#[test]
fn a_stop_ends_a_command_that_hangs() {
    let site = Site::new();
    let daemon = with_command(&site, HANGS);
    go_wrong(&site);
    let pid = site.folder.path().join("pid");
    until("it runs", || pid.exists());
    let log = daemon.stop();
    assert!(!log.contains("did not end within"), "{log}");
    until("it is gone", || !is_alive(&pid));
}

#[test]
fn a_command_that_even_the_kill_does_not_end_holds_nothing_up() {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !traced.is_ok_and(|status| status.success()) {
        return lacks("strace is missing or may not trace");
    }
    let site = Site::new();
    let mut daemon = with_command(&site, "echo $$ > $OUT/unborn; mv $OUT/unborn $OUT/pid; sleep 1000");
    go_wrong(&site);
    let pid = site.folder.path().join("pid");
    until("it runs", || pid.exists());
    // Its parent does not hear of its end before its tracer has, and that is stopped: as if a disk kept it from ending.
    let number = fs::read_to_string(&pid).unwrap();
    let mut tracer = Command::new("strace");
    tracer.args(["-o", "/dev/null", "-p", number.trim()]).stderr(Stdio::null());
    let mut tracer = tracer.spawn().unwrap();
    let proc_status = format!("/proc/{}/status", number.trim());
    let is_traced = || !fs::read_to_string(&proc_status).unwrap_or_default().contains("TracerPid:\t0\n");
    until("it is traced", is_traced);
    kill_process(Pid::from_child(&tracer), Signal::STOP).unwrap();
    daemon.wait_for_log("did not end within");
    daemon.stop();
    tracer.kill().unwrap();
    tracer.wait().unwrap();
}

#[test]
fn no_list_of_processes_shows_the_command() {
    let site = Site::new();
    let script = format!(": {KEY}; env > $OUT/env; {HANGS}");
    let daemon = with_command(&site, &script);
    go_wrong(&site);
    let pid = site.folder.path().join("pid");
    until("it runs", || pid.exists());
    let of = |number: &str, file: &str| fs::read_to_string(format!("/proc/{number}/{file}")).unwrap();
    let sleep = fs::read_to_string(&pid).unwrap().trim().to_owned();
    let parent = of(&sleep, "status");
    let shell = parent.lines().find_map(|line| line.strip_prefix("PPid:\t")).unwrap();
    assert!(of(shell, "cmdline").starts_with("sh\0-c\0"), "{}", of(shell, "cmdline"));
    assert!(!of(shell, "cmdline").contains(KEY), "{}", of(shell, "cmdline"));
    let env = fs::read_to_string(site.folder.path().join("env")).unwrap();
    assert!(env.contains("IRISPOOL_ALERT_LEVEL=") && !env.contains("IRISPOOL_ALERT_SCRIPT="), "{env}");
    daemon.stop();
    // A shell that says what it was called with.
    let spy = site.folder.path().join("spy");
    fs::create_dir(&spy).unwrap();
    fs::write(spy.join("sh"), "#!/bin/sh\nprintf %s \"$*\" > \"$OUT/arguments\"; exec /bin/sh \"$@\"\n")
        .unwrap();
    fs::set_permissions(spy.join("sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = site.irispool();
    command.arg("check").args(site.run_arguments()).env("PATH", &spy).env("OUT", site.folder.path());
    let output = command.env("IRISPOOL_ALERT_COMMAND", format!("-x {KEY}")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("alert command     sh understands it"), "{said}");
    let arguments = fs::read_to_string(site.folder.path().join("arguments")).unwrap();
    assert!(arguments.contains("-n") && !arguments.contains(KEY), "{arguments}");
}

#[test]
fn the_heartbeat_beats_only_while_nothing_is_critical() {
    let (site, hook) = (Site::new(), Hook::new());
    let daemon = hook.worker(&site, &["--status-backlog-critical=1", "--alert-remind=1s"]);
    until("it beats", || hook.beats() > 0);
    // Nobody may take a file that is being written, so they stay.
    fs::create_dir_all(site.incoming("FREQ")).unwrap();
    let files = ["a", "b"].map(|name| File::create(site.incoming("FREQ").join(name)).unwrap());
    assert_eq!(hook.wait_for(1)["level"], "critical");
    let before = hook.beats();
    hook.wait_for(4);
    assert_eq!(hook.beats(), before, "reminders came, and no heartbeat");
    for name in ["a", "b"] {
        fs::remove_file(site.incoming("FREQ").join(name)).unwrap();
    }
    drop(files);
    until("it beats again", || hook.beats() > before);
    daemon.stop();
}

#[test]
fn no_log_line_and_no_metric_has_an_address() {
    let (site, hook) = (Site::new(), Hook::new());
    hook.server.status.store(500, Ordering::SeqCst);
    // Nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let heartbeat = format!("--heartbeat-url=http://{closed}/{KEY}");
    let log_file = site.folder.path().join("worker.log");
    let (webhook, log_flag) = (hook.webhook(), format!("--log-file={}", log_file.display()));
    let flags =
        ["--alert-after=0s", "--listen=127.0.0.1:0", "--log-level=trace", &webhook, &heartbeat, &log_flag];
    let mut daemon = site.daemon(&[&flags[..], &["--alert-command=exit 7 # s3cr3t-k3y"]].concat());
    go_wrong(&site);
    hook.wait_for(2);
    daemon.wait_for_log("cannot send the heartbeat");
    daemon.wait_for_log("the command ended with 7");
    let metrics = metrics(&daemon.log());
    let log = daemon.stop();
    let file = fs::read_to_string(log_file).unwrap();
    assert!(file.contains("the server answered 500"), "{file}");
    for text in [log, file, metrics] {
        assert!(!text.contains(KEY), "{text}");
    }
}

#[test]
fn a_wrong_address_is_said_at_start_and_not_repeated() {
    let site = Site::new();
    for (key, value) in [("ALERT_WEBHOOK", "htps://x/s3cr3t-k3y"), ("HEARTBEAT_URL", "s3cr3t-k3y")] {
        let mut command = site.run_command(&["--once"]);
        let output = command.env(format!("IRISPOOL_{key}"), value).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("IRISPOOL_{key}=… should be a URL that begins with https://")),
            "{said}"
        );
        assert!(!said.contains(KEY), "{said}");
    }
}

#[test]
fn a_drain_tells_nobody() {
    let (site, hook) = (Site::new(), Hook::new());
    go_wrong(&site);
    site.drain(&["--alert-after=0s", &hook.webhook(), &hook.heartbeat()]);
    assert_eq!((hook.alerts().len(), hook.beats()), (0, 0));
    assert!(!site.spool.join("alerts.json").exists());
}

#[test]
fn what_was_told_is_known_although_it_cannot_be_saved() {
    let (site, hook) = (Site::new(), Hook::new());
    fs::create_dir_all(site.spool.join("alerts.json.new/in the way")).unwrap();
    let mut daemon = hook.worker(&site, &[]);
    let other = hook.worker(&site, &[]);
    go_wrong(&site);
    hook.wait_for(1);
    daemon.assert_running();
    for _ in 0..2 {
        hook.wait_for_rounds();
    }
    assert_eq!(hook.alerts().len(), 1);
    let log = daemon.stop() + &other.stop();
    assert!(log.contains("cannot save in the spool which alerts were sent"), "{log}");
}

#[test]
fn status_says_why_a_worker_on_a_full_disk_keeps_the_alerts_in_hand() {
    let (site, hook) = (Site::new(), Hook::new());
    let Some(_mounted) = Tmpfs::mount(&site.spool, 256) else { return skip("a tmpfs can't be mounted") };
    let mut daemon = hook.worker(&site, &[]);
    hook.wait_for_rounds();
    let mut ballast = File::create(site.spool.join("ballast")).unwrap();
    until("it is full", || {
        // Again and again: what the worker replaces meanwhile makes room.
        while ballast.write_all(&[0; 4_096]).is_ok() {}
        daemon.assert_running();
        daemon.log().contains("cannot save in the spool which alerts were sent")
    });
    let tell = || {
        let output = status(&site, &["--alert", "--alert-after=0s", &hook.webhook()]);
        String::from_utf8(output.stderr).unwrap()
    };
    let said = tell();
    let holder = format!("sent no alerts: process {} sends them, as it cannot save", daemon.id());
    assert!(said.contains(&holder) && said.contains("No space left on device"), "{said}");
    assert!(!said.contains("end it"), "{said}");
    drop(ballast);
    fs::remove_file(site.spool.join("ballast")).unwrap();
    until("it can be kept again", || tell().is_empty());
    daemon.stop();
    let lock = fs::read_to_string(site.spool.join("alerts.lock")).unwrap();
    assert_eq!(lock.trim(), "", "a reason does not outlast its holder");
}

#[test]
fn what_others_saved_while_the_lock_was_not_to_be_had_is_not_replaced() {
    let (site, hook) = (Site::new(), Hook::new());
    fs::create_dir_all(&site.spool).unwrap();
    let lock = site.spool.join("alerts.lock");
    std::os::unix::fs::symlink("/no/such/folder/alerts.lock", &lock).unwrap();
    let mut daemon = hook.worker(&site, &[]);
    daemon.wait_for_log("cannot save in the spool which alerts were sent");
    let moon =
        json!({"level": "warning", "what": "the moon is away", "hint": "wait", "since_ms": 1, "told_ms": 1});
    let state = json!({"channels": {"webhook": {"told": {"moon": moon}}}});
    fs::write(site.spool.join("alerts.json.other"), state.to_string()).unwrap();
    fs::rename(site.spool.join("alerts.json.other"), site.spool.join("alerts.json")).unwrap();
    fs::remove_file(&lock).unwrap();
    assert_eq!(keys(&hook.wait_for(1), "cleared"), ["moon"]);
    daemon.stop();
}

#[test]
fn a_state_that_is_rubbish_is_like_none() {
    let (site, hook) = (Site::new(), Hook::new());
    fs::create_dir_all(&site.spool).unwrap();
    fs::write(site.spool.join("alerts.json"), "{\"seen\": [").unwrap();
    let daemon = hook.worker(&site, &[]);
    go_wrong(&site);
    assert_eq!(keys(&hook.wait_for(1), "new"), ["dead"]);
    daemon.stop();
    let state = fs::read(site.spool.join("alerts.json")).unwrap();
    assert!(serde_json::from_slice::<Value>(&state).is_ok());
}

#[test]
fn a_test_goes_out_by_every_way_and_says_which_failed() {
    let (site, hook) = (Site::new(), Hook::new());
    let (webhook, heartbeat) = (hook.webhook(), hook.heartbeat());
    let flags = ["--alert-test", &webhook, &heartbeat, "--alert-command=cat"];
    let tested = status(&site, &flags);
    let said = String::from_utf8(tested.stdout).unwrap();
    assert_eq!(tested.status.code(), Some(0), "{said}");
    for line in ["webhook: sent\n", "command: sent\n", "heartbeat: sent\n"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(said.contains("\"reason\":\"test\""), "what the command says is shown: {said}");
    assert_eq!((&hook.alerts()[0]["reason"], hook.beats()), (&"test".into(), 1));
    hook.server.status.store(404, Ordering::SeqCst);
    let failed = status(&site, &flags);
    let said = String::from_utf8(failed.stdout).unwrap();
    assert_eq!(failed.status.code(), Some(2));
    assert!(said.contains("webhook: FAILED: the server answered 404\n") && !said.contains(KEY), "{said}");
    for flag in ["--alert-test", "--alert"] {
        let nobody = status(&site, &[flag]);
        assert_eq!(nobody.status.code(), Some(3));
        assert!(String::from_utf8_lossy(&nobody.stderr).contains("hint: set alert_webhook"));
    }
}

#[test]
fn check_looks_at_each_way_and_sends_nothing() {
    let (site, hook) = (Site::new(), Hook::new());
    let check = |variables: &[(&str, &str)]| {
        let mut command = site.irispool();
        command.arg("check").args(site.run_arguments()).env("IRISPOOL_STATUS_DISK_CRITICAL", "100");
        command.envs(variables.iter().copied());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (open, closed) = (format!("http://{}/{KEY}", hook.address), format!("http://{closed}/{KEY}"));
    let good = check(&[
        ("IRISPOOL_ALERT_WEBHOOK", &open),
        ("IRISPOOL_ALERT_COMMAND", "mail -s x"),
        ("IRISPOOL_HEARTBEAT_URL", &open),
        ("IRISPOOL_LOG_FILE", "x.log"),
        ("IRISPOOL_PID_FILE", "x.pid"),
    ]);
    for about in ["alert webhook", "alert command", "heartbeat", "log file", "pid file"] {
        assert!(good.lines().any(|line| line.starts_with(&format!("ok      {about} "))), "{about}: {good}");
    }
    let bad = check(&[
        ("IRISPOOL_ALERT_WEBHOOK", &closed),
        ("IRISPOOL_ALERT_COMMAND", "if then"),
        ("IRISPOOL_HEARTBEAT_URL", "http://no-such-host.invalid/s3cr3t-k3y"),
        ("IRISPOOL_LOG_FILE", "no/such/x.log"),
        ("IRISPOOL_PID_FILE", "no/such/x.pid"),
    ]);
    for about in ["alert webhook", "alert command", "heartbeat", "pid file"] {
        assert!(bad.lines().any(|line| line.starts_with(&format!("FAILED  {about} "))), "{about}: {bad}");
    }
    assert!(bad.contains("warning log file "), "{bad}");
    assert!(!good.contains(KEY) && !bad.contains(KEY), "{good}{bad}");
    let by_proxy = check(&[("IRISPOOL_ALERT_WEBHOOK", &closed), ("HTTPS_PROXY", "http://127.0.0.1:9")]);
    assert!(by_proxy.contains("it uses a proxy, which is not tested here"), "{by_proxy}");
    let shelless = check(&[("IRISPOOL_ALERT_COMMAND", "true"), ("PATH", "/no/such")]);
    assert!(shelless.contains("FAILED  alert command     cannot start sh"), "{shelless}");
    assert_eq!((hook.alerts().len(), hook.beats()), (0, 0));
    assert!(!check(&[]).contains("alert"), "nothing is said of what is not set");
}

/// A worker reads its settings when it starts.
#[test]
fn a_test_says_which_workers_do_not_know_the_settings() {
    let (site, hook) = (Site::new(), Hook::new());
    let mut old = site.daemon(&[]);
    old.wait_until_ready();
    let webhook = hook.webhook();
    let test = || {
        let told = status(&site, &["--alert-test", &webhook]);
        (told.status.code(), String::from_utf8_lossy(&told.stdout).into_owned())
    };
    until("its news are there", || test().1.contains("does not know these settings"));
    let (code, said) = test();
    assert!(code == Some(1) && said.contains(&format!("process {}", old.id())), "{code:?} {said}");
    assert!(said.contains("webhook: sent") && said.contains("restart it"), "{said}");
    old.stop();
    let mut new = site.daemon(&[&webhook]);
    new.wait_until_ready();
    until("its news are there", || {
        let seen: serde_json::Value = serde_json::from_slice(&status(&site, &["--json"]).stdout).unwrap();
        seen["workers"][0]["news"]["alerts"].is_string()
    });
    assert_eq!(test().0, Some(0), "{}", test().1);
    new.stop();
}
