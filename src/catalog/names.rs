//! Maps the names that messages carry to datasets, and datasets to tables.

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::{Dataset, all};
use crate::hashed_name::hashed_name;

/// A dataset's name is part of a table's name, and stays well under every warehouse's limit for those.
const DATASET_NAME_MAX: usize = 64;

/// The dataset that has this canonical or IRIS name, in any case: `E0361` and `cdn` both give CDN.
pub fn find(name: &str) -> Option<&'static Dataset> {
    static BY_NAME: OnceLock<HashMap<String, &'static Dataset>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        let mut by_name = HashMap::new();
        for dataset in all() {
            for alias in &dataset.iris_names {
                by_name.insert(alias.to_ascii_uppercase(), dataset);
            }
            by_name.insert(dataset.name.clone(), dataset);
        }
        by_name
    });
    by_name.get(name).or_else(|| by_name.get(&name.to_ascii_uppercase())).copied()
}

/// The canonical name for the name of any folder, known or not.
///
/// The name of an unknown folder becomes upper case and `[A-Z0-9_]`, at most 64 characters, and is never empty. If that
/// shortens it or replaces characters, it ends with a hash of what it was, so that `日本` and `中国` are two datasets. The
/// canonical name of a canonical name is that name.
pub fn dataset_name(folder: &str) -> String {
    if let Some(dataset) = find(folder) {
        return dataset.name.clone();
    }
    if folder.is_empty() {
        return "UNKNOWN".to_owned();
    }
    let upper = folder.to_ascii_uppercase();
    let plain = upper.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    // `sys-warn` is SYS_WARN.
    if let Some(dataset) = find(&plain) {
        return dataset.name.clone();
    }
    if plain == upper && plain.len() <= DATASET_NAME_MAX {
        return plain;
    }
    hashed_name(folder.as_bytes(), DATASET_NAME_MAX).to_ascii_uppercase()
}

/// Whether Elexon's client writes a dataset's messages into a folder of this name: `E0361` for CDN. A dataset that
/// arrives under several names has the first one. A dataset that nobody knows has its name in upper case.
pub fn is_own_folder(dataset: &str, folder: &str) -> bool {
    let own = find(dataset).and_then(|known| known.iris_names.first()).map_or(dataset, String::as_str);
    folder == own
}

/// The table of a dataset's IRIS rows: `bmrs_boalf_iris`.
pub fn table_name(dataset: &str) -> String {
    format!("{}_iris", base_name(dataset))
}

/// The view of a dataset's historic and IRIS rows together: `bmrs_boalf_unified`.
pub fn view_name(dataset: &str) -> String {
    format!("{}_unified", base_name(dataset))
}

/// The tables in which other programs may have put the dataset's history, the likeliest first: `bmrs_boalf`.
pub fn historic_table_names(dataset: &str) -> Vec<String> {
    let more = find(dataset).map_or(&[][..], |known| &known.more_historic_tables);
    std::iter::once(base_name(dataset)).chain(more.iter().cloned()).collect()
}

fn base_name(dataset: &str) -> String {
    format!("bmrs_{}", dataset_name(dataset).to_ascii_lowercase())
}

/// The dataset that the name of a file begins with: `BOALF` for `BOALF_202510271648_10262.json`. The name of a
/// dataset may contain underscores, so it is everything before a time. `None` if the name has no time, or if the
/// client did not know the dataset either and wrote `unknown`.
pub fn dataset_of_file_name(name: &str) -> Option<String> {
    let (before, _) = name
        .match_indices('_')
        .map(|(at, _)| (&name[..at], &name[at + 1..]))
        .find(|(_, after)| starts_with_time(after))?;
    (!before.is_empty() && !before.eq_ignore_ascii_case("unknown")).then(|| dataset_name(before))
}

/// The minute (UTC) in the name that IRIS gives a message: 16:48 for `BOALF_202510271648_10262.json`. `None` if the
/// name has no time of this form. Old clients made names from their own clock, which have another form.
pub fn minute_of_message_id(name: &str) -> Option<Timestamp> {
    stem_and_minute(name).map(|(_, minute)| minute)
}

/// The stem in the name that IRIS gives a message, which is what stands before the time, and the minute (UTC): `BOALF`
/// and 16:48 for `BOALF_202510271648_10262.json`.
pub fn stem_and_minute(name: &str) -> Option<(&str, Timestamp)> {
    const DIGITS: usize = "YYYYMMDDHHMM".len();
    name.match_indices('_').find_map(|(at, _)| {
        let time = &name.as_bytes()[at + 1..];
        let is_time = time.len() >= DIGITS
            && time[..DIGITS].iter().all(u8::is_ascii_digit)
            && matches!(time.get(DIGITS), None | Some(b'_' | b'.'));
        if !is_time {
            return None;
        }
        let number = |from: usize, end: usize| {
            time[from..end].iter().fold(0, |number, digit| number * 10 + i16::from(digit - b'0'))
        };
        let two = |from: usize| number(from, from + 2) as i8;
        let date = Date::new(number(0, 4), two(4), two(6)).ok()?;
        let time_of_day = Time::new(two(8), two(10), 0, 0).ok()?;
        let minute = TimeZone::UTC.to_timestamp(date.to_datetime(time_of_day)).ok()?;
        Some((&name[..at], minute))
    })
}

/// Whether `text` starts with one of the times that message ids have: `202510271648` (IRIS), `251027T164812` or
/// `20251027T164812` (client.py), `2025-10-27T16-48-12` (the Node and .NET clients). The time must end there, or be
/// followed by `_` or `.`.
fn starts_with_time(text: &str) -> bool {
    const FORMS: [&str; 4] = ["dddddddddddd", "ddddddTdddddd", "ddddddddTdddddd", "dddd-dd-ddTdd-dd-dd"];
    FORMS.iter().any(|form| {
        text.len() >= form.len()
            && form.bytes().zip(text.bytes()).all(|(form, letter)| match form {
                b'd' => letter.is_ascii_digit(),
                other => letter == other,
            })
            && matches!(text.as_bytes().get(form.len()), None | Some(b'_' | b'.'))
    })
}
