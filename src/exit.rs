//! Exit codes, and how an error reaches the user.
//!
//! The codes are a contract: scripts and service managers may rely on them.
//!
//! | code | name | what it means |
//! |---|---|---|
//! | 0 | [`Exit::Done`] | the command did all of its work; for `run`, every finished message it found is delivered |
//! | 1 | [`Exit::CannotRun`] | it could not run: the configuration, the spool or the warehouse is at fault |
//! | 2 | [`Exit::Usage`] | the command line is wrong |
//! | 3 | [`Exit::Dead`] | it ran to its end, and something went to `dead/` |
//! | 4 | [`Exit::Left`] | it left messages where they were; see below |
//! | 134 | SIGABRT | a bug in irispool ended it at once, as stderr says; the next run finishes what it had claimed |
//! | 130, 143 | none | a second SIGINT or SIGTERM ended it at once; the next run finishes what it had claimed |
//!
//! Code 4 has these causes:
//!
//! - `run --once` could not take some messages: they were unreadable, the warehouse refused them, `dead/` was full, or
//!   a signal stopped the run.
//! - `dead retry` or `archive restore` found the names of some messages taken.
//! - `dead drop` found that some letters were replaced while it asked.
//!
//! `irispool status` follows the convention of Nagios instead. Only a wrong command line still ends with 2.
//!
//! | code | name | what it means |
//! |---|---|---|
//! | 0 | [`Exit::Done`] | healthy |
//! | 1 | [`Exit::Warning`] | something needs attention |
//! | 2 | [`Exit::Critical`] | data does not flow, or will not for long |
//! | 3 | [`Exit::Unknown`] | it could not be found out: the configuration, the spool or the warehouse can't be read |
//!
//! `status --alert-test` ends with 0 if every channel took its test, with 1 if a running worker has other settings, and
//! with 2 if a channel failed.
//!
//! `irispool verify` ends with 0 if nothing is missing, with 1 ([`Exit::Warning`]) if something is missing or dead, and
//! with 3 ([`Exit::Unknown`]) if it could not find out.
//!
//! If two codes fit, the higher one is used. For `status`, 2 comes before 3: critical outranks unknown.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::observe::{self, journal_prefix, plain};

/// How a command ended; see the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command did all of its work.
    Done,
    /// It could not run.
    CannotRun,
    /// The command line is wrong.
    Usage,
    /// Something went to `dead/`.
    Dead,
    /// It left messages where they were.
    Left,
    /// Only of `status` and `verify`: something needs attention.
    Warning,
    /// Only of `status`: data does not flow, or will not for long.
    Critical,
    /// Only of `status` and `verify`: it could not find out.
    Unknown,
}

impl Exit {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::CannotRun | Exit::Warning => 1,
            Exit::Usage | Exit::Critical => 2,
            Exit::Dead | Exit::Unknown => 3,
            Exit::Left => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error that a user can cause. Its text is one sentence without a full stop that names what it is about.
pub trait Explain: Error + Send + Sync + 'static {
    /// What the user can do about it; each line is printed as a hint of its own.
    fn hint(&self) -> Option<String> {
        None
    }

    /// The exit code.
    fn exit(&self) -> Exit {
        Exit::CannotRun
    }

    /// Whether the same may work later without any change by the user.
    fn may_pass(&self) -> bool {
        false
    }
}

/// What a command returns when it fails: any error that explains itself.
#[derive(Debug)]
pub struct Failure(Box<dyn Explain>);

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.sentence())
    }
}

impl Failure {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.0.exit()
    }

    /// Whether the same may work later without any change by the user.
    pub fn may_pass(&self) -> bool {
        self.0.may_pass()
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    /// The exit code if `status` failed: its codes are about health, which it could not find out.
    pub fn exit_of_status(&self) -> Exit {
        if self.exit() == Exit::Done { Exit::Done } else { Exit::Unknown }
    }

    /// The exit code if `verify` failed: it could not find out, unless the command line is wrong.
    pub fn exit_of_verify(&self) -> Exit {
        if self.exit() == Exit::CannotRun { Exit::Unknown } else { self.exit() }
    }

    /// Prints the error and its hints on stderr. Prints nothing if the exit code is 0.
    pub fn report(&self, colour: bool) {
        if self.exit() != Exit::Done {
            let prefix = journal_prefix(tracing::Level::ERROR);
            let text: String = self.render(colour).lines().map(|line| format!("{prefix}{line}\n")).collect();
            observe::print_above_progress(text.as_bytes());
        }
    }

    fn render(&self, colour: bool) -> String {
        let mut text = labelled("error", anstyle::AnsiColor::Red, &self.sentence(), colour);
        for hint in self.0.hint().iter().flat_map(|hint| hint.lines()) {
            text.push_str(&labelled("hint", anstyle::AnsiColor::Cyan, hint, colour));
        }
        text
    }

    /// The error and its causes, without causes whose text it already contains.
    fn sentence(&self) -> String {
        let mut sentence = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !sentence.contains(&text) {
                sentence.push_str(": ");
                sentence.push_str(&text);
            }
            cause = error.source();
        }
        sentence
    }
}

fn labelled(label: &str, colour_of_label: anstyle::AnsiColor, text: &str, colour: bool) -> String {
    let style = if colour { colour_of_label.on_default().bold() } else { anstyle::Style::new() };
    format!("{style}{label}:{style:#} {}\n", plain(text))
}

/// Stdout refused a command's answer. A reader that has seen enough (`irispool query … | head`) is not an error.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
pub struct OutputError(#[from] io::Error);

impl Explain for OutputError {
    fn exit(&self) -> Exit {
        if self.0.kind() == io::ErrorKind::BrokenPipe { Exit::Done } else { Exit::CannotRun }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open {name}")]
    struct Opening {
        name: &'static str,
        source: io::Error,
    }

    impl Explain for Opening {
        fn hint(&self) -> Option<String> {
            Some("make it\nor name another".into())
        }
    }

    #[test]
    fn an_error_is_one_sentence_with_its_causes_and_a_line_a_hint() {
        let failure = Failure::from(Opening { name: "a\nb\u{1b}[2J", source: io::Error::other("disk gone") });
        insta::assert_snapshot!(failure.render(false), @r"
        error: cannot open a\nb\u{1b}[2J: disk gone
        hint: make it
        hint: or name another
        ");
        assert!(failure.render(true).starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m cannot open"));
    }

    #[test]
    fn a_cause_that_is_in_the_sentence_is_not_said_again() {
        let failure = Failure::from(Opening { name: "the disk gone", source: io::Error::other("disk gone") });
        assert!(failure.render(false).starts_with("error: cannot open the disk gone\n"));
    }

    #[test]
    fn only_a_broken_pipe_is_no_fault_of_stdout() {
        let gone = Failure::from(OutputError(io::ErrorKind::BrokenPipe.into()));
        let full = Failure::from(OutputError(io::ErrorKind::StorageFull.into()));
        assert_eq!((gone.exit(), full.exit()), (Exit::Done, Exit::CannotRun));
    }
}
