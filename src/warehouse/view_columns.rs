//! What the views of a dataset are made of: their columns, and where each takes its values from.
//!
//! Every warehouse makes its views from this one description, so a view has the same columns and the same values in
//! each. A warehouse only knows how to write the conversions in its own SQL.

use crate::catalog::{ColumnKind, Dataset, Field, LatestRule, is_meta_column};

/// Names that a field has had in other programs' tables, beside the catalog's synonyms. The likeliest name comes
/// first.
const OLD_NAMES: [(&str, &[&str]); 3] = [
    ("settlementPeriod", &["settlementPeriodFrom", "settlementPeriodTo"]),
    ("settlementPeriodFrom", &["settlementPeriod"]),
    ("settlementPeriodTo", &["settlementPeriod"]),
];

/// Where a column of a view takes its value from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ValueOrigin<'a> {
    /// A day in one column and a time of day in another one, as older programs wrote FREQ. Together they are the
    /// time. This origin counts only in rows where the first column holds only a day and the second one only a time
    /// of day.
    DayAndClock { day: &'a Field, clock: &'a Field },
    /// A column of the table.
    Column(&'a Field),
    /// A column of the table whose times of day are in another column. A day alone is not a time there, and above all
    /// not midnight.
    ColumnOfTimes(&'a Field),
    /// The value under this name in the JSON object of the column `rescued`, which did not fit the table's column.
    Rescued(String),
}

/// The columns of both views, but for the meta columns: the catalog's fields in the catalog's order, then the other
/// columns of the IRIS table, then the catalog's older names of fields.
///
/// They have the catalog's kinds. A whole number is a float where the IRIS table takes fractions.
pub(super) fn columns(known: Option<&Dataset>, iris: &[Field]) -> Vec<Field> {
    let mut columns: Vec<Field> = Vec::new();
    let mut add = |field: Field| {
        if !columns.iter().any(|column| column.name.eq_ignore_ascii_case(&field.name)) {
            columns.push(field);
        }
    };
    let synonyms = known.map_or(&[][..], |known| &known.synonyms);
    for field in known.into_iter().flat_map(|known| &known.fields) {
        add(offered(field, &field.name, known, iris));
    }
    for column in iris {
        let is_synonym = synonyms.iter().any(|synonym| synonym.name.eq_ignore_ascii_case(&column.name));
        if !is_meta_column(&column.name) && !is_synonym {
            add(column.clone());
        }
    }
    for synonym in synonyms {
        if let Some(field) = known.and_then(|known| known.field(&synonym.field)) {
            add(offered(field, &synonym.name, known, iris));
        }
    }
    columns
}

fn offered(field: &Field, name: &str, known: Option<&Dataset>, iris: &[Field]) -> Field {
    let takes_fractions =
        |column: &Field| !column.repeated && matches!(column.kind, ColumnKind::Float64 | ColumnKind::Numeric);
    let kind = match field.kind {
        ColumnKind::Int64 if present(&field.name, known, iris).into_iter().any(takes_fractions) => {
            ColumnKind::Float64
        }
        _ => field.kind.clone(),
    };
    Field { name: name.to_owned(), kind, repeated: field.repeated }
}

/// Where a historic table has the value of a view's column, the best origin first. Empty if it does not have the
/// value.
pub(super) fn historic_origins<'a>(
    column: &Field,
    known: Option<&Dataset>,
    historic: &'a [Field],
) -> Vec<ValueOrigin<'a>> {
    origins(column, &present(&column.name, known, historic), historic)
}

/// Where the IRIS table has the value of a view's column, the best origin first.
pub(super) fn iris_origins<'a>(
    column: &Field,
    known: Option<&Dataset>,
    iris: &'a [Field],
    has_rescued: bool,
) -> Vec<ValueOrigin<'a>> {
    let present = present(&column.name, known, iris);
    let holds_all =
        present.first().is_some_and(|first| first.kind == column.kind && first.repeated == column.repeated);
    let is_single = !column.repeated && !matches!(column.kind, ColumnKind::Json | ColumnKind::Record(_));
    let rescued =
        (has_rescued && !holds_all && is_single).then(|| field_name(&column.name, known).to_owned());
    let mut origins = origins(column, &present, iris);
    origins.extend(rescued.map(ValueOrigin::Rescued));
    origins
}

fn origins<'a>(column: &Field, present: &[&'a Field], table: &'a [Field]) -> Vec<ValueOrigin<'a>> {
    let mut origins = Vec::new();
    if column.kind == ColumnKind::Timestamp && !column.repeated {
        let days = days_of(present, table);
        for day in present.iter().copied().chain(days) {
            for clock in present.iter().copied().filter(|clock| clock.name != day.name) {
                if may_hold_a_day(&day.kind) && clock.kind == ColumnKind::String {
                    origins.push(ValueOrigin::DayAndClock { day, clock });
                }
            }
        }
    }
    let may_be_days = |column: &Field| {
        origins
            .iter()
            .any(|origin| matches!(origin, ValueOrigin::DayAndClock { day, .. } if day.name == column.name))
    };
    let columns = present.iter().copied().map(|column| {
        if may_be_days(column) { ValueOrigin::ColumnOfTimes(column) } else { ValueOrigin::Column(column) }
    });
    let columns: Vec<_> = columns.collect();
    origins.extend(columns);
    origins
}

/// Whether a historic table lacks a column of the key. If so, nothing says which of its rows replace which.
pub(super) fn lacks_key(latest: &LatestRule, known: &Dataset, historic: &[Field]) -> bool {
    latest.key.iter().any(|name| present(name, Some(known), historic).is_empty())
}

/// The columns of the key in which null means that the value is not known. A row with such a null replaces no other
/// row and is replaced by none.
pub(super) fn needed_in_key(latest: &LatestRule) -> impl Iterator<Item = &str> {
    latest.key.iter().filter(|name| !latest.optional.contains(name)).map(String::as_str)
}

/// The columns in which a table has a field: under its own name first, then under its other names.
fn present<'a>(name: &str, known: Option<&Dataset>, table: &'a [Field]) -> Vec<&'a Field> {
    let field = field_name(name, known);
    let older = known
        .into_iter()
        .flat_map(|known| &known.synonyms)
        .filter(|synonym| synonym.field.eq_ignore_ascii_case(field))
        .map(|synonym| &*synonym.name);
    let old = known
        .into_iter()
        .flat_map(|_| &OLD_NAMES)
        .filter(|(today, _)| today.eq_ignore_ascii_case(name))
        .flat_map(|(_, old)| old.iter().copied());
    let mut columns: Vec<&Field> = Vec::new();
    for candidate in [name, field].into_iter().chain(older).chain(old) {
        let Some(column) = table.iter().find(|column| column.name.eq_ignore_ascii_case(candidate)) else {
            continue;
        };
        if !columns.iter().any(|have| have.name == column.name) {
            columns.push(column);
        }
    }
    columns
}

/// Today's name of a field that may be named by a synonym.
fn field_name<'a>(name: &'a str, known: Option<&'a Dataset>) -> &'a str {
    known
        .into_iter()
        .flat_map(|known| &known.synonyms)
        .find(|synonym| synonym.name.eq_ignore_ascii_case(name))
        .map_or(name, |synonym| &synonym.field)
}

/// The columns that hold the day of a time whose own columns lack it: `spotDate` beside `spotTime`, or `date`.
fn days_of<'a>(times: &[&Field], table: &'a [Field]) -> Vec<&'a Field> {
    let stems = times.iter().filter_map(|time| {
        let cut = time.name.len().checked_sub("Time".len())?;
        let (stem, end) = time.name.split_at_checked(cut)?;
        end.eq_ignore_ascii_case("Time").then(|| format!("{stem}Date"))
    });
    stems
        .chain(["date".to_owned()])
        .filter_map(|name| table.iter().find(|column| column.name.eq_ignore_ascii_case(&name)))
        .collect()
}

fn may_hold_a_day(kind: &ColumnKind) -> bool {
    matches!(kind, ColumnKind::Date | ColumnKind::Datetime | ColumnKind::Timestamp | ColumnKind::String)
}
