//! The screen of `irispool status`.

use std::time::Duration;

use anstyle::AnsiColor;

use super::super::table::wrapped;
use super::super::terminal::{OutputStyle, TerminalSize};
use super::super::units::{count, counted, elapsed, short_duration, size, time};
use super::report::StatusReport;
use super::{client, datasets};
use crate::health::{Facts, Level, WorkerFacts};
use crate::observe::plain;
use crate::spool::SpoolPart;

/// The width of the column of titles: `warehouse` is the longest.
const TITLE_CHARS: usize = 11;

/// The verdict, then each finding with its hint, then the facts. The first line says on its own how things are, because
/// Nagios shows only that one.
pub(super) fn draw(report: &StatusReport, look: OutputStyle, room: TerminalSize) -> String {
    let StatusReport { facts, findings, .. } = report;
    let mut text = verdict(report, look, room);
    for finding in findings {
        let mark = mark(finding.level, look);
        let word = if look.symbols { 1 } else { finding.level.word().len() + 1 };
        let indent = if look.symbols { 4 } else { 6 };
        text.push_str(&wrapped(&format!("  {mark} "), 3 + word, &plain(&finding.what), room.width));
        text.push_str(&wrapped(&" ".repeat(indent), indent, &plain(&finding.hint), room.width));
    }
    text.push('\n');
    if facts.workers.is_empty() {
        let is_known = !facts.unread.contains_key(&SpoolPart::Claimed);
        text.push_str(if is_known { "workers    none\n" } else { "workers    ?\n" });
    }
    if let Some(drains) = &facts.drains {
        let every = drains
            .every()
            .map_or(String::new(), |every| format!(", one every {} at most", short_duration(every)));
        let line = format!(
            "the last one ended {} ago{every}",
            short_duration(elapsed(facts.at_ms, drains.ended_ms))
        );
        text.push_str(&titled("drains", None, &line, look, room));
    }
    for (index, worker) in facts.workers.iter().enumerate() {
        let (mark, line) = worker_line(worker, facts.at_ms);
        text.push_str(&titled(if index == 0 { "workers" } else { "" }, mark, &line, look, room));
    }
    let (mark, line) = client::client(facts);
    text.push_str(&titled("client", mark, &line, look, room));
    if let Some(line) = client::secret(facts) {
        text.push_str(&titled("secret", None, &line, look, room));
    }
    let (mark, line) = warehouse(facts);
    text.push_str(&titled("warehouse", mark, &line, look, room));
    for (index, left) in facts.warehouse.left_alone.iter().enumerate() {
        let title = if index == 0 { "views" } else { "" };
        text.push_str(&titled(title, None, &plain(&left.what), look, room));
    }
    for (index, disk) in facts.disks.iter().enumerate() {
        let free = size(disk.free_bytes);
        let line =
            format!("{} {} % used, {free} free", plain(&disk.path.to_string_lossy()), disk.percent_used);
        text.push_str(&titled(if index == 0 { "disk" } else { "" }, None, &line, look, room));
    }
    if facts.ready + facts.claimed > 0 {
        text.push_str(&titled("waiting", None, &ages(facts), look, room));
    }
    if !facts.datasets.is_empty() {
        text.push('\n');
        let lines = room.height.map(|height| height.saturating_sub(text.lines().count()));
        text.push_str(&datasets::table(facts, findings, room.width, lines));
    }
    text
}

/// A title, a mark and the text, broken at the terminal's width.
fn titled(
    title: &str,
    mark: Option<(AnsiColor, &str, &str)>,
    text: &str,
    look: OutputStyle,
    room: TerminalSize,
) -> String {
    let (mark, mark_chars) = match mark {
        None => (String::new(), 0),
        Some((colour, symbol, word)) => {
            let chars = if look.symbols { symbol } else { word }.chars().count();
            (said(look, colour, symbol, word) + " ", chars + 1)
        }
    };
    let first = format!("{title:<TITLE_CHARS$}{mark}");
    wrapped(&first, TITLE_CHARS + mark_chars, text, room.width)
}

/// The first line of the screen: how things are, in one sentence.
pub(in crate::commands) fn verdict(report: &StatusReport, look: OutputStyle, room: TerminalSize) -> String {
    let (facts, level) = (&report.facts, report.level);
    let word = look.paint(colour(level), level.word());
    let symbol = if look.symbols { format!("{} ", mark(level, look)) } else { String::new() };
    let alive = facts.workers.iter().filter(|worker| worker.alive).count() as u64;
    let last = facts.warehouse.last_row_ms.map_or("no rows yet".to_owned(), |last_ms| {
        format!("last row {} ago", short_duration(elapsed(facts.at_ms, last_ms)))
    });
    let alive = format!("{} alive", counted(alive, "worker"));
    let (waiting, dead) = (count(facts.ready), count(facts.dead));
    let claimed =
        if facts.claimed > 0 { format!(", {} claimed", count(facts.claimed)) } else { String::new() };
    let first = format!("{symbol}IRISPOOL {word}: ");
    let first_chars = "IRISPOOL : ".len() + level.word().len() + if look.symbols { 2 } else { 0 };
    wrapped(
        &first,
        first_chars,
        &format!("{waiting} waiting{claimed}, {alive}, {dead} dead, {last}"),
        room.width,
    )
}

/// `under 1m 12, 1m to 5m 3`: how many messages wait for how long, without empty classes.
fn ages(facts: &Facts) -> String {
    let mut from_s = 0;
    let mut classes = Vec::new();
    for class in &facts.backlog_ages {
        let words = |seconds| short_duration(Duration::from_secs(seconds));
        let name = match class.up_to_s {
            Some(end) if from_s == 0 => format!("under {}", words(end)),
            Some(end) => format!("{} to {}", words(from_s), words(end)),
            None => format!("over {}", words(from_s)),
        };
        from_s = class.up_to_s.unwrap_or(from_s);
        if class.messages > 0 {
            classes.push(format!("{name} {}", count(class.messages)));
        }
    }
    classes.join(", ")
}

/// A worker's mark, and what is known of the worker.
fn worker_line(
    worker: &WorkerFacts,
    at_ms: i64,
) -> (Option<(AnsiColor, &'static str, &'static str)>, String) {
    let who = match worker.pid {
        Some(pid) => format!("{} pid {pid}", plain(&worker.host)),
        None => plain(&worker.name).into_owned(),
    };
    let since = worker
        .since_ms
        .map_or(String::new(), |ms| format!(", since {} ({})", time(ms), short_duration(elapsed(at_ms, ms))));
    let held = counted(worker.claimed, "message");
    if !worker.alive {
        return (Some((AnsiColor::Red, "✘", "dead")), format!("{who}{since}, left {held}"));
    }
    let mut line = format!("{who}{since}");
    if worker.claimed > 0 {
        line.push_str(&format!(", holds {held}"));
    }
    if let Some(hangs_for) = worker.hangs_for(at_ms) {
        line.push_str(&format!(", no round for {}", short_duration(hangs_for)));
        return (Some((AnsiColor::Red, "✘", "hangs")), line);
    }
    if let Some(status) = &worker.status {
        line.push_str(&format!(", {:.1} files/s", status.files_per_second));
        match status.parked.keys().next() {
            _ if status.waits.is_some() => line.push_str(", waits for the warehouse"),
            Some(first) if status.parked.len() == 1 => {
                line.push_str(&format!(", waits to deliver {}", plain(first)));
            }
            Some(_) => {
                line.push_str(&format!(", waits to deliver {} datasets", status.parked.len()));
            }
            None if worker.claimed == 0 => line.push_str(", waits for messages"),
            None => {}
        }
    }
    (Some((AnsiColor::Green, "✔", "alive")), line)
}

fn warehouse(facts: &Facts) -> (Option<(AnsiColor, &'static str, &'static str)>, String) {
    let warehouse = &facts.warehouse;
    let name = plain(&warehouse.name).into_owned();
    let location =
        warehouse.location.as_ref().map_or(String::new(), |location| format!(" in {}", plain(location)));
    match (&warehouse.error, warehouse.answered_ms) {
        (Some(_), _) => (Some((AnsiColor::Red, "✘", "does not answer:")), name),
        (None, Some(ms)) => {
            let superseded = match warehouse.superseded.unwrap_or(0) {
                0 => String::new(),
                contents => format!(
                    ", {} not loaded because newer content was there (irispool_superseded)",
                    counted(contents, "older message")
                ),
            };
            let answer = format!("{name}{location}, answered in {ms} ms{superseded}");
            (Some((AnsiColor::Green, "✔", "answers:")), answer)
        }
        (None, None) => (None, format!("{name}, which does not exist yet: the first run creates it")),
    }
}

fn said(look: OutputStyle, colour: AnsiColor, symbol: &str, word: &str) -> String {
    look.paint(colour, if look.symbols { symbol } else { word })
}

fn mark(level: Level, look: OutputStyle) -> String {
    let symbol = match level {
        Level::Ok => "✔",
        Level::Warning => "!",
        Level::Critical => "✘",
        Level::Unknown => "?",
    };
    said(look, colour(level), symbol, &format!("{}:", level.word().to_lowercase()))
}

fn colour(level: Level) -> AnsiColor {
    match level {
        Level::Ok => AnsiColor::Green,
        Level::Warning => AnsiColor::Yellow,
        Level::Critical => AnsiColor::Red,
        Level::Unknown => AnsiColor::Magenta,
    }
}
