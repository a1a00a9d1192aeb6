//! `irispool dead list`: groups, since a fault seldom comes alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::text::{Align, columns, count, counted, say, size};
use super::reason;
use crate::exit::{Exit, Failure};
use crate::spool::{Letter, Letters, reason_group};

#[derive(Serialize)]
struct Answer {
    letters: u64,
    bytes: u64,
    /// Reports whose messages have gone; retry and drop remove them.
    reports_alone: usize,
    groups: Vec<Group>,
}

/// Letters of one folder with one reason, but for the numbers in it.
#[derive(Serialize)]
struct Group {
    dataset: String,
    reason: String,
    count: u64,
    bytes: u64,
    /// When the first of them failed first, and the last one last; unknown without reports.
    oldest: Option<String>,
    newest: Option<String>,
}

pub(super) fn run(found: &Letters, json: bool) -> Result<Exit, Failure> {
    let answer = Answer {
        letters: found.letters.len() as u64,
        bytes: found.letters.iter().map(|letter| letter.bytes).sum(),
        reports_alone: found.reports_alone.len(),
        groups: groups(&found.letters),
    };
    if json {
        let text = serde_json::to_string_pretty(&answer).expect("counts and text can be written as JSON");
        say(&format!("{text}\n"))?;
    } else {
        say(&table(&answer))?;
    }
    Ok(Exit::Done)
}

/// The largest first.
fn groups(letters: &[Letter]) -> Vec<Group> {
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for letter in letters {
        let (dataset, reason) = (letter.label.clone(), reason_group(&reason(letter)));
        let group = groups.entry((dataset.clone(), reason.clone())).or_insert(Group {
            dataset,
            reason,
            count: 0,
            bytes: 0,
            oldest: None,
            newest: None,
        });
        group.count += 1;
        group.bytes += letter.bytes;
        // Times are text that sorts as they do.
        if let Some(report) = &letter.report {
            let oldest = group.oldest.take().unwrap_or_else(|| report.first_failed_at.clone());
            group.oldest = Some(oldest.min(report.first_failed_at.clone()));
            group.newest = group.newest.take().max(Some(report.last_failed_at.clone()));
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

fn table(answer: &Answer) -> String {
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
                vec![group.dataset.clone(), count(group.count), oldest, newest, group.reason.clone()]
            })
            .collect();
        let header = [
            ("DATASET", Align::Left),
            ("COUNT", Align::Right),
            ("OLDEST", Align::Left),
            ("NEWEST", Align::Left),
            ("REASON", Align::Left),
        ];
        text.push_str(&columns(&header, &rows));
    }
    match answer.letters {
        0 => text.push_str("no dead letters\n"),
        letters => text.push_str(&format!("{}, {}\n", counted(letters, "dead letter"), size(answer.bytes))),
    }
    if answer.reports_alone > 0 {
        let reports = counted(answer.reports_alone as u64, "report");
        text.push_str(&format!("{reports} without a message; the next retry or drop removes them\n"));
    }
    text
}
