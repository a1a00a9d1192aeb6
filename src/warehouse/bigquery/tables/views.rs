//! The SQL of the views `bmrs_<dataset>_unified` and `bmrs_<dataset>_latest`. Pure.
//!
//! The module `view_columns` says which columns the views have and where each takes its values from, for every
//! warehouse. This module writes that in BigQuery's SQL, with the templates in `sql/bigquery/`.

pub use super::live_table::LiveTable;
use super::live_table::live_type;
use super::sql::{convert, convert_if, fill, literal, null, quoted};
use crate::catalog::{self, ColumnKind, Dataset, Field};
use crate::warehouse::bigquery::api::BqDataset;
use crate::warehouse::mark;
use crate::warehouse::view_columns::{self, ValueOrigin};

const UNIFIED: &str = include_str!("../../../../sql/bigquery/unified.sql");
const UNIFIED_IRIS: &str = include_str!("../../../../sql/bigquery/unified_iris.sql");
const NEWEST: &str = include_str!("../../../../sql/bigquery/newest.sql");
const LATEST: &str = include_str!("../../../../sql/bigquery/latest.sql");

/// The columns of a historic table that may have the value of `ingested_utc`. No other value of irispool's own columns
/// comes from a historic table.
const HISTORIC_INGESTED: [&str; 2] = ["ingested_utc", "_ingested_utc"];

/// A view, and the statement that creates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Without project and dataset: `bmrs_boalf_unified`.
    pub name: String,
    /// `CREATE OR REPLACE VIEW …`, one statement without a semicolon, for people.
    pub sql: String,
    /// The query in `sql`: what follows `AS`.
    pub query: String,
    /// The description that BigQuery shows with the view.
    pub description: String,
    /// The names of the columns of a unified view; empty for another.
    pub columns: Vec<String>,
}

impl View {
    fn new(name: String, sql: &str, description: String, columns: Vec<String>) -> View {
        let sql = sql.trim_end().to_owned();
        let query =
            sql.split_once("\nAS\n").expect("a view's template has AS on a line of its own").1.to_owned();
        View { name, sql, query, description, columns }
    }

    /// [`Self::sql`] with the mark by which irispool knows its own views.
    pub(super) fn marked_sql(&self) -> String {
        let head = &self.sql[..self.sql.len() - self.query.len()];
        head.to_owned() + &mark::marked(&self.query)
    }
}

/// The unified view: a dataset's historic rows and IRIS rows together.
///
/// Its columns are the catalog's fields in the catalog's order, then the other columns of the IRIS table, then the
/// catalog's older names of fields, then `ingested_utc`, `source`, `message_id`, `message_row`, `rescued`. They have
/// the catalog's types, except that nested values are JSON text, and that a whole number is FLOAT64 if the IRIS table
/// takes fractions in its column.
pub fn unified(
    bq_dataset: &BqDataset,
    dataset: &str,
    iris: &LiveTable,
    historic: Option<&LiveTable>,
) -> View {
    let known = catalog::find(dataset);
    let columns = view_columns(known, iris);
    let has_rescued = iris.column("rescued").is_some_and(|column| {
        !column.repeated && matches!(column.kind, ColumnKind::String | ColumnKind::Json)
    });
    let name = catalog::view_name(dataset);
    let rows = historic.map_or_else(
        || "IRIS rows, each once".to_owned(),
        |historic| format!("IRIS rows, each once, and the history in {}", historic.name),
    );
    let description = match known {
        Some(known) => format!("{}: {rows}", known.meaning),
        None => format!("{dataset}: {rows}"),
    };
    let mut iris_columns: Vec<String> = columns
        .iter()
        .map(|column| {
            column.select_from(
                &view_columns::iris_origins(&column.field, known, &iris.columns, has_rescued),
                iris,
            )
        })
        .collect();
    iris_columns.extend(iris_meta(iris));
    let (view, said) = (quoted_in(bq_dataset, &name), literal(&description));
    let names: Vec<String> = columns.iter().map(|column| column.field.name.clone()).collect();
    let names = names.into_iter().chain(catalog::META_COLUMNS.map(str::to_owned)).collect();
    let (iris_columns, iris_table) = (iris_columns.join(",\n    "), quoted_in(bq_dataset, &iris.name));
    let newest = newest(&columns, iris);
    let mut values = vec![
        ("view", &*view),
        ("description", &said),
        ("iris_columns", &iris_columns),
        ("iris_table", &iris_table),
        ("newest", &newest),
    ];
    let Some(historic) = historic else {
        return View::new(name, &fill(UNIFIED_IRIS, &values), description, names);
    };
    let mut historic_columns: Vec<String> = columns
        .iter()
        .map(|column| {
            column.select_from(
                &view_columns::historic_origins(&column.field, known, &historic.columns),
                historic,
            )
        })
        .collect();
    historic_columns.extend(historic_meta(historic));
    let (historic_columns, historic_table) =
        (historic_columns.join(",\n    "), quoted_in(bq_dataset, &historic.name));
    values.extend([("historic_columns", &*historic_columns), ("historic_table", &historic_table)]);
    View::new(name, &fill(UNIFIED, &values), description, names)
}

/// The latest view: the rows that no later row has replaced. It reads the unified view. `None` if the rows of the
/// dataset do not replace one another one for one.
pub fn latest(
    bq_dataset: &BqDataset,
    dataset: &str,
    iris: &LiveTable,
    historic: Option<&LiveTable>,
) -> Option<View> {
    let known = catalog::find(dataset)?;
    let latest = known.latest.as_ref()?;
    let columns = view_columns(Some(known), iris);
    // BigQuery can't group by FLOAT64.
    let mut key: Vec<String> = latest
        .key
        .iter()
        .map(|name| match columns.iter().find(|column| column.field.name.eq_ignore_ascii_case(name)) {
            Some(ViewColumn { kind: "FLOAT64", .. }) => convert(&quoted(name), "FLOAT64", "STRING"),
            _ => quoted(name),
        })
        .collect();
    let all_historic =
        historic.is_some_and(|historic| view_columns::lacks_key(latest, known, &historic.columns));
    let mut stays: String =
        view_columns::needed_in_key(latest).map(|name| format!("{} IS NULL OR ", quoted(name))).collect();
    if all_historic {
        stays.push_str("source = 'HISTORIC' OR ");
        key.insert(0, "source".to_owned());
    }
    let version: String = latest.version_fields.iter().map(|name| quoted(name) + " DESC, ").collect();
    let unified_name = catalog::view_name(dataset);
    let name = format!("{}_latest", unified_name.trim_end_matches("_unified"));
    let description = format!("{}: the rows that none has replaced", known.meaning);
    let sql = fill(
        LATEST,
        &[
            ("view", &quoted_in(bq_dataset, &name)),
            ("description", &literal(&description)),
            ("unified_view", &quoted_in(bq_dataset, &unified_name)),
            ("stays", &stays),
            ("key", &key.join(", ")),
            ("version", &version),
        ],
    );
    Some(View::new(name, &sql, description, Vec::new()))
}

fn quoted_in(bq_dataset: &BqDataset, name: &str) -> String {
    quoted(&bq_dataset.full_name(name))
}

struct ViewColumn {
    field: Field,
    kind: &'static str,
}

impl ViewColumn {
    /// `expression AS name`: the first value that is not null, by the order of the origins.
    fn select_from(&self, origins: &[ValueOrigin<'_>], table: &LiveTable) -> String {
        let values: Vec<String> =
            origins.iter().filter_map(|origin| self.value_from(origin, table)).collect();
        let value = match values.as_slice() {
            [] => null(self.kind),
            [one] => one.clone(),
            several => format!("COALESCE({})", several.join(", ")),
        };
        named(&value, &self.field.name)
    }

    fn value_from(&self, origin: &ValueOrigin<'_>, table: &LiveTable) -> Option<String> {
        let of = |column: &Field, to| convert_if(&quoted(&column.name), table.live_type(column), to);
        match origin {
            ValueOrigin::DayAndClock { day, clock } => {
                Some(format!("TIMESTAMP(DATETIME({}, {}), 'UTC')", of(day, "DAY")?, of(clock, "CLOCK")?))
            }
            ValueOrigin::Column(column) => Some(of(column, self.kind).unwrap_or_else(|| null(self.kind))),
            ValueOrigin::ColumnOfTimes(column) => match table.live_type(column) {
                "DATE" => None,
                "STRING" => {
                    let name = quoted(&column.name);
                    Some(format!("IF(LENGTH(TRIM({name})) > 10, {}, NULL)", of(column, self.kind)?))
                }
                _ => of(column, self.kind),
            },
            ValueOrigin::Rescued(name) => {
                let value = format!("JSON_VALUE(`rescued`, {})", literal(&format!("$.\"{name}\"")));
                convert_if(&value, "STRING", self.kind)
            }
        }
    }
}

/// The view's columns without irispool's own.
fn view_columns(known: Option<&Dataset>, iris: &LiveTable) -> Vec<ViewColumn> {
    let columns = view_columns::columns(known, &iris.columns).into_iter();
    columns.map(|field| ViewColumn { kind: offered_type(&field), field }).collect()
}

/// The type that a column of that type has in a view.
fn offered_type(field: &Field) -> &'static str {
    match live_type(field) {
        "ARRAY" | "RECORD" | "JSON" => "STRING",
        "DATETIME" => "TIMESTAMP",
        // Both NUMERIC and BIGNUMERIC.
        "NUMERIC" => "BIGNUMERIC",
        kind => kind,
    }
}

fn named(value: &str, name: &str) -> String {
    let name = quoted(name);
    if value == name { name } else { format!("{value} AS {name}") }
}

fn iris_meta(iris: &LiveTable) -> [String; 5] {
    let value = |name: &str, kind: &str| match iris.column(name) {
        Some(column) => convert(&quoted(&column.name), live_type(column), kind),
        None => null(kind),
    };
    let source = match iris.column("source") {
        // An earlier program may have left the value out.
        Some(_) => format!("IFNULL({}, 'IRIS')", value("source", "STRING")),
        None => "'IRIS'".to_owned(),
    };
    [
        named(&value("ingested_utc", "TIMESTAMP"), "ingested_utc"),
        named(&source, "source"),
        named(&value("message_id", "STRING"), "message_id"),
        named(&value("message_row", "INT64"), "message_row"),
        named(&value("rescued", "STRING"), "rescued"),
    ]
}

fn historic_meta(historic: &LiveTable) -> [String; 5] {
    let ingested = HISTORIC_INGESTED.iter().find_map(|name| historic.column(name)).map_or_else(
        || null("TIMESTAMP"),
        |column| convert(&quoted(&column.name), live_type(column), "TIMESTAMP"),
    );
    [
        named(&ingested, "ingested_utc"),
        named("'HISTORIC'", "source"),
        named(&null("STRING"), "message_id"),
        named(&null("INT64"), "message_row"),
        named(&null("STRING"), "rescued"),
    ]
}

/// The clause that keeps each row of each message once; empty if the table has no columns that tell rows apart.
fn newest(columns: &[ViewColumn], iris: &LiveTable) -> String {
    if iris.column("message_id").is_none() || iris.column("message_row").is_none() {
        return String::new();
    }
    // A time of delivery must not be part of it: the repeats of a row differ in that.
    let partition = iris
        .partition_field
        .iter()
        .filter_map(|field| columns.iter().find(|column| column.field.name.eq_ignore_ascii_case(field)))
        .find(|column| column.kind != "FLOAT64")
        .map_or(String::new(), |column| format!(", {}", quoted(&column.field.name)));
    fill(NEWEST, &[("partition", &partition)]) + "\n"
}
