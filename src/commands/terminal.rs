//! Stdout: how large its terminal is, whether it takes colours, and writing to it.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

use crate::exit::OutputError;
use crate::observe;

/// How an answer on stdout may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutputStyle {
    pub(super) colour: bool,
    /// ✔ and ✘ in place of words.
    pub(super) symbols: bool,
}

impl OutputStyle {
    /// The style for this process's stdout: words and no colours unless it is a terminal.
    pub(super) fn of_stdout(choice: ColorChoice) -> OutputStyle {
        OutputStyle { colour: observe::colour_on_stdout(choice), symbols: io::stdout().is_terminal() }
    }

    pub(super) fn paint(self, colour: AnsiColor, text: &str) -> String {
        if self.colour {
            let style: Style = colour.on_default().bold();
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// The size of a terminal in characters; none if stdout is not a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TerminalSize {
    pub(super) width: Option<usize>,
    pub(super) height: Option<usize>,
}

impl TerminalSize {
    pub(super) fn of_stdout() -> TerminalSize {
        let Ok(size) = rustix::termios::tcgetwinsize(io::stdout()) else { return TerminalSize::default() };
        let some = |length: u16| Some(usize::from(length)).filter(|length| *length > 0);
        TerminalSize { width: some(size.ws_col), height: some(size.ws_row) }
    }
}

/// Writes the text to stdout as it is.
pub(super) fn say(text: &str) -> Result<(), OutputError> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
