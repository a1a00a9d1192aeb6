//! Recognises the views of irispool 0.1.0, which have no mark, by their description and by the form of their SQL.
//!
//! The description alone is not enough: Google's console keeps it when somebody changes the SQL of a view. The SQL
//! can't be compared letter by letter, because it has the columns that the tables had then, and emulators rewrite it.

use serde_json::Value;

use super::columns::field_of;
use crate::catalog::{self, is_meta_column};
use crate::warehouse::bigquery::api::BqDataset;
use crate::warehouse::left_alone::names;

/// Words that no view of irispool 0.1.0 had, and that somebody who changes a view is likely to use.
const FOREIGN: [&str; 9] =
    ["WHERE", "JOIN", "LIMIT", "GROUP", "HAVING", "EXCEPT", "INTERSECT", "WINDOW", "REPLACE"];

/// The functions with which irispool 0.1.0 converted values.
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

/// Whether it is a dataset's view as irispool 0.1.0 created it.
pub(super) fn is_old(resource: &Value, bq_dataset: &BqDataset, dataset: &str, name: &str) -> bool {
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
    let table = |name: &str| bq_dataset.full_name(name);
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

/// Whether the columns are plain or use only the functions of irispool 0.1.0, without any arithmetic.
fn are_conversions(columns: &str) -> bool {
    // Every other part is between quotes.
    let bare = columns.split('\'').step_by(2).collect::<Vec<_>>().join("''");
    let functions = bare.split('(').rev().skip(1);
    let name = |before: &str| {
        let letters = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
        before.rsplit(letters).next().unwrap_or_default().to_ascii_uppercase()
    };
    !bare.contains(['*', '+', '-', '/', '|', '%', '^', '['])
        && functions.map(name).all(|name| FUNCTIONS.contains(&&*name))
}

/// Whether the view has all columns of the dataset, and one of irispool's own.
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
