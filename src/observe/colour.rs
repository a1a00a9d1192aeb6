//! Whether colours may be written to stderr and stdout.

use std::io::IsTerminal;

use clap::ColorChoice;

/// Whether stderr may have colours. `Auto` allows them on a terminal that can show them, unless `NO_COLOR` is set
/// (<https://no-color.org>).
pub fn colour_on_stderr(choice: ColorChoice) -> bool {
    colour_on(std::io::stderr().is_terminal(), choice)
}

/// As [`colour_on_stderr`], for stdout.
pub(crate) fn colour_on_stdout(choice: ColorChoice) -> bool {
    colour_on(std::io::stdout().is_terminal(), choice)
}

fn colour_on(terminal: bool, choice: ColorChoice) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            terminal && !unwanted
        }
    }
}
