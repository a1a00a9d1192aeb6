//! A program in the background, whose log is a file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use super::until;

pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

static STARTED: AtomicU32 = AtomicU32::new(0);

impl Daemon {
    pub(crate) fn start(mut command: Command, log_folder: &Path) -> Daemon {
        let log = log_folder.join(format!("log-{}", STARTED.fetch_add(1, Ordering::Relaxed)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Daemon { child: command.spawn().unwrap(), log }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// Waits until its log says so.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, text: &str) {
        until(&format!("its log says {text:?}"), || {
            self.assert_running();
            self.log().contains(text)
        });
    }

    /// Waits until it is at work: its signals are taken, its worker is registered.
    #[track_caller]
    pub(crate) fn wait_until_ready(&mut self) {
        self.wait_for_log(" ready ");
    }

    #[track_caller]
    pub(crate) fn assert_running(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("it ended with {status}:\n{}", self.log());
        }
    }

    /// Whether it has ended by itself, and how.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Asks it to stop and waits; it must end well.
    #[track_caller]
    pub(crate) fn stop(mut self) -> String {
        self.send(Signal::TERM);
        let status = self.wait();
        let log = self.log();
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }

    pub(crate) fn kill(mut self) {
        self.send(Signal::KILL);
        self.wait();
    }
}

impl Drop for Daemon {
    /// A test that fails leaves no process behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- the end of its log\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}
