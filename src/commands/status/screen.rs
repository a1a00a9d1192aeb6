//! The screen of `irispool status`.

use std::time::Duration;

use anstyle::AnsiColor;

use super::super::text::{Align, Look, age, columns, count, counted, size, time};
use crate::health::{Facts, Finding, Level, WorkerFacts, level_of};
use crate::observe::plain;

/// The verdict, what is wrong and what to do, and then the facts. The first line alone says how things are, for those
/// who show just that.
pub(super) fn draw(facts: &Facts, findings: &[Finding], look: Look) -> String {
    let mut text = String::new();
    text.push_str(&verdict(facts, level_of(findings), look));
    for finding in findings {
        let mark = mark(finding.level, look);
        text.push_str(&format!("  {mark} {}\n      {}\n", plain(&finding.what), plain(&finding.hint)));
    }
    if !facts.datasets.is_empty() {
        text.push('\n');
        text.push_str(&datasets(facts));
    }
    if facts.ready > 0 {
        text.push_str(&format!("\nwaiting, by age: {}\n", ages(facts)));
    }
    text.push('\n');
    if facts.workers.is_empty() {
        text.push_str("workers    none\n");
    }
    for (place, worker) in facts.workers.iter().enumerate() {
        let title = if place == 0 { "workers" } else { "" };
        text.push_str(&format!("{title:<10} {}\n", worker_line(worker, facts.at_ms, look)));
    }
    text.push_str(&format!("warehouse  {}\n", warehouse(facts, look)));
    for (place, disk) in facts.disks.iter().enumerate() {
        let title = if place == 0 { "disk" } else { "" };
        let free = size(disk.free_bytes);
        text.push_str(&format!(
            "{title:<10} {} {} % used, {free} free\n",
            disk.path.display(),
            disk.percent_used
        ));
    }
    text
}

fn verdict(facts: &Facts, level: Level, look: Look) -> String {
    let word = look.paint(colour(level), level.word());
    let symbol = if look.symbols { format!("{} ", mark(level, look)) } else { String::new() };
    let alive = facts.workers.iter().filter(|worker| worker.alive).count() as u64;
    let last = facts.warehouse.last_row_ms.map_or("no rows yet".to_owned(), |last_ms| {
        format!("last row {} ago", age(since(facts.at_ms, last_ms)))
    });
    let alive = format!("{} alive", counted(alive, "worker"));
    let waiting = format!("{} waiting", counted(facts.ready, "message"));
    let dead = counted(facts.dead, "dead letter");
    format!("{symbol}IRISPOOL {word}: {waiting}, {alive}, {dead}, {last}\n")
}

fn datasets(facts: &Facts) -> String {
    let header = [
        ("DATASET", Align::Left),
        ("READY", Align::Right),
        ("OLDEST", Align::Right),
        ("CLAIMED", Align::Right),
        ("DEAD", Align::Right),
        ("LAST ROW", Align::Left),
        ("AGO", Align::Right),
        ("ROWS 1H", Align::Right),
        ("ROWS 24H", Align::Right),
    ];
    let unknown = || "-".to_owned();
    let ago = |ms: Option<i64>| ms.map_or_else(unknown, |ms| age(since(facts.at_ms, ms)));
    let rows = facts.datasets.iter().map(|(name, dataset)| {
        let last_row_ms = dataset.flow.as_ref().and_then(|flow| flow.last_row_ms);
        let rows = |of: fn(&crate::health::Flow) -> u64| {
            dataset.flow.as_ref().map_or_else(unknown, |flow| count(of(flow)))
        };
        vec![
            name.clone(),
            count(dataset.ready),
            ago(dataset.oldest_ready_ms),
            count(dataset.claimed),
            count(dataset.dead),
            last_row_ms.map_or_else(unknown, time),
            ago(last_row_ms),
            rows(|flow| flow.rows_hour),
            rows(|flow| flow.rows_day),
        ]
    });
    columns(&header, &rows.collect::<Vec<_>>())
}

/// `under 1m 12, 1m to 5m 3`; classes with nothing in them are left out.
fn ages(facts: &Facts) -> String {
    let mut from_s = 0;
    let mut classes = Vec::new();
    for class in &facts.backlog_ages {
        let words = |seconds| age(Duration::from_secs(seconds));
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

fn worker_line(worker: &WorkerFacts, at_ms: i64, look: Look) -> String {
    let who = match worker.pid {
        Some(pid) => format!("{} pid {pid}", plain(&worker.host)),
        None => plain(&worker.name).into_owned(),
    };
    let since = worker
        .since_ms
        .map_or(String::new(), |ms| format!(", since {} ({})", time(ms), age(since(at_ms, ms))));
    let held = counted(worker.claimed, "message");
    if !worker.alive {
        let state = said(look, AnsiColor::Red, "✘", "dead");
        return format!("{state} {who}{since}, leaves {held}");
    }
    let state = said(look, AnsiColor::Green, "✔", "alive");
    let doing = worker.news.as_ref().map_or(String::new(), |news| {
        let waits = match news.parked.keys().next() {
            Some(first) if news.parked.len() == 1 => format!(", waits for the warehouse to take {first}"),
            Some(_) => format!(", waits for the warehouse to take {} tables", news.parked.len()),
            None if worker.claimed == 0 => ", waits for messages".to_owned(),
            None => String::new(),
        };
        format!(", {:.1} files/s over the last minute{waits}", news.files_per_second)
    });
    format!("{state} {who}{since}, holds {held}{doing}")
}

fn warehouse(facts: &Facts, look: Look) -> String {
    let warehouse = &facts.warehouse;
    let name = plain(&warehouse.name);
    match (&warehouse.error, warehouse.answered_ms) {
        (Some(_), _) => format!("{} {name}", said(look, AnsiColor::Red, "✘", "does not answer:")),
        (None, Some(ms)) => {
            format!("{} {name}, answered in {ms} ms", said(look, AnsiColor::Green, "✔", "answers:"))
        }
        (None, None) if warehouse.there => name.into_owned(),
        (None, None) => format!("{name}, not there yet: the first run makes it"),
    }
}

fn said(look: Look, colour: AnsiColor, symbol: &str, word: &str) -> String {
    if look.symbols { look.paint(colour, symbol) } else { word.to_owned() }
}

fn mark(level: Level, look: Look) -> String {
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

fn since(now_ms: i64, then_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms - then_ms).unwrap_or(0))
}
