//! One oracle for the views of both warehouses: the same historic and IRIS rows go into SQLite and into BigQuery (Google's
//! reference implementation and an emulator), and every view gives the same rows and values, each of the column's type.

use super::views_cases::{CASES, Case, META, Table};
use crate::support::bigquery_sql::{Analysis, Emulator, installed};
use irispool::catalog::Field;
use irispool::warehouse::Warehouse;
use irispool::warehouse::bigquery::BqDataset;
use irispool::warehouse::bigquery::views::{self, LiveTable};

/// Each column of `name TYPE | name TYPE`.
fn columns(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(" | ").map(|column| column.split_once(' ').unwrap())
}

/// All columns of an IRIS table, and its rows with a time of loading, the same one in all.
fn iris_columns(table: &Table) -> (String, Vec<String>) {
    let given = columns(table.columns).count();
    let rows = table.rows.iter().map(|row| {
        let mut values: Vec<&str> = row.split(" | ").collect();
        values.insert(given, "'2025-10-28T05:00:00.000Z'");
        values.join(" | ")
    });
    (format!("{}{META}", table.columns), rows.collect())
}

/// The tables of a case: name, columns, rows.
fn tables(case: &Case) -> Vec<(&'static str, String, Vec<String>)> {
    let (iris, iris_rows) = iris_columns(&case.iris);
    let mut tables = vec![(case.iris.name, iris, iris_rows)];
    if let Some(historic) = &case.historic {
        let rows = historic.rows.iter().map(|row| (*row).to_owned()).collect();
        tables.push((historic.name, historic.columns.to_owned(), rows));
    }
    tables
}

/// The views of a case with what they must give.
fn expected(case: &Case) -> impl Iterator<Item = (String, &'static [&'static str])> {
    let base = format!("bmrs_{}", case.dataset.to_lowercase());
    let latest = case.latest.map(|rows| (format!("{base}_latest"), rows));
    [(format!("{base}_unified"), case.unified)].into_iter().chain(latest)
}

/// `~` for null; floats and truths in one form.
fn lines(rows: Vec<Vec<Option<String>>>, asked: &str) -> Vec<String> {
    let cell = |(value, (_, kind)): (Option<String>, (&str, &str))| {
        let Some(value) = value else { return "~".to_owned() };
        match kind {
            "FLOAT64" => value.parse::<f64>().unwrap().to_string(),
            "BOOL" => value.replace('1', "true").replace('0', "false").to_lowercase(),
            _ => value,
        }
    };
    let mut lines: Vec<String> = rows
        .into_iter()
        .map(|row| row.into_iter().zip(columns(asked)).map(cell).collect::<Vec<_>>().join(" "))
        .collect();
    lines.sort();
    lines
}

#[test]
fn in_sqlite_every_view_gives_what_the_oracle_says() {
    for case in CASES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("iris.db");
        let other = rusqlite::Connection::open(&path).unwrap();
        let open = || {
            let warehouse =
                irispool::warehouse::sqlite::Sqlite::open(path.clone(), std::time::Duration::from_secs(60))
                    .unwrap();
            warehouse.schema(case.dataset).unwrap();
        };
        if case.is_made_by_irispool {
            open();
        }
        for (name, all, rows) in tables(case) {
            let there: bool = other
                .query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0))
                .unwrap();
            if !there {
                let declared: Vec<_> = columns(&all)
                    .map(|(name, kind)| match kind {
                        "STRING" => format!("{name} TEXT"),
                        "INT64" => format!("{name} INTEGER"),
                        "FLOAT64" => format!("{name} REAL"),
                        kind => format!("{name} {kind}"),
                    })
                    .collect();
                other.execute_batch(&format!("CREATE TABLE {name} ({})", declared.join(", "))).unwrap();
            }
            let names: Vec<_> = columns(&all).map(|(name, _)| name).collect();
            for row in rows {
                let values = row.replace(" | ", ", ");
                other
                    .execute_batch(&format!("INSERT INTO {name} ({}) VALUES ({values})", names.join(", ")))
                    .unwrap_or_else(|error| panic!("{error}: {name} {row}"));
            }
        }
        open();
        for (view, expected) in expected(case) {
            // A time or date that can't be read stays as it is in SQLite, and is null in BigQuery.
            let shown: Vec<_> = columns(case.asked)
                .map(|(name, kind)| match kind {
                    "TIMESTAMP" => format!("CASE WHEN {name} GLOB '????-??-??T??:??:??.???Z' THEN substr({name}, 1, 19) END"),
                    "DATE" => format!("CASE WHEN {name} GLOB '????-??-??' AND date({name}) = {name} THEN {name} END"),
                    "INT64" | "BOOL" => format!("CASE WHEN typeof({name}) <> 'null' THEN iif(typeof({name}) = 'integer', {name}, 'a ' || typeof({name})) END"),
                    "FLOAT64" => format!("CASE WHEN typeof({name}) <> 'null' THEN iif(typeof({name}) = 'real', {name}, 'a ' || typeof({name})) END"),
                    _ => format!("CASE WHEN typeof({name}) <> 'null' THEN iif(typeof({name}) = 'text', {name}, 'a ' || typeof({name})) END"),
                })
                .map(|value| format!("CAST({value} AS TEXT)"))
                .collect();
            let count = shown.len();
            let mut statement = other.prepare(&format!("SELECT {} FROM {view}", shown.join(", "))).unwrap();
            let rows = statement
                .query_map([], |row| {
                    (0..count).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Option<String>>>>()
                })
                .unwrap()
                .collect::<rusqlite::Result<Vec<_>>>()
                .unwrap();
            assert_eq!(lines(rows, case.asked), expected, "{view}");
        }
    }
}

fn live(name: &str, all: &str, partition_field: Option<&str>) -> LiveTable {
    let kind = |kind| if kind == "TIME" { "STRING" } else { kind };
    LiveTable {
        name: name.to_owned(),
        columns: columns(all)
            .map(|(name, kind_name)| crate::support::bigquery_sql::field(name, kind(kind_name)))
            .collect::<Vec<Field>>(),
        times_of_day: columns(all)
            .filter(|(_, kind)| *kind == "TIME")
            .map(|(name, _)| name.to_owned())
            .collect(),
        partition_field: partition_field.map(str::to_owned),
    }
}

/// A query that gives the rows of a table.
fn rows_query(all: &str, rows: &[String]) -> String {
    let select = |row: &String| {
        let cells = columns(all)
            .zip(row.split(" | "))
            .map(|((name, kind), value)| format!("CAST({value} AS {kind}) AS {name}"));
        format!("SELECT {}", cells.collect::<Vec<_>>().join(", "))
    };
    rows.iter().map(select).collect::<Vec<_>>().join("\nUNION ALL\n")
}

fn bigquery_views(case: &Case, bq_dataset: &BqDataset) -> Vec<views::View> {
    let tables = tables(case);
    let iris = live(tables[0].0, &tables[0].1, None);
    let historic = tables.get(1).map(|(name, all, _)| live(name, all, None));
    let latest = views::latest(bq_dataset, case.dataset, &iris, historic.as_ref());
    assert_eq!(latest.is_some(), case.latest.is_some(), "{}", case.dataset);
    [views::unified(bq_dataset, case.dataset, &iris, historic.as_ref())].into_iter().chain(latest).collect()
}

/// The query that shows a view, in BigQuery's SQL. Its functions take just the types that the view must have.
fn shown(case: &Case, path: &str) -> String {
    let shown: Vec<_> = columns(case.asked)
        .map(|(name, kind)| match kind {
            "TIMESTAMP" => format!("FORMAT_TIMESTAMP('%FT%T', {name}, 'UTC')"),
            "DATE" => format!("FORMAT_DATE('%F', {name})"),
            "STRING" => name.to_owned(),
            _ => format!("CAST({name} AS STRING)"),
        })
        .collect();
    format!("SELECT {} FROM `{path}`", shown.join(", "))
}

#[test]
fn on_googles_reference_implementation_every_view_gives_what_the_oracle_says() {
    if !installed("bq-analyze") {
        return;
    }
    let mut analysis = Analysis::default();
    for (at, case) in CASES.iter().enumerate() {
        let dataset = format!("d{at}");
        let bq_dataset = BqDataset::new("local", &*dataset);
        for (name, all, rows) in tables(case) {
            analysis.table_of(&format!("local.{dataset}.{name}"), &rows_query(&all, &rows));
        }
        for view in bigquery_views(case, &bq_dataset) {
            analysis.run(&format!("{at} {}", view.name), &view.sql);
        }
        for (view, _) in expected(case) {
            analysis.run(&format!("{at} asked {view}"), &shown(case, &format!("local.{dataset}.{view}")));
            analysis
                .statement(&format!("{at} typed {view}"), &format!("SELECT * FROM `local.{dataset}.{view}`"));
        }
    }
    let answers = analysis.answers();
    for answer in &answers {
        assert_eq!(answer.error, None, "{}", answer.name);
    }
    let of = |name: String| answers.iter().find(|answer| answer.name == name).unwrap();
    for (at, case) in CASES.iter().enumerate() {
        for (view, expected) in expected(case) {
            assert_eq!(
                lines(of(format!("{at} asked {view}")).rows.clone(), case.asked),
                expected,
                "{at} {view}"
            );
            let typed = &of(format!("{at} typed {view}")).columns;
            for (name, kind) in columns(case.asked) {
                assert!(
                    typed.iter().any(|column| column.name == name && column.kind == kind),
                    "{view}.{name}: {typed:?}"
                );
            }
        }
    }
}

#[test]
fn on_an_emulator_every_view_gives_what_the_oracle_says() {
    if !installed("bq-emulator") {
        return;
    }
    let emulator = Emulator::start();
    let run = |sql: &str| emulator.query(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    for (at, case) in CASES.iter().enumerate() {
        let dataset = format!("d{at}");
        let bq_dataset = BqDataset::new("local", &*dataset);
        run(&format!("CREATE SCHEMA `local.{dataset}`"));
        for (name, all, rows) in tables(case) {
            run(&format!("CREATE TABLE `local.{dataset}.{name}` AS\n{}", rows_query(&all, &rows)));
        }
        for view in bigquery_views(case, &bq_dataset) {
            run(&view.sql);
        }
        for (view, expected) in expected(case) {
            let rows = run(&shown(case, &format!("local.{dataset}.{view}")));
            assert_eq!(lines(rows, case.asked), expected, "{at} {view}");
        }
    }
}
