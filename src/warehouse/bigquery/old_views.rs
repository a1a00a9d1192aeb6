//! The views that irispool 0.1.0 made, which have no mark: they are known by their description and by their form.
//!
//! Descriptions alone would not do: the console keeps them when somebody changes the text of a view. Nor can the text be
//! compared to the letter, as its columns are those that the tables had then, and emulators write it anew.

use serde_json::Value;

use super::BqDataset;
use super::columns::field_of;
use crate::catalog::{self, is_meta_column};
use crate::warehouse::left_alone::names;

/// What no view of irispool's had, and who changes one is likely to put in.
const FOREIGN: [&str; 9] =
    ["WHERE", "JOIN", "LIMIT", "GROUP", "HAVING", "EXCEPT", "INTERSECT", "WINDOW", "REPLACE"];

/// What its values were brought to today's types with.
const FUNCTIONS: [&str; 17] = [
    "ARRAY_LENGTH",
    "CAST",
    "COALESCE",
    "DATE",
    "DATETIME",
    "FORMAT_DATE",
    "FORMAT_DATETIME",
    "FORMAT_TIMESTAMP",
    "IF",
    "IFNULL",
    "REGEXP_EXTRACT",
    "REGEXP_REPLACE",
    "SAFE_CAST",
    "STRING",
    "TIMESTAMP",
    "TO_JSON_STRING",
    "TRIM",
];

/// Whether it is a view of a dataset as irispool 0.1.0 made it.
pub(super) fn is_old(resource: &Value, place: &BqDataset, dataset: &str, name: &str) -> bool {
    let known = catalog::find(dataset);
    let meaning = known.map_or(dataset, |known| &known.meaning);
    let unified = catalog::view_name(dataset);
    let Some(description) = resource["description"].as_str() else { return false };
    let Some(said) = description.strip_prefix(meaning).and_then(|said| said.strip_prefix(": ")) else {
        return false;
    };
    let query = resource["view"]["query"].as_str().unwrap_or_default();
    if ["/*", "--", "#"].iter().any(|comment| query.contains(comment)) {
        return false;
    }
    let query = words(query);
    let table = |name: &str| format!("{}.{}.{name}", place.project, place.name);
    if name != unified {
        let start = format!("SELECT * FROM {} QUALIFY ", table(&unified));
        let end = "MESSAGE_ID DESC, MESSAGE_ROW DESC) = 1";
        let rest = strip_start(&query, &start).filter(|rest| rest.to_ascii_uppercase().ends_with(end));
        return said == "the rows that none has replaced" && rest.is_some_and(is_plain);
    }
    let historic = match said.strip_prefix("IRIS rows, each once") {
        Some("") => None,
        Some(said) => match said.strip_prefix(", and the history in ") {
            Some(name) if catalog::historic_table_names(dataset).iter().any(|known| known == name) => {
                Some(name)
            }
            _ => return false,
        },
        None => return false,
    };
    let iris = table(&catalog::table_name(dataset));
    let Some(rest) = strip_start(&query, "WITH iris AS (SELECT ") else { return false };
    let Some((columns, rest)) = cut(rest, &format!(" FROM {iris})")) else { return false };
    let (more, rest) = match historic {
        None => ("", rest),
        Some(name) => {
            let Some(rest) = strip_start(rest, ", historic AS (SELECT ") else { return false };
            let Some(parts) = cut(rest, &format!(" FROM {})", table(name))) else { return false };
            parts
        }
    };
    let Some(mut rest) = strip_start(rest, " SELECT * FROM iris") else { return false };
    if historic.is_some() {
        let Some(before) = strip_end(rest, " UNION ALL SELECT * FROM historic") else { return false };
        rest = before;
    }
    let is_newest = rest.is_empty() || strip_start(rest, " QUALIFY message_id IS NULL OR (").is_some();
    let has_one_select = |text: &str| !names(text, "SELECT") && !names(text, "FROM");
    is_newest
        && [columns, more].iter().all(|part| are_conversions(part))
        && [columns, more, rest].iter().all(|part| has_one_select(part) && is_plain(part))
        && has_its_columns(resource, dataset)
}

/// Whether columns come as they are or by way of the functions that there were, and nothing is reckoned.
fn are_conversions(columns: &str) -> bool {
    // What is between quotes is every other part.
    let bare = columns.split('\'').step_by(2).collect::<Vec<_>>().join("''");
    let functions = bare.split('(').rev().skip(1);
    let name = |before: &str| {
        let letters = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
        before.rsplit(letters).next().unwrap_or_default().to_ascii_uppercase()
    };
    !bare.contains(['*', '+', '-', '/', '|', '%', '^', '['])
        && functions.map(name).all(|name| FUNCTIONS.contains(&&*name))
}

/// Whether each column of it is one that the dataset has.
fn has_its_columns(resource: &Value, dataset: &str) -> bool {
    let Some(known) = catalog::find(dataset) else { return true };
    let fields = resource["schema"]["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let has =
        |name: &str| fields.iter().filter_map(field_of).any(|field| field.name.eq_ignore_ascii_case(name));
    fields.is_empty()
        || (known.fields.iter().all(|field| has(&field.name))
            && fields.iter().any(|field| field["name"].as_str().is_some_and(is_meta_column)))
}

fn is_plain(text: &str) -> bool {
    !FOREIGN.iter().any(|word| names(text, word))
}

/// The text with one space between words and none beside brackets, without the quotes of names.
fn words(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.replace('`', "").replace("( ", "(").replace(" )", ")")
}

fn strip_start<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let head = text.get(..start.len())?;
    head.eq_ignore_ascii_case(start).then(|| &text[start.len()..])
}

fn strip_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(end.len())?;
    text.get(at..)?.eq_ignore_ascii_case(end).then(|| &text[..at])
}

fn cut<'a>(text: &'a str, between: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(between)
}
