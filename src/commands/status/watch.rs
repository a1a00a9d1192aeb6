//! `irispool status --watch`: the screen again and again, drawn over the last one.

use std::io::{self, IsTerminal, Write, stdout};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded, select};

use super::super::terminal::{OutputStyle, TerminalSize};
use super::super::units::time;
use super::report::StatusReport;
use super::screen;
use crate::config::Config;
use crate::exit::{Exit, Explain, Failure, OutputError};
use crate::health::FactsCollector;
use crate::signals::Stop;

/// How often the size of the terminal is checked.
const RESIZE_INTERVAL: Duration = Duration::from_millis(200);

/// Switches to the terminal's alternate screen and hides the cursor, and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Synchronised output: a terminal that supports it shows everything between the two at once.
const BEGIN_FRAME: &str = "\x1b[?2026h\x1b[H";
const END_FRAME: &str = "\x1b[J\x1b[?2026l";

#[derive(Debug, thiserror::Error)]
#[error("cannot repeat status: {0}")]
struct WatchError(io::Error);

impl Explain for WatchError {
    fn hint(&self) -> Option<String> {
        Some("raise the limit on processes, or run irispool status without --watch".to_owned())
    }
}

/// Repeats until Ctrl-C, and returns the exit code of the last report. A thread of its own makes the reports: one may
/// take seconds, and Ctrl-C must work meanwhile.
pub(super) fn watch(
    config: &Config,
    collector: FactsCollector,
    json: bool,
    all: bool,
    every: Duration,
    look: OutputStyle,
) -> Result<Exit, Failure> {
    let stop = Stop::on_signals().map_err(WatchError)?;
    let answers = look_again_and_again(config.clone(), collector, every).map_err(WatchError)?;
    let is_screen = !json && stdout().is_terminal();
    let mut terminal = if is_screen { Some(Terminal::enter().map_err(OutputError::from)?) } else { None };
    let mut last: Option<StatusReport> = None;
    let mut drawn: Option<TerminalSize> = None;
    loop {
        select! {
            recv(stop.channel()) -> _ => break,
            recv(answers) -> answer => match answer {
                Ok(answer) => (last, drawn) = (Some(answer), None),
                // The thread ends only by a panic.
                Err(_) => break,
            },
            default(RESIZE_INTERVAL) => {}
        }
        let Some(answer) = &last else { continue };
        if let Some(terminal) = &mut terminal {
            let room = TerminalSize::of_stdout();
            if drawn != Some(room) {
                let frame = frame(answer, look, room, all, every);
                terminal.show(&frame).map_err(OutputError::from)?;
                drawn = Some(room);
            }
        } else if drawn.is_none() {
            drawn = Some(TerminalSize::default());
            let text = if json {
                serde_json::to_string(answer).expect("facts can be written as JSON") + "\n"
            } else {
                screen::draw(answer, look, TerminalSize::default())
            };
            stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()).map_err(OutputError::from)?;
        }
    }
    drop(terminal);
    let Some(answer) = last else { return Ok(Exit::Unknown) };
    if is_screen {
        // The last report stays on the normal screen, with a line left for the prompt.
        let mut room = TerminalSize::of_stdout();
        room.height = room.height.map(|height| height.saturating_sub(1)).filter(|_| !all);
        let text = screen::draw(&answer, look, room);
        stdout().write_all(text.as_bytes()).map_err(OutputError::from)?;
    }
    Ok(answer.exit())
}

fn look_again_and_again(
    config: Config,
    collector: FactsCollector,
    every: Duration,
) -> io::Result<Receiver<StatusReport>> {
    let (sender, answers) = bounded(0);
    let work = move || {
        while sender.send(StatusReport::of(&collector, &config)).is_ok() {
            thread::sleep(every);
        }
    };
    thread::Builder::new().name("look".to_owned()).spawn(work)?;
    Ok(answers)
}

/// The screen, with the time of the report on its last line.
fn frame(answer: &StatusReport, look: OutputStyle, room: TerminalSize, all: bool, every: Duration) -> String {
    let footer = format!("\n{}, again every {}", time(answer.facts.at_ms), humantime::format_duration(every));
    let height = room.height.map(|height| height.saturating_sub(2));
    let of_screen = TerminalSize { height: height.filter(|_| !all), ..room };
    let screen = screen::draw(answer, look, of_screen);
    let lines: Vec<&str> = screen.lines().take(height.unwrap_or(usize::MAX)).collect();
    lines.join("\n") + "\n" + &footer
}

/// The alternate screen; dropping this restores the terminal.
struct Terminal;

impl Terminal {
    fn enter() -> io::Result<Terminal> {
        let terminal = Terminal;
        write(ENTER)?;
        Ok(terminal)
    }

    /// Overwrites each line and clears only its rest, so that the screen does not flicker.
    fn show(&mut self, frame: &str) -> io::Result<()> {
        let lines: Vec<String> = frame.lines().map(|line| format!("{line}\x1b[K")).collect();
        write(&format!("{BEGIN_FRAME}{}{END_FRAME}", lines.join("\r\n")))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = write(LEAVE);
    }
}

fn write(text: &str) -> io::Result<()> {
    stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush())
}
