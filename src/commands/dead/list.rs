//! `irispool dead list`: the dead letters in groups, because one fault usually makes many of them. A reason is never
//! cut, because a user decides by it what to do about the messages.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::super::table::{Align, columns_and_text, wrapped};
use super::super::terminal::{TerminalSize, say};
use super::super::units::{count, counted, size};
use super::letter::reason;
use crate::exit::{Exit, Failure};
use crate::observe::plain;
use crate::spool::{Letter, Letters, reason_group};

#[derive(Serialize)]
struct DeadList {
    letters: u64,
    bytes: u64,
    /// What the whole of `dead` uses on the disk, including reports and letters that the filter leaves out.
    disk_bytes: u64,
    /// The limit for it; null if there is none.
    disk_bytes_max: Option<u64>,
    /// Reports whose messages are gone; `dead retry` and `dead drop` delete them.
    reports_alone: usize,
    /// Letters that irispool removed because a complete message came.
    gone: u64,
    /// The file that lists them, one JSON object per line.
    gone_file: PathBuf,
    groups: Vec<ReasonGroup>,
}

/// Letters of one folder whose reasons differ only in numbers.
#[derive(Serialize)]
struct ReasonGroup {
    dataset: String,
    reason: String,
    count: u64,
    bytes: u64,
    /// For how many of them a complete message came later that lacks some of their content.
    whole_came: u64,
    /// The first failure of the first letter, and the last failure of the last one; unknown without reports.
    oldest: Option<String>,
    newest: Option<String>,
}

/// What `dead` uses on the disk, and its limit.
#[derive(Clone, Copy)]
pub(super) struct Disk {
    pub(super) bytes: u64,
    pub(super) bytes_max: Option<u64>,
}

pub(super) fn run(
    found: &Letters,
    disk: Disk,
    (gone, gone_file): (u64, PathBuf),
    json: bool,
) -> Result<Exit, Failure> {
    let answer = DeadList {
        letters: found.letters.len() as u64,
        bytes: found.letters.iter().map(|letter| letter.bytes).sum(),
        disk_bytes: disk.bytes,
        disk_bytes_max: disk.bytes_max,
        reports_alone: found.reports_alone.len(),
        gone,
        gone_file,
        groups: groups(&found.letters),
    };
    if json {
        let text = serde_json::to_string_pretty(&answer).expect("counts and text can be written as JSON");
        say(&format!("{text}\n"))?;
    } else {
        say(&screen(&answer, TerminalSize::of_stdout().width))?;
    }
    Ok(Exit::Done)
}

/// The largest first.
fn groups(letters: &[Letter]) -> Vec<ReasonGroup> {
    let mut groups: BTreeMap<(String, String), ReasonGroup> = BTreeMap::new();
    for letter in letters {
        let (dataset, reason) = (letter.label.to_string(), reason_group(&reason(letter)));
        let group = groups.entry((dataset.clone(), reason.clone())).or_insert(ReasonGroup {
            dataset,
            reason,
            count: 0,
            bytes: 0,
            whole_came: 0,
            oldest: None,
            newest: None,
        });
        group.count += 1;
        group.bytes += letter.bytes;
        // The times sort as text.
        if let Some(report) = &letter.report {
            group.whole_came += u64::from(report.whole_came.is_some());
            let oldest = group.oldest.take().unwrap_or_else(|| report.first_failed_at.clone());
            group.oldest = Some(oldest.min(report.first_failed_at.clone()));
            group.newest = group.newest.take().max(Some(report.last_failed_at.clone()));
        }
    }
    let mut groups: Vec<ReasonGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

fn screen(answer: &DeadList, width: Option<usize>) -> String {
    let mut text = String::new();
    if answer.letters > 0 {
        let seconds = |time: &Option<String>| {
            time.as_ref().map_or("-".to_owned(), |time| match time.split_once('.') {
                Some((seconds, _)) => format!("{seconds}Z"),
                None => time.clone(),
            })
        };
        let rows: Vec<Vec<String>> = answer
            .groups
            .iter()
            .map(|group| {
                let times = [seconds(&group.oldest), seconds(&group.newest)];
                let [oldest, newest] = times;
                vec![group.dataset.clone(), count(group.count), oldest, newest]
            })
            .collect();
        let header = [
            ("DATASET", Align::Left),
            ("COUNT", Align::Right),
            ("OLDEST", Align::Left),
            ("NEWEST", Align::Left),
        ];
        let reasons: Vec<&str> = answer.groups.iter().map(|group| &*group.reason).collect();
        text.push_str(&columns_and_text(&header, &rows, "REASON", &reasons, width));
    }
    let mut say = |line: String| text.push_str(&wrapped("", 0, &line, width));
    match answer.letters {
        0 => say("no dead letters".to_owned()),
        letters => {
            let allowed = answer
                .disk_bytes_max
                .map_or("no limit".to_owned(), |bytes| format!("the limit is {}", size(bytes)));
            let (letters, bytes) = (counted(letters, "dead letter"), size(answer.bytes));
            let disk = size(answer.disk_bytes);
            say(format!("{letters}, {bytes}; dead/ uses {disk} on the disk, {allowed}"));
        }
    }
    let whole_came: u64 = answer.groups.iter().map(|group| group.whole_came).sum();
    if whole_came > 0 {
        let letters = counted(whole_came, "dead letter");
        say(format!(
            "{letters} for which a complete message came later that lacks some of the content: irispool dead show"
        ));
    }
    if answer.gone > 0 {
        let (letters, file) = (counted(answer.gone, "dead letter"), answer.gone_file.to_string_lossy());
        say(format!("{letters} removed because a complete message came: {}", plain(&file)));
    }
    if answer.reports_alone > 0 {
        let reports = counted(answer.reports_alone as u64, "report");
        say(format!("{reports} without a message; the next dead retry or dead drop deletes them"));
    }
    text
}
