//! The command hook: run by `sh`, the alert on its stdin, bounded in time. The command is a secret, and whoever is on the
//! machine may read the arguments of a process: it goes by the environment, which only its user may read.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::channel::SendError;
use super::message::{Message, Note};

/// Then it is killed, and all that it started and did not put into a group of its own.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Linux takes a variable of 128 KiB at most, and a character may have four bytes.
const TEXT_CHARS_MAX: usize = 16_000;

const POLL: Duration = Duration::from_millis(20);

/// A process that is killed while it waits for a disk ends when the disk answers: nobody waits for that.
const KILL_PATIENCE: Duration = Duration::from_secs(1);

/// What `sh` runs: the command, in whose environment it does not stand any more. The line before it keeps a `-` at its
/// beginning from being an option.
const SCRIPT: &str = "eval \"unset IRISPOOL_ALERT_SCRIPT\n$IRISPOOL_ALERT_SCRIPT\"";

/// The command that runs, if one does.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    child: Option<Child>,
    /// Nothing is to run any more.
    ended: bool,
}

impl Running {
    /// Kills what runs, and lets nothing run any more.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        if let Some(child) = &mut state.child {
            kill(child);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, command: &mut Command) -> Result<(), SendError> {
        let mut state = self.lock();
        if state.ended {
            return Err(SendError::Ended);
        }
        state.child = Some(command.spawn().map_err(SendError::Start)?);
        Ok(())
    }

    /// None while it runs.
    fn poll(&self) -> Option<Result<ExitStatus, SendError>> {
        let mut state = self.lock();
        let was_ended = state.ended;
        let child =
            state.child.as_mut().expect("run starts one, and asks no more once it has ended or is killed");
        let ended = child.try_wait().map_err(SendError::Start).transpose()?;
        state.child = None;
        Some(if was_ended { Err(SendError::Ended) } else { ended })
    }

    /// Nobody else is kept waiting meanwhile.
    fn kill(&self) {
        let child = self.lock().child.take();
        let Some(mut child) = child else { return };
        kill(&mut child);
        let until = Instant::now() + KILL_PATIENCE;
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(POLL);
        }
    }
}

/// The group is the child's own. It has not been waited for, so its number is no other's.
fn kill(child: &mut Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.kill();
}

/// Runs it to its end. `shown`: what it says goes to our own stdout and stderr.
pub(super) fn run(text: &str, message: &Message, running: &Running, shown: bool) -> Result<(), SendError> {
    let output = || if shown { Stdio::inherit() } else { Stdio::null() };
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT]).env("IRISPOOL_ALERT_SCRIPT", text);
    command.envs(variables(message)).process_group(0);
    command.stdin(stdin(message).map_err(SendError::Start)?).stdout(output()).stderr(output());
    let until = Instant::now() + PATIENCE;
    running.start(&mut command)?;
    loop {
        match running.poll() {
            Some(Ok(status)) if status.success() => return Ok(()),
            Some(Ok(status)) => return Err(SendError::Command(in_words(status))),
            Some(Err(error)) => return Err(error),
            None if Instant::now() < until => thread::sleep(POLL),
            None => {
                running.kill();
                return Err(SendError::Hangs);
            }
        }
    }
}

fn in_words(status: ExitStatus) -> String {
    // 127 is sh's own word for a command that it does not find.
    match status.code() {
        Some(127) => "127: is it installed, and on PATH?".to_owned(),
        Some(code) => code.to_string(),
        None => status.to_string(),
    }
}

/// A file, not a pipe: a command that reads nothing blocks nobody.
fn stdin(message: &Message) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    writeln!(file, "{}", message.json())?;
    file.rewind()?;
    Ok(file)
}

/// Those of `HOOK_VARIABLES`.
fn variables(message: &Message) -> [(&'static str, String); 9] {
    let [new, worse, better, cleared, _] = message.kinds().map(|(_, notes)| keys(notes));
    [
        ("IRISPOOL_ALERT_REASON", message.reason.word().to_owned()),
        ("IRISPOOL_ALERT_LEVEL", message.level.word().to_lowercase()),
        ("IRISPOOL_ALERT_HOST", message.host.clone()),
        ("IRISPOOL_ALERT_SPOOL", message.spool.clone()),
        ("IRISPOOL_ALERT_TEXT", message.text().chars().take(TEXT_CHARS_MAX).collect()),
        ("IRISPOOL_ALERT_NEW", new),
        ("IRISPOOL_ALERT_WORSE", worse),
        ("IRISPOOL_ALERT_BETTER", better),
        ("IRISPOOL_ALERT_CLEARED", cleared),
    ]
}

/// With a space between them, not too many: an environment has its limits.
fn keys(notes: &[Note]) -> String {
    notes.iter().take(30).map(|note| note.key.replace('\0', "")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, HOOK_VARIABLES};

    #[test]
    fn its_variables_are_those_that_are_no_settings() {
        let names = variables(&Message::test(&Config::default())).map(|(name, _)| name);
        assert_eq!(names, HOOK_VARIABLES);
    }

    #[test]
    fn however_much_is_wrong_it_can_be_run() {
        let mut message = Message::test(&Config::default());
        let what = "é".repeat(10_000);
        let note = |level| Note {
            key: "k".repeat(500),
            level,
            what: what.clone(),
            hint: what.clone(),
            since_ms: 0,
            was: None,
            given_up: false,
        };
        for notes in [&mut message.changes.new, &mut message.changes.worse, &mut message.changes.cleared] {
            notes.extend((0..40).map(|_| note(crate::health::Level::Warning)));
        }
        run("true", &message, &Running::default(), false).unwrap();
    }

    #[test]
    fn once_ended_nothing_runs() {
        let running = Running::default();
        running.end();
        let ran = run("true", &Message::test(&Config::default()), &running, false);
        assert!(matches!(ran, Err(SendError::Ended)));
    }
}
