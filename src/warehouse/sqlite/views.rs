//! The views `bmrs_<dataset>_unified` and `bmrs_<dataset>_latest`: which columns they have and where each comes from.
//! Their SQL stands in `sql/sqlite/`.

use super::columns::Shape;
use super::text::{fill, quoted};
use crate::catalog::{Dataset, Field, Kind, is_meta_column};

const UNIFIED_IRIS: &str = include_str!("../../../sql/sqlite/unified_iris.sql");
const UNIFIED: &str = include_str!("../../../sql/sqlite/unified.sql");
const LATEST: &str = include_str!("../../../sql/sqlite/latest.sql");
const AS_TIMESTAMP: &str = include_str!("../../../sql/sqlite/as_timestamp.sql");
const AS_DATE: &str = include_str!("../../../sql/sqlite/as_date.sql");

/// A table that a view reads.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) table: &'a str,
    pub(super) shape: &'a Shape,
}

/// The statement that makes the unified view. `fields` are the data columns of the IRIS table.
pub(super) fn unified(
    view: &str,
    dataset: Option<&Dataset>,
    fields: &[Field],
    iris: Source<'_>,
    historic: Option<Source<'_>>,
) -> String {
    let columns = view_columns(dataset, fields, iris.shape);
    // A table that irispool made holds every time in its form already, and its index on it can be used.
    let iris_columns = select_list(&columns, iris.shape, dataset, !iris.shape.strict);
    let view = quoted(view);
    let iris_table = quoted(iris.table);
    let places = [("view", &*view), ("iris_columns", &iris_columns), ("iris_table", &iris_table)];
    let Some(historic) = historic else { return fill(UNIFIED_IRIS, &places) };
    let historic_columns = select_list(&columns, historic.shape, dataset, true);
    let historic_table = quoted(historic.table);
    let ingested = Field::new("ingested_utc", Kind::Timestamp);
    let historic_ingested = expression(&ingested, historic.shape, None, true);
    let mut places = Vec::from(places);
    places.extend([
        ("historic_columns", &*historic_columns),
        ("historic_table", &historic_table),
        ("historic_ingested_utc", &historic_ingested),
    ]);
    fill(UNIFIED, &places)
}

/// The statement that makes the view of the rows that nothing has replaced; `None` where rows don't replace each other.
pub(super) fn latest(
    view: &str,
    unified_view: &str,
    dataset: &Dataset,
    fields: &[Field],
    iris: &Shape,
) -> Option<String> {
    let latest = dataset.latest.as_ref()?;
    let names: Vec<String> =
        view_columns(Some(dataset), fields, iris).iter().map(|field| quoted(&field.name)).collect();
    let columns = format!("{}, ingested_utc, source, message_id, message_row, rescued", names.join(", "));
    let key: Vec<String> = latest.key.iter().map(|name| quoted(name)).collect();
    let version: String = latest.version_fields.iter().map(|name| quoted(name) + " DESC, ").collect();
    Some(fill(
        LATEST,
        &[
            ("view", &quoted(view)),
            ("columns", &columns),
            ("key", &key.join(", ")),
            ("version", &version),
            ("unified_view", &quoted(unified_view)),
        ],
    ))
}

/// The names of the unified view's columns, without irispool's own.
pub(super) fn column_names(dataset: Option<&Dataset>, fields: &[Field], iris: &Shape) -> Vec<String> {
    view_columns(dataset, fields, iris).into_iter().map(|field| field.name).collect()
}

/// The view's columns: the table's own, then the catalog's that it lacks, then the older names.
fn view_columns(dataset: Option<&Dataset>, fields: &[Field], iris: &Shape) -> Vec<Field> {
    let mut columns = fields.to_vec();
    let mut add = |field: Field| {
        if !columns.iter().any(|column| column.name.eq_ignore_ascii_case(&field.name)) {
            columns.push(field);
        }
    };
    // Columns that the database fills are no place for a message's fields, but people may read them.
    let unwritten = iris.columns.iter().filter(|column| !is_meta_column(&column.name));
    unwritten.for_each(|column| add(Field::new(column.name.clone(), Kind::String)));
    if let Some(dataset) = dataset {
        dataset.fields.iter().for_each(|field| add(field.clone()));
        for synonym in &dataset.synonyms {
            let like = dataset.field(&synonym.field);
            let kind = like.map_or(Kind::String, |field| field.kind.clone());
            add(Field {
                name: synonym.name.clone(),
                kind,
                repeated: like.is_some_and(|field| field.repeated),
            });
        }
    }
    columns
}

/// `"a",` and so on: each column with a comma behind it, so that there may be none.
fn select_list(columns: &[Field], from: &Shape, dataset: Option<&Dataset>, any_form: bool) -> String {
    columns
        .iter()
        .map(|field| {
            let value = expression(field, from, dataset, any_form);
            let name = quoted(&field.name);
            if value == name { format!("{name},\n  ") } else { format!("{value} AS {name},\n  ") }
        })
        .collect()
}

/// Where a column's value is in a table: under its own name, or under another name of the same field.
fn expression(field: &Field, from: &Shape, dataset: Option<&Dataset>, any_form: bool) -> String {
    let present: Vec<String> = same_field(&field.name, dataset)
        .into_iter()
        .filter_map(|name| from.column(name))
        .map(|column| quoted(&column.name))
        .collect();
    let value = match present.as_slice() {
        [] => return "NULL".into(),
        // The column's name as the view has it, so that a plain column stays one.
        [one] if one.eq_ignore_ascii_case(&quoted(&field.name)) => quoted(&field.name),
        [one] => one.clone(),
        several => format!("coalesce({})", several.join(", ")),
    };
    match field.kind {
        Kind::Timestamp if any_form && !field.repeated => fill(AS_TIMESTAMP, &[("column", &value)]),
        Kind::Date if any_form && !field.repeated => fill(AS_DATE, &[("column", &value)]),
        _ => value,
    }
}

/// All names of one field, `name` first.
fn same_field<'a>(name: &'a str, dataset: Option<&'a Dataset>) -> Vec<&'a str> {
    let Some(dataset) = dataset else { return vec![name] };
    let synonyms = || dataset.synonyms.iter();
    let field = synonyms()
        .find(|synonym| synonym.name.eq_ignore_ascii_case(name))
        .map_or(name, |synonym| synonym.field.as_str());
    let mut names = vec![name];
    for other in std::iter::once(field).chain(
        synonyms()
            .filter(|synonym| synonym.field.eq_ignore_ascii_case(field))
            .map(|synonym| synonym.name.as_str()),
    ) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(other)) {
            names.push(other);
        }
    }
    names
}
