//! What signals do, in a process of their own: this test's program, run again as the one that is told to stop.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use irispool::signals::Stop;
use rustix::process::{Pid, Signal, kill_process};

/// Set in the environment of a process that a test started.
const STARTED: &str = "STARTED_TO_BE_STOPPED";

/// The process that is told to stop, where one of the other tests started it. It says how far it is, and by itself
/// ends only when its stdin does.
#[test]
#[ignore = "the other tests start it, each as a process of its own"]
fn waits_to_be_stopped() {
    if std::env::var_os(STARTED).is_none() {
        return;
    }
    let stop = Stop::on_signals().unwrap();
    say("waiting");
    assert!(stop.wait(Duration::MAX));
    assert!(stop.requested());
    say("asked");
    let mut end = String::new();
    std::io::stdin().read_line(&mut end).unwrap();
    say("ended");
}

/// The test harness may have a line open.
fn say(what: &str) {
    println!(
        "
{what}"
    );
}

struct Waiting {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Waiting {
    fn start() -> Waiting {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(STARTED, "").args([
            "--ignored",
            "--exact",
            "cli_signals::waits_to_be_stopped",
            "--nocapture",
        ]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut waiting = Waiting { child, said };
        waiting.hear("waiting");
        waiting
    }

    #[track_caller]
    fn hear(&mut self, what: &str) {
        assert!(self.said.any(|line| line.unwrap() == what), "it ended before it was {what}");
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn the_first_signal_asks() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut waiting = Waiting::start();
        waiting.send(signal);
        waiting.hear("asked");
        assert_eq!(waiting.end(), Some(0));
    }
}

#[test]
fn a_second_signal_ends_it_at_once_with_its_number() {
    for (first, second, code) in
        [(Signal::TERM, Signal::TERM, 143), (Signal::INT, Signal::INT, 130), (Signal::TERM, Signal::INT, 130)]
    {
        let mut waiting = Waiting::start();
        waiting.send(first);
        waiting.hear("asked");
        waiting.send(second);
        // Its stdin stays open, so nothing else could end it.
        assert_eq!(waiting.child.wait().unwrap().code(), Some(code));
    }
}

#[test]
fn a_signal_of_a_lease_kills_nobody() {
    let mut waiting = Waiting::start();
    waiting.send(Signal::IO);
    waiting.send(Signal::TERM);
    waiting.hear("asked");
    assert_eq!(waiting.end(), Some(0));
}
