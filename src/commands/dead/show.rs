//! `irispool dead show`: each letter with its report and the bytes around the error.

use std::fmt::Write;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use serde::Serialize;

use super::super::terminal::say;
use super::super::units::{counted, size, time};
use super::letter::{path_in_dead, reason};
use crate::exit::{Exit, Failure};
use crate::observe::plain;
use crate::spool::{DeadReport, Letter};

/// Bytes shown before and after the bad byte.
const EXCERPT_BYTES: u64 = 60;

/// Bad rows shown for each letter; the report has up to 100.
const ROWS_SHOWN_MAX: usize = 10;

#[derive(Serialize)]
struct Shown<'a> {
    message_id: String,
    dataset: &'a str,
    path: String,
    bytes: u64,
    written_at: String,
    report: Option<&'a DeadReport>,
    excerpt: Option<Excerpt>,
}

#[derive(Serialize)]
struct Excerpt {
    /// The offset of `text` in the message, in bytes.
    from_byte: u64,
    text: String,
    /// How many characters of `text` come before the bad byte.
    #[serde(skip)]
    before: usize,
}

pub(super) fn run(letters: &[Letter], json: bool) -> Result<Exit, Failure> {
    for (number, letter) in letters.iter().enumerate() {
        let shown = Shown {
            message_id: letter.message_id(),
            dataset: &letter.label,
            path: letter.path.to_string_lossy().into_owned(),
            bytes: letter.bytes,
            written_at: time(letter.written_at_ms),
            report: letter.report.as_ref(),
            excerpt: excerpt(letter),
        };
        if json {
            let line = serde_json::to_string(&shown).expect("text and numbers can be written as JSON");
            say(&format!("{line}\n"))?;
        } else {
            say(&format!("{}{}", if number > 0 { "\n" } else { "" }, describe(letter, &shown)))?;
        }
    }
    if letters.is_empty() && !json {
        say("no dead letters match\n")?;
    }
    Ok(Exit::Done)
}

fn describe(letter: &Letter, shown: &Shown<'_>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {}", plain(value));
    };
    line("message", &path_in_dead(letter));
    if shown.message_id != letter.name.to_string_lossy() {
        line("id", &shown.message_id);
    }
    line("reason", &reason(letter));
    line("file", &format!("{}, {}, written {}", shown.path, size(letter.bytes), shown.written_at));
    if let Some(report) = shown.report {
        let attempts = counted(u64::from(report.attempts), "attempt");
        let failed = format!("{attempts}, first {}, last {}", report.first_failed_at, report.last_failed_at);
        line("failed", &failed);
        line("by", &format!("{}, irispool {}", report.worker, report.irispool));
        if let Some(came) = &report.whole_came {
            let size = size(came.bytes);
            line(
                "came",
                &format!(
                    "a complete message, {size}, at {}; it lacks some of this letter's content",
                    came.at
                ),
            );
        }
        for row in report.rows.iter().take(ROWS_SHOWN_MAX) {
            let byte = row.byte.map_or(String::new(), |byte| format!(", byte {byte}"));
            line("row", &format!("{}{byte}: {}", row.row, row.reason));
        }
        let unnamed = report.bad_rows.saturating_sub(report.rows.len().min(ROWS_SHOWN_MAX) as u64);
        if unnamed > 0 {
            line("", &format!("and {}", counted(unnamed, "more bad row")));
        }
    }
    if let Some(excerpt) = &shown.excerpt {
        line(&format!("@{}", excerpt.from_byte), &excerpt.text);
        line("", &format!("{}^", " ".repeat(excerpt.before)));
    }
    text
}

/// The text around the bad byte; none if no byte is known, or if the letter is not a regular file.
fn excerpt(letter: &Letter) -> Option<Excerpt> {
    let byte = letter.report.as_ref()?.byte?;
    if !letter.is_file {
        return None;
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(&letter.path).ok()?;
    let from_byte = byte.saturating_sub(EXCERPT_BYTES);
    file.seek(SeekFrom::Start(from_byte)).ok()?;
    let mut bytes = Vec::new();
    file.take(2 * EXCERPT_BYTES).read_to_end(&mut bytes).ok()?;
    let (before, after) = bytes.split_at(bytes.len().min((byte - from_byte) as usize));
    let shown = |bytes: &[u8]| plain(&String::from_utf8_lossy(bytes)).into_owned();
    let (before, after) = (shown(before), shown(after));
    Some(Excerpt { from_byte, before: before.chars().count(), text: before + &after })
}
