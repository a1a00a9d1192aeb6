//! Runs the alert command with `sh`, with the alert on its stdin and a limit in time.
//!
//! The command is a secret, and every user of the machine can read the arguments of a process. So `sh` finds the
//! command in its environment, which only its own user can read.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::alert::Alert;
use super::note::AlertNote;
use super::send_error::SendError;
use crate::locks::Unpoisoned;

/// How long the command may take. Then irispool kills it, and what it started and did not move to a group of its own.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest `IRISPOOL_ALERT_TEXT`. Linux allows a variable 128 KiB, and a character may have four bytes.
const TEXT_CHARS_MAX: usize = 16_000;

/// How often irispool checks whether the command has ended.
const POLL: Duration = Duration::from_millis(20);

/// How long irispool waits for the end of a command that it killed. A process that waits for a disk ends only when the
/// disk answers.
const KILL_TIMEOUT: Duration = Duration::from_secs(1);

/// What `sh` runs: the command, without the command in its environment. The first line keeps a command that begins with
/// `-` from being taken for an option of `eval`.
const SCRIPT: &str = "eval \"unset IRISPOOL_ALERT_SCRIPT\n$IRISPOOL_ALERT_SCRIPT\"";

/// The command that runs, if one does. Another thread may end it.
#[derive(Debug, Default)]
pub(super) struct RunningCommand(Mutex<CommandSlot>);

#[derive(Debug, Default)]
struct CommandSlot {
    child: Option<Child>,
    /// Whether no command may run any more.
    is_closed: bool,
}

impl RunningCommand {
    /// Kills the command that runs, and lets no other one start.
    pub(super) fn end(&self) {
        let mut slot = self.lock();
        slot.is_closed = true;
        if let Some(child) = &mut slot.child {
            kill(child);
        }
    }

    fn lock(&self) -> MutexGuard<'_, CommandSlot> {
        self.0.lock().unpoisoned()
    }

    fn start(&self, command: &mut Command) -> Result<(), SendError> {
        let mut slot = self.lock();
        if slot.is_closed {
            return Err(SendError::Stopped);
        }
        slot.child = Some(command.spawn().map_err(SendError::Start)?);
        Ok(())
    }

    /// How the command ended. None while it runs.
    fn poll(&self) -> Option<Result<ExitStatus, SendError>> {
        let mut slot = self.lock();
        let was_closed = slot.is_closed;
        let child =
            slot.child.as_mut().expect("run starts one, and asks no more once it has ended or is killed");
        let ended = child.try_wait().map_err(SendError::Start).transpose()?;
        slot.child = None;
        Some(if was_closed { Err(SendError::Stopped) } else { ended })
    }

    /// Kills the command and waits for its end, without holding the lock.
    fn kill(&self) {
        let child = self.lock().child.take();
        let Some(mut child) = child else { return };
        kill(&mut child);
        let until = Instant::now() + KILL_TIMEOUT;
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(POLL);
        }
    }
}

/// Kills the child and its process group. Nobody has waited for the child yet, so no other process can have its id.
fn kill(child: &mut Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.kill();
}

/// Runs the command to its end. `shown`: its output goes to the stdout and stderr of this process.
pub(super) fn run(text: &str, alert: &Alert, running: &RunningCommand, shown: bool) -> Result<(), SendError> {
    let output = || if shown { Stdio::inherit() } else { Stdio::null() };
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT]).env("IRISPOOL_ALERT_SCRIPT", text);
    command.envs(variables(alert)).process_group(0);
    command.stdin(stdin(alert).map_err(SendError::Start)?).stdout(output()).stderr(output());
    let until = Instant::now() + COMMAND_TIMEOUT;
    running.start(&mut command)?;
    loop {
        match running.poll() {
            Some(Ok(status)) if status.success() => return Ok(()),
            Some(Ok(status)) => return Err(SendError::Command(in_words(status))),
            Some(Err(error)) => return Err(error),
            None if Instant::now() < until => thread::sleep(POLL),
            None => {
                running.kill();
                return Err(SendError::Hangs(COMMAND_TIMEOUT));
            }
        }
    }
}

fn in_words(status: ExitStatus) -> String {
    // sh ends with 127 if it does not find a command.
    match status.code() {
        Some(127) => "127: is it installed, and on PATH?".to_owned(),
        Some(code) => code.to_string(),
        None => status.to_string(),
    }
}

/// The alert in a file. With a pipe, a command that does not read it would block irispool.
fn stdin(alert: &Alert) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    writeln!(file, "{}", alert.json())?;
    file.rewind()?;
    Ok(file)
}

/// The variables in `HOOK_VARIABLES`, with their values.
fn variables(alert: &Alert) -> [(&'static str, String); 9] {
    let [new, worse, better, cleared, _] = alert.changes.lists().map(|(_, notes)| keys(notes));
    [
        ("IRISPOOL_ALERT_REASON", alert.reason.word().to_owned()),
        ("IRISPOOL_ALERT_LEVEL", alert.level.word().to_lowercase()),
        ("IRISPOOL_ALERT_HOST", alert.host.clone()),
        ("IRISPOOL_ALERT_SPOOL", alert.spool.clone()),
        ("IRISPOOL_ALERT_TEXT", alert.text().chars().take(TEXT_CHARS_MAX).collect()),
        ("IRISPOOL_ALERT_NEW", new),
        ("IRISPOOL_ALERT_WORSE", worse),
        ("IRISPOOL_ALERT_BETTER", better),
        ("IRISPOOL_ALERT_CLEARED", cleared),
    ]
}

/// The keys of at most 30 findings, with spaces between them. An environment has a limited size.
fn keys(notes: &[AlertNote]) -> String {
    notes.iter().take(30).map(|note| note.key.to_string().replace('\0', "")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, HOOK_VARIABLES};
    use crate::health::finding::Level;
    use crate::health::finding_key::FindingKey;

    #[test]
    fn its_variables_are_those_that_config_does_not_take_for_settings() {
        let names = variables(&Alert::test(&Config::default())).map(|(name, _)| name);
        assert_eq!(names, HOOK_VARIABLES);
    }

    #[test]
    fn however_many_findings_there_are_it_can_run() {
        let mut alert = Alert::test(&Config::default());
        let what = "é".repeat(10_000);
        let note = |level| AlertNote {
            key: FindingKey::Hangs("k".repeat(500)),
            level,
            what: what.clone(),
            hint: what.clone(),
            since_ms: 0,
            was: None,
            given_up: false,
        };
        for notes in [&mut alert.changes.new, &mut alert.changes.worse, &mut alert.changes.cleared] {
            notes.extend((0..40).map(|_| note(Level::Warning)));
        }
        run("true", &alert, &RunningCommand::default(), false).unwrap();
    }

    #[test]
    fn once_ended_no_command_runs() {
        let running = RunningCommand::default();
        running.end();
        let ran = run("true", &Alert::test(&Config::default()), &running, false);
        assert!(matches!(ran, Err(SendError::Stopped)));
    }
}
