//! The table of datasets on the screen of `irispool status`, cut to the size of the terminal.

use super::super::table::{Align, columns, cut};
use super::super::units::{count, elapsed, short_duration, time};
use crate::health::{DatasetFacts, DatasetFlow, Facts, Finding};

/// The shortest that a name is cut to.
const NAME_CHARS_MIN: usize = 12;

/// `lines` is the number of lines on the screen. If there are more datasets, those that need attention come first.
pub(super) fn table(
    facts: &Facts,
    findings: &[Finding],
    width: Option<usize>,
    lines: Option<usize>,
) -> String {
    let mut datasets: Vec<(&String, &DatasetFacts)> = facts.datasets.iter().collect();
    let all = datasets.len();
    // One line is the header, and one says how many are left out.
    let shown = lines.filter(|lines| *lines < all + 1).map_or(all, |lines| lines.saturating_sub(2).max(1));
    let is_found = |name: &str| findings.iter().any(|finding| finding.key.dataset() == Some(name));
    let is_busy =
        |(name, of): &(&String, &DatasetFacts)| of.ready + of.claimed + of.dead > 0 || is_found(name);
    let mut more = String::new();
    if shown < all {
        // First datasets with findings, then with dead letters, then the longest queues, then with claimed messages.
        datasets.sort_by_key(|(name, of)| {
            (!is_found(name), of.dead == 0, std::cmp::Reverse(of.ready), of.claimed == 0)
        });
        let left = datasets.split_off(shown);
        let quiet = if left.iter().any(is_busy) { "" } else { " without waiting, claimed or dead messages" };
        more = format!("and {} more{quiet}: --all shows them\n", left.len());
    }
    fitting(facts, &datasets, width) + &more
}

/// The widest form of the table that fits.
fn fitting(facts: &Facts, datasets: &[(&String, &DatasetFacts)], width: Option<usize>) -> String {
    let width_of = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let wide = draw(facts, datasets, true, usize::MAX);
    let Some(width) = width.filter(|width| width_of(&wide) > *width) else { return wide };
    let narrow = draw(facts, datasets, false, usize::MAX);
    let excess = width_of(&narrow).saturating_sub(width);
    if excess == 0 {
        return narrow;
    }
    let name_chars = datasets.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    draw(facts, datasets, false, name_chars.saturating_sub(excess).max(NAME_CHARS_MIN))
}

/// `has_times` adds the time of the last row.
fn draw(
    facts: &Facts,
    datasets: &[(&String, &DatasetFacts)],
    has_times: bool,
    name_chars_max: usize,
) -> String {
    let mut header = vec![
        ("DATASET", Align::Left),
        ("READY", Align::Right),
        ("OLDEST", Align::Right),
        ("CLAIMED", Align::Right),
        ("DEAD", Align::Right),
        ("LAST ROW", Align::Right),
        ("ROWS 1H", Align::Right),
        ("ROWS 24H", Align::Right),
    ];
    if has_times {
        header.insert(6, ("AT", Align::Left));
    }
    let number = |number: u64| if number == 0 { "-".to_owned() } else { count(number) };
    let ago =
        |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), |ms| short_duration(elapsed(facts.at_ms, ms)));
    let rows = datasets.iter().map(|(name, dataset)| {
        let flow = dataset.flow.as_ref();
        let rows = |of: fn(&DatasetFlow) -> u64| flow.map_or_else(|| "?".to_owned(), |flow| number(of(flow)));
        let last_row_ms = flow.and_then(|flow| flow.last_row_ms);
        let last_row = match flow {
            None => "?".to_owned(),
            Some(_) => ago(last_row_ms),
        };
        let mut row = vec![
            cut(name, name_chars_max),
            number(dataset.ready),
            ago(dataset.oldest_ms),
            number(dataset.claimed),
            number(dataset.dead),
            last_row,
            rows(|flow| flow.rows_hour),
            rows(|flow| flow.rows_day),
        ];
        if has_times {
            row.insert(6, last_row_ms.map_or_else(|| "-".to_owned(), time));
        }
        row
    });
    columns(&header, &rows.collect::<Vec<_>>())
}
