//! Writes the SQL of the views `bmrs_<dataset>_unified` and `bmrs_<dataset>_latest`. `view_columns` says what their
//! columns are made of. The templates are in `sql/sqlite/`.

use super::columns::TableShape;
use super::text::quoted;
use crate::catalog::{ColumnKind, Dataset, Field, is_meta_column};
use crate::warehouse::template::fill;
use crate::warehouse::view_columns::{self, ValueOrigin};

const UNIFIED_IRIS: &str = include_str!("../../../sql/sqlite/unified_iris.sql");
const UNIFIED: &str = include_str!("../../../sql/sqlite/unified.sql");
const LATEST: &str = include_str!("../../../sql/sqlite/latest.sql");
const DAY_AND_REST: &str = include_str!("../../../sql/sqlite/day_and_rest.sql");
const AS_TIMESTAMP: &str = include_str!("../../../sql/sqlite/as_timestamp.sql");
const AS_TIMESTAMP_OF_TWO: &str = include_str!("../../../sql/sqlite/as_timestamp_of_two.sql");
const AS_DATE: &str = include_str!("../../../sql/sqlite/as_date.sql");
const AS_INTEGER: &str = include_str!("../../../sql/sqlite/as_integer.sql");
const AS_REAL: &str = include_str!("../../../sql/sqlite/as_real.sql");
const AS_TRUTH: &str = include_str!("../../../sql/sqlite/as_truth.sql");
const AS_TEXT: &str = include_str!("../../../sql/sqlite/as_text.sql");
const RESCUED: &str = include_str!("../../../sql/sqlite/rescued.sql");

/// A table that a view reads.
#[derive(Clone, Copy)]
pub(super) struct ViewTable<'a> {
    pub(super) table: &'a str,
    pub(super) shape: &'a TableShape,
}

/// The statement that creates the unified view. `fields` are the data columns of the IRIS table.
pub(super) fn unified(
    view: &str,
    dataset: Option<&Dataset>,
    fields: &[Field],
    iris: ViewTable<'_>,
    historic: Option<ViewTable<'_>>,
) -> String {
    let iris_fields = readable(fields, iris.shape);
    let columns = view_columns::columns(dataset, &iris_fields);
    let has_rescued = iris.shape.column("rescued").is_some();
    let iris_columns = select_list(&columns, |column| {
        let origins = view_columns::iris_origins(column, dataset, &iris_fields, has_rescued);
        value_of(column, &origins, iris.shape.strict)
    });
    let iris_meta = if iris.shape.strict {
        "ingested_utc, source, message_id, message_row, rescued".to_owned()
    } else {
        // An earlier program may not have written the source, and may have written times in another form.
        let ingested = with_day(AS_TIMESTAMP, "ingested_utc", &[]);
        format!(
            "coalesce({ingested}, ingested_utc) AS ingested_utc, ifnull(source, 'IRIS') AS source, message_id, message_row, rescued"
        )
    };
    let view = quoted(view);
    let iris_table = quoted(iris.table);
    let values = [
        ("view", &*view),
        ("iris_columns", &iris_columns),
        ("iris_meta", &iris_meta),
        ("iris_table", &iris_table),
    ];
    let Some(historic) = historic else { return fill(UNIFIED_IRIS, &values) };
    let historic_fields = historic.shape.fields(dataset);
    let historic_columns = select_list(&columns, |column| {
        value_of(column, &view_columns::historic_origins(column, dataset, &historic_fields), false)
    });
    let historic_table = quoted(historic.table);
    let ingested = Field::new("ingested_utc", ColumnKind::Timestamp);
    let ingested_origins = view_columns::historic_origins(&ingested, None, &historic_fields);
    let historic_ingested = value_of(&ingested, &ingested_origins, false);
    let mut values = Vec::from(values);
    values.extend([
        ("historic_columns", &*historic_columns),
        ("historic_table", &historic_table),
        ("historic_ingested_utc", &historic_ingested),
    ]);
    fill(UNIFIED, &values)
}

/// The statement that creates the view of the rows that nothing has replaced. `None` if rows do not replace each
/// other.
pub(super) fn latest(
    view: &str,
    unified_view: &str,
    dataset: &Dataset,
    fields: &[Field],
    iris: &TableShape,
    historic: Option<&TableShape>,
) -> Option<String> {
    let latest = dataset.latest.as_ref()?;
    let columns = view_columns::columns(Some(dataset), &readable(fields, iris));
    let names: Vec<String> = columns.iter().map(|field| quoted(&field.name)).collect();
    // The table may have columns of any name, and the rank needs a name that none of them has.
    let mut rank = "irispool_rank".to_owned();
    while columns.iter().any(|column| column.name.eq_ignore_ascii_case(&rank)) {
        rank.push('_');
    }
    let lacks_key =
        historic.is_some_and(|shape| view_columns::lacks_key(latest, dataset, &shape.fields(Some(dataset))));
    // A time that cannot be read is shown as it is. So it is there, but it is not known.
    let not_known = |name: &str| {
        let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        let name = quoted(name);
        match column.map(|column| &column.kind) {
            Some(ColumnKind::Timestamp) => {
                format!("ifnull({name} NOT GLOB '????-??-??T??:??:??.???Z', TRUE)")
            }
            Some(ColumnKind::Date) => format!("ifnull({name} NOT GLOB '????-??-??', TRUE)"),
            _ => format!("{name} IS NULL"),
        }
    };
    let mut stays: String =
        view_columns::needed_in_key(latest).map(|name| format!(" OR {}", not_known(name))).collect();
    if lacks_key {
        stays.push_str(" OR source = 'HISTORIC'");
    }
    let mut key: Vec<String> = latest.key.iter().map(|name| quoted(name)).collect();
    if lacks_key {
        key.insert(0, "source".to_owned());
    }
    let version: String = latest.version_fields.iter().map(|name| quoted(name) + " DESC, ").collect();
    Some(fill(
        LATEST,
        &[
            ("view", &quoted(view)),
            (
                "columns",
                &format!("{}, ingested_utc, source, message_id, message_row, rescued", names.join(", ")),
            ),
            ("key", &key.join(", ")),
            ("version", &version),
            ("rank", &quoted(&rank)),
            ("stays", &stays),
            ("unified_view", &quoted(unified_view)),
        ],
    ))
}

/// The names of the unified view's columns, without irispool's own.
pub(super) fn column_names(dataset: Option<&Dataset>, fields: &[Field], iris: &TableShape) -> Vec<String> {
    view_columns::columns(dataset, &readable(fields, iris)).into_iter().map(|field| field.name).collect()
}

/// The columns of the IRIS table that people can read: those that take a message's fields, and those that the
/// database fills.
fn readable(fields: &[Field], iris: &TableShape) -> Vec<Field> {
    let mut readable = fields.to_vec();
    for column in iris.columns.iter().filter(|column| !is_meta_column(&column.name)) {
        if !readable.iter().any(|field| field.name.eq_ignore_ascii_case(&column.name)) {
            readable.push(Field::new(column.name.clone(), ColumnKind::String));
        }
    }
    readable
}

/// The columns, each with a comma behind it, so that there may be none: `"a",`.
fn select_list(columns: &[Field], value_of: impl Fn(&Field) -> String) -> String {
    columns
        .iter()
        .map(|column| {
            let (value, name) = (value_of(column), quoted(&column.name));
            if value == name { format!("{name},\n  ") } else { format!("{value} AS {name},\n  ") }
        })
        .collect()
}

/// The first of the origins that has a value of the column's kind. `is_strict` says that the table holds values in
/// the forms of their kinds already. Then a plain column stays plain, so that its index can be used.
fn value_of(column: &Field, origins: &[ValueOrigin<'_>], is_strict: bool) -> String {
    let mut values: Vec<String> = origins.iter().map(|origin| converted(column, origin, is_strict)).collect();
    // A time that cannot be read is shown as it is.
    if matches!(column.kind, ColumnKind::Timestamp | ColumnKind::Date) && !column.repeated {
        values.extend(origins.iter().filter_map(|origin| match origin {
            ValueOrigin::Column(from) | ValueOrigin::ColumnOfTimes(from) => Some(named_like(from, column)),
            ValueOrigin::DayAndClock { .. } | ValueOrigin::Rescued(_) => None,
        }));
        values.dedup();
    }
    match values.as_slice() {
        [] => "NULL".into(),
        [one] => one.clone(),
        several => format!("coalesce({})", several.join(", ")),
    }
}

/// The value of one origin, or NULL if it is not of the column's kind.
fn converted(column: &Field, origin: &ValueOrigin<'_>, is_strict: bool) -> String {
    match origin {
        ValueOrigin::DayAndClock { day, clock } => {
            with_day(AS_TIMESTAMP_OF_TWO, &quoted(&day.name), &[("clock", &quoted(&clock.name))])
        }
        ValueOrigin::Column(from) => {
            let value = named_like(from, column);
            let is_plain = is_strict && from.kind == column.kind && from.repeated == column.repeated;
            if is_plain { value } else { convert(&value, column) }
        }
        ValueOrigin::ColumnOfTimes(from) => {
            let value = named_like(from, column);
            format!("CASE WHEN length(trim({value})) > 10 THEN {} END", convert(&value, column))
        }
        ValueOrigin::Rescued(name) => {
            let path = format!("$.\"{name}\"").replace('\'', "''");
            convert(&fill(RESCUED, &[("path", &path)]), column)
        }
    }
}

fn convert(value: &str, column: &Field) -> String {
    let template = match column.kind {
        _ if column.repeated => return value.to_owned(),
        ColumnKind::Timestamp | ColumnKind::Datetime => return with_day(AS_TIMESTAMP, value, &[]),
        ColumnKind::Date => return with_day(AS_DATE, value, &[]),
        ColumnKind::Int64 => AS_INTEGER,
        ColumnKind::Float64 | ColumnKind::Numeric => AS_REAL,
        ColumnKind::Bool => AS_TRUTH,
        ColumnKind::String => AS_TEXT,
        ColumnKind::Json | ColumnKind::Record(_) => return value.to_owned(),
    };
    fill(template, &[("column", value)])
}

/// Fills a template that needs the day at the beginning of `value`.
fn with_day(template: &str, value: &str, values: &[(&str, &str)]) -> String {
    let day_and_rest = fill(DAY_AND_REST, &[("column", value)]);
    fill(template, &[values, &[("column", value), ("day_and_rest", &*day_and_rest)]].concat())
}

/// A column's name in quotes, spelt as in the view if they differ only in case, so that a plain column stays plain.
fn named_like(from: &Field, column: &Field) -> String {
    if from.name.eq_ignore_ascii_case(&column.name) { quoted(&column.name) } else { quoted(&from.name) }
}
