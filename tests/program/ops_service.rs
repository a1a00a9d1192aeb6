//! A worker under systemd: what it tells, and the unit.

use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Daemon, Site, lacks, strace, until};

/// Reads what a worker tells until it tells `wanted`.
#[track_caller]
fn hear(socket: &UnixDatagram, wanted: &str) {
    while hear_of(socket, wanted) != wanted {}
}

/// The same where only the beginning is known. Gives all of it.
#[track_caller]
fn hear_of(socket: &UnixDatagram, wanted: &str) -> String {
    let mut buffer = [0; 512];
    loop {
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("never heard {wanted}: {error}"));
        let said = String::from_utf8_lossy(&buffer[..length]);
        if said.starts_with(wanted) {
            return said.into_owned();
        }
    }
}

#[test]
fn systemd_hears_that_it_is_ready_and_well_and_stops() {
    let site = Site::new();
    let path = site.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
    let mut command = site.run_command(&[]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").env_remove("WATCHDOG_PID");
    let daemon = Daemon::start(command, site.folder.path());
    hear(&socket, "READY=1");
    assert!(daemon.log().contains(" ready "), "{}", daemon.log());
    hear(&socket, "WATCHDOG=1");
    hear(&socket, "WATCHDOG=1");
    daemon.stop();
    hear(&socket, "STOPPING=1");
}

/// Who starts it, or the boot, does not wait with it.
#[test]
fn one_that_waits_for_its_database_is_started_and_says_so() {
    let site = Site::new();
    let path = site.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
    let holder = rusqlite::Connection::open(&site.database).unwrap();
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE held (a);").unwrap();
    let mut command = site.run_command(&[]);
    command.env("NOTIFY_SOCKET", &path);
    let daemon = Daemon::start(command, site.folder.path());
    hear(&socket, "READY=1");
    hear_of(&socket, "STATUS=waits for the warehouse: ");
    drop(holder);
    site.put(
        "FREQ",
        "one",
        r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#,
    );
    hear(&socket, "STATUS=1 message delivered, 0 dead");
    daemon.stop();
}

/// Its socket takes a few datagrams before who sends has to wait.
#[test]
fn a_service_manager_that_does_not_read_holds_up_nothing() {
    let site = Site::new();
    let path = site.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let unread: usize = std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen")
        .map_or(10, |length| length.trim().parse().unwrap());
    let mut command = site.run_command(&[]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000").env_remove("WATCHDOG_PID");
    let mut daemon = Daemon::start(command, site.folder.path());
    daemon.wait_for_log(" ready ");
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    until("the socket is full", || sender.send_to(b"of another", &path).is_err());
    for _ in 0..3 {
        tells_its_news(&site);
    }
    // As soon as it is read, what could not be told is.
    socket.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
    for _ in 0..=unread {
        socket.recv(&mut [0; 256]).unwrap();
    }
    hear(&socket, "WATCHDOG=1");
    daemon.stop();
}

/// Waits until the only worker has told anew how it is.
fn tells_its_news(site: &Site) {
    let claimed = site.spool.join("claimed");
    let worker =
        crate::support::site::entries(&claimed).into_iter().find(|path| !path.ends_with(".locks")).unwrap();
    let told_at = || worker.join(".lock").metadata().unwrap().modified().unwrap();
    let before = told_at();
    until("it tells its news", || told_at() != before);
}

/// Ended with the test: what a tracer holds does not end before it has.
struct Tracer(Child);

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// It takes a minute, after which a worker that has gone no round is not well.
#[test]
fn a_worker_that_hangs_is_not_well_and_feeds_no_watchdog() {
    if !strace::works() {
        return;
    }
    let site = Site::new();
    let path = site.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
    let mut command = site.run_command(&["--listen=127.0.0.1:0", "--scan-interval=100ms"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").env_remove("WATCHDOG_PID");
    let mut daemon = Daemon::start(command, site.folder.path());
    hear(&socket, "READY=1");
    hear(&socket, "WATCHDOG=1");
    daemon.wait_for_log("serving");
    let log = daemon.log();
    let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let healthz = || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET /healthz HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(healthz().starts_with("HTTP/1.1 200 "));
    // The next time that it lists a folder takes ten minutes, as on a disk that hangs.
    let mut tracer = Command::new("strace");
    tracer.args([
        "-f",
        "-o",
        "/dev/null",
        "-e",
        "trace=getdents64",
        "-e",
        "inject=getdents64:delay_enter=600s",
    ]);
    let tracer = tracer.args(["-p", &daemon.id().to_string()]).stderr(Stdio::null()).spawn().unwrap();
    let tracer = Tracer(tracer);
    until("it is not well", || healthz().starts_with("HTTP/1.1 503 "));
    assert!(healthz().contains("no round for "), "{}", healthz());
    // What was told before that is read; then it tells its news three times, and not the watchdog.
    tells_its_news(&site);
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 256];
    while socket.recv(&mut buffer).is_ok() {}
    for _ in 0..3 {
        tells_its_news(&site);
    }
    assert!(socket.recv(&mut buffer).is_err(), "the watchdog was fed");
    drop(tracer);
    daemon.kill();
}

#[test]
fn a_watchdog_for_another_process_is_not_fed() {
    let site = Site::new();
    let path = site.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut command = site.run_command(&[]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let daemon = Daemon::start(command, site.folder.path());
    socket.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
    hear(&socket, "READY=1");
    daemon.stop();
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 256];
    while let Ok(length) = socket.recv(&mut buffer) {
        assert_ne!(&buffer[..length], b"WATCHDOG=1");
    }
}

#[test]
fn systemd_takes_the_unit() {
    let unit = crate::support::root().join("scripts/systemd/irispool@.service");
    let folder = tempfile::tempdir().unwrap();
    // The program must be there for the unit to be right.
    let text = std::fs::read_to_string(unit).unwrap();
    let installed = text.replace("/usr/local/bin/irispool", env!("CARGO_BIN_EXE_irispool"));
    let copy = folder.path().join("irispool@.service");
    std::fs::write(&copy, installed).unwrap();
    let Ok(output) = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output() else {
        return lacks("no systemd-analyze");
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("irispool@"), "{said}");
}

/// How the unit behaves once a start has failed is systemd's doing, which does not run here.
#[test]
fn the_unit_never_gives_a_worker_up() {
    let unit = crate::support::root().join("scripts/systemd/irispool@.service");
    let text = std::fs::read_to_string(unit).unwrap();
    let settings: Vec<(&str, &str)> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
    let of = |name| settings.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
    assert_eq!(of("Restart"), Some("always"));
    assert_eq!(of("StartLimitIntervalSec"), Some("0"), "or five quick ends are the last");
    assert_eq!(of("RestartPreventExitStatus"), None);
    assert!((15..=30).contains(&of("RestartSec").unwrap().parse::<u64>().unwrap()));
}

/// What the container file brings into the image that builds is enough to build.
#[test]
fn the_container_has_all_that_the_program_is_made_of() {
    let root = crate::support::root();
    let text = std::fs::read_to_string(root.join("scripts/systemd/Containerfile")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for line in
        text.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--"))
    {
        let names: Vec<&str> = line.split_whitespace().collect();
        let (to, from) = names.split_last().unwrap();
        let copied =
            Command::new("cp").arg("-r").args(from).arg(folder.path().join(to)).current_dir(&root).status();
        assert!(copied.unwrap().success(), "{line}");
    }
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).args(["--offline", "--locked", "--manifest-path"]);
        command.arg(folder.path().join("Cargo.toml")).output().unwrap()
    };
    // Every target that the manifest names is there.
    let output = cargo(&["metadata", "--no-deps", "--format-version=1"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut included = 0;
    for path in sources(&folder.path().join("src")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for name in text.split("include_str!(\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(path.parent().unwrap().join(name).is_file(), "{} includes {name}", path.display());
            included += 1;
        }
    }
    assert!(included > 10, "the program includes its SQL");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let found = crate::support::site::entries(folder).into_iter();
    found.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}
