//! All SQL for BigQuery that is shipped or rendered, before Google's own analyzer: over all datasets, and over the
//! forms in which their tables are found.

use crate::support::bigquery_sql::{
    Analysis, Column, documented_queries, existing_queries, field, installed, shipped_queries,
};
use crate::support::root;
use crate::support::sqlite::{PATIENCE, Place};
use irispool::catalog::{self, ColumnKind, Dataset, Field, META_COLUMNS};
use irispool::commands::query::{OutputFormat, print};
use irispool::commands::setup;
use irispool::warehouse::bigquery::BqDataset;
use irispool::warehouse::bigquery::views::{self, LiveTable};
use irispool::warehouse::sqlite::SqliteReader;

const PROJECT: &str = "a-project";

/// A form in which a dataset's tables are found; its name is the BigQuery dataset's.
struct Shape {
    name: &'static str,
    iris: fn(&Dataset) -> Vec<Field>,
    historic: Option<fn(&Dataset) -> Vec<Field>>,
}

const SHAPES: [Shape; 9] = [
    Shape { name: "fresh", iris: as_made, historic: None },
    Shape { name: "same", iris: as_made, historic: Some(|dataset| dataset.fields.clone()) },
    Shape {
        name: "datetimes",
        iris: as_made,
        historic: Some(|dataset| all_times(dataset, ColumnKind::Datetime)),
    },
    Shape {
        name: "timestamps",
        iris: as_made,
        historic: Some(|dataset| all_times(dataset, ColumnKind::Timestamp)),
    },
    Shape { name: "dates", iris: as_made, historic: Some(|dataset| all_times(dataset, ColumnKind::Date)) },
    Shape { name: "strings", iris: as_made, historic: Some(strings) },
    Shape { name: "sparse", iris: as_made, historic: Some(sparse) },
    Shape { name: "bare", iris: sparse, historic: Some(sparse) },
    Shape { name: "earlier", iris: earlier, historic: Some(floats) },
];

fn as_made(dataset: &Dataset) -> Vec<Field> {
    let mut fields = dataset.fields.clone();
    let kinds = ["TIMESTAMP", "STRING", "STRING", "INT64", "STRING"];
    fields.extend(META_COLUMNS.iter().zip(kinds).map(|(name, kind)| field(name, kind)));
    fields
}

fn all_times(dataset: &Dataset, kind: ColumnKind) -> Vec<Field> {
    let mut fields = dataset.fields.clone();
    for field in &mut fields {
        if matches!(field.kind, ColumnKind::Timestamp | ColumnKind::Date) {
            field.kind = kind.clone();
        }
    }
    fields
}

fn strings(dataset: &Dataset) -> Vec<Field> {
    let mut fields: Vec<_> =
        dataset.fields.iter().map(|field| Field::new(&field.name, ColumnKind::String)).collect();
    fields.extend([field("_ingested_utc", "STRING"), field("_hash_key", "STRING")]);
    fields
}

/// Half of the columns, in upper case, under their old names.
fn sparse(dataset: &Dataset) -> Vec<Field> {
    let mut fields: Vec<_> = dataset.fields.iter().step_by(2).cloned().collect();
    for field in &mut fields {
        let old = dataset.synonyms.iter().find(|synonym| synonym.field == field.name);
        field.name = old.map_or(&field.name, |synonym| &synonym.name).to_ascii_uppercase();
    }
    fields.push(field("_hash_key", "STRING"));
    fields
}

/// Numbers are FLOAT64, and what is nested is JSON.
fn floats(dataset: &Dataset) -> Vec<Field> {
    let mut fields = dataset.fields.clone();
    for field in &mut fields {
        match field.kind {
            ColumnKind::Int64 => field.kind = ColumnKind::Float64,
            ColumnKind::Record(_) => *field = Field::new(&field.name, ColumnKind::Json),
            _ => {}
        }
    }
    fields
}

/// As a program before irispool made it, with other types and columns of its own, and irispool's added.
fn earlier(dataset: &Dataset) -> Vec<Field> {
    let mut fields = floats(dataset);
    for field in &mut fields {
        match field.kind {
            ColumnKind::Date => field.kind = ColumnKind::Datetime,
            ColumnKind::Timestamp => field.kind = ColumnKind::String,
            _ => {}
        }
    }
    fields.extend([
        field("ingested_utc", "TIMESTAMP"),
        field("source", "STRING"),
        field("message_id", "STRING"),
        field("message_row", "INT64"),
        field("rescued", "JSON"),
        field("order", "NUMERIC"),
        field("loadedAt", "DATETIME"),
        field("extras", "ARRAY<STRING>"),
    ]);
    fields
}

#[test]
fn every_view_and_query_passes_googles_analyzer() {
    if !installed("bq-analyze") {
        return;
    }
    let mut analysis = Analysis::default();
    for shape in &SHAPES {
        let bq_dataset = BqDataset::new(PROJECT, shape.name);
        analysis.dataset(&format!("{PROJECT}.{}", shape.name));
        for dataset in catalog::all() {
            let live = |name: String, columns: Vec<Field>, partition_field| LiveTable {
                name,
                columns,
                times_of_day: Vec::new(),
                partition_field,
            };
            let partition_field = dataset.partition_field.clone();
            let iris = live(catalog::table_name(&dataset.name), (shape.iris)(dataset), partition_field);
            let historic_name = catalog::historic_table_names(&dataset.name).pop().unwrap();
            let historic = shape.historic.map(|columns| live(historic_name, columns(dataset), None));
            for table in [Some(&iris), historic.as_ref()].into_iter().flatten() {
                analysis.table(&format!("{PROJECT}.{}.{}", shape.name, table.name), &table.columns);
            }
            let unified = views::unified(&bq_dataset, &dataset.name, &iris, historic.as_ref());
            let latest = views::latest(&bq_dataset, &dataset.name, &iris, historic.as_ref());
            assert_eq!(latest.is_some(), dataset.latest.is_some(), "{}", dataset.name);
            for view in std::iter::once(unified).chain(latest) {
                analysis.statement(&format!("{} {}", shape.name, view.name), &view.sql);
            }
        }
        let existing = existing_queries(PROJECT, shape.name);
        let documented = documented_queries(PROJECT, shape.name);
        for (name, sql) in existing.into_iter().chain(shipped_queries(PROJECT, shape.name)).chain(documented)
        {
            if shape.name == "bare" && sql.contains("_iris`") {
                continue; // These tables lack what the query asks for.
            }
            analysis.statement(&format!("{} {name}", shape.name), &sql);
        }
    }
    let answers = analysis.answers();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.error.is_some()).collect();
    assert!(refused.is_empty(), "{} refused: {:#?}", refused.len(), &refused[..refused.len().min(5)]);

    for dataset in catalog::all() {
        let view = catalog::view_name(&dataset.name);
        let columns = |shape: &str| -> Vec<Column> {
            let name = format!("{shape} {view}");
            let answer = answers.iter().find(|answer| answer.name == name).unwrap();
            answer
                .columns
                .iter()
                .map(|Column { name, kind }| Column { name: name.clone(), kind: kind.clone() })
                .collect()
        };
        let expected = expected_columns(dataset);
        for shape in SHAPES.iter().filter(|shape| shape.name != "bare" && shape.name != "earlier") {
            assert_eq!(columns(shape.name), expected, "{} {view}", shape.name);
        }
        // Columns of its own come between; a column's type is the catalog's but for numbers.
        for column in &expected {
            let kind = |shape: &str| {
                let found = columns(shape).into_iter().find(|other| other.name == column.name);
                found.unwrap_or_else(|| panic!("{shape} {view} has {}", column.name)).kind
            };
            assert_eq!(kind("bare"), column.kind, "{view} {}", column.name);
            let earlier =
                if column.kind == "INT64" && column.name != "message_row" { "FLOAT64" } else { &column.kind };
            assert_eq!(kind("earlier"), earlier, "{view} {}", column.name);
        }
    }
}

#[test]
fn a_named_query_has_the_same_columns_in_both_dialects() {
    if !installed("bq-analyze") {
        return;
    }
    let place = Place::new();
    let everything: Vec<String> = catalog::all().iter().map(|dataset| dataset.name.clone()).collect();
    setup::set_up(&place.open(), &everything, None, &mut Vec::new()).unwrap();
    let reader = SqliteReader::open(place.path(), PATIENCE).unwrap();

    let bq_dataset = BqDataset::new(PROJECT, "iris");
    let mut analysis = Analysis::default();
    analysis.dataset(&format!("{PROJECT}.iris"));
    for dataset in catalog::all() {
        let iris = LiveTable {
            name: catalog::table_name(&dataset.name),
            columns: as_made(dataset),
            times_of_day: Vec::new(),
            partition_field: dataset.partition_field.clone(),
        };
        analysis.table(&format!("{PROJECT}.iris.{}", iris.name), &iris.columns);
        let unified = views::unified(&bq_dataset, &dataset.name, &iris, None);
        analysis.statement(&unified.name, &unified.sql);
    }
    let queries = shipped_queries(PROJECT, "iris");
    queries.iter().for_each(|(name, sql)| analysis.statement(name, sql));
    let answers = analysis.answers();
    for (name, _) in &queries {
        let answer = answers.iter().find(|answer| answer.name == *name).unwrap();
        assert_eq!(answer.error, None, "{name}");
        let of_bigquery: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
        let sql = std::fs::read_to_string(root().join("sql/sqlite/queries").join(name)).unwrap();
        let mut csv = Vec::new();
        print(&reader, &sql, OutputFormat::Csv, None, &mut csv).unwrap();
        let csv = String::from_utf8(csv).unwrap();
        let of_sqlite: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        assert_eq!(of_sqlite, of_bigquery, "{name}");
    }
}

/// The catalog's fields, its older names, and irispool's columns.
fn expected_columns(dataset: &Dataset) -> Vec<Column> {
    let kind = |field: &Field| match &field.kind {
        ColumnKind::Record(_) => "STRING".to_owned(),
        _ => crate::support::bigquery_sql::type_name(field),
    };
    let mut columns: Vec<_> =
        dataset.fields.iter().map(|field| Column { name: field.name.clone(), kind: kind(field) }).collect();
    for synonym in &dataset.synonyms {
        let field = dataset.field(&synonym.field).unwrap();
        columns.push(Column { name: synonym.name.clone(), kind: kind(field) });
    }
    let kinds = ["TIMESTAMP", "STRING", "STRING", "INT64", "STRING"];
    let meta = META_COLUMNS.iter().zip(kinds);
    columns.extend(meta.map(|(name, kind)| Column { name: (*name).to_owned(), kind: kind.to_owned() }));
    columns
}

#[test]
fn a_dataset_that_nobody_knows_has_a_view_of_its_own_columns() {
    if !installed("bq-analyze") {
        return;
    }
    let mut columns = vec![field("group", "STRING"), field("select", "DATETIME"), field("a_b", "JSON")];
    columns.extend(
        ["ingested_utc TIMESTAMP", "message_id STRING", "message_row INT64"]
            .map(crate::support::bigquery_sql::column),
    );
    let iris = LiveTable {
        name: "bmrs_newone_iris".into(),
        columns,
        times_of_day: Vec::new(),
        partition_field: Some("ingested_utc".into()),
    };
    let bq_dataset = BqDataset::new(PROJECT, "d");
    let mut analysis = Analysis::default();
    analysis.table(&format!("{PROJECT}.d.bmrs_newone_iris"), &iris.columns);
    let view = views::unified(&bq_dataset, "NEWONE", &iris, None);
    assert_eq!(view.name, "bmrs_newone_unified");
    analysis.statement("view", &view.sql);
    let answer = analysis.answers().remove(0);
    assert_eq!(answer.error, None);
    let columns: Vec<_> =
        answer.columns.iter().map(|column| format!("{} {}", column.name, column.kind)).collect();
    assert_eq!(columns[..3], ["group STRING", "select TIMESTAMP", "a_b STRING"]);
    assert_eq!(columns.len(), 8);
    assert!(views::latest(&bq_dataset, "NEWONE", &iris, None).is_none());
}

#[test]
fn a_view_stands_whatever_type_a_field_is_found_with() {
    if !installed("bq-analyze") {
        return;
    }
    let kinds = [
        "BOOL",
        "INT64",
        "FLOAT64",
        "NUMERIC",
        "STRING",
        "TIMESTAMP",
        "DATETIME",
        "DATE",
        "JSON",
        "STRUCT",
        "ARRAY<STRING>",
    ];
    let mut analysis = Analysis::default();
    for (place, kind) in kinds.into_iter().enumerate() {
        let found = |name: &str| match kind {
            "STRUCT" => Field::new(name, ColumnKind::Record(vec![field("a", "INT64")])),
            _ => field(name, kind),
        };
        for (name, other) in [("BOALF", "BOALF"), ("REMIT", "REMIT"), ("FUELINST", "MILS")] {
            let dataset = format!("{name}_{place}");
            let table = |suffix: &str, name: &str| LiveTable {
                name: format!("bmrs_{}{suffix}", name.to_lowercase()),
                columns: catalog::find(name).unwrap().fields.iter().map(|field| found(&field.name)).collect(),
                times_of_day: Vec::new(),
                partition_field: None,
            };
            let (mut iris, historic) = (table("_iris", name), table("", other));
            iris.columns.extend(META_COLUMNS.map(found));
            for table in [&iris, &historic] {
                analysis.table(&format!("p.{dataset}.{}", table.name), &table.columns);
            }
            let at = BqDataset::new("p", &*dataset);
            let unified = views::unified(&at, name, &iris, Some(&historic));
            analysis.statement(&format!("{kind} {name}"), &unified.sql);
            let latest = views::latest(&at, name, &iris, Some(&historic)).unwrap();
            analysis.statement(&format!("{kind} {name} latest"), &latest.sql);
        }
    }
    for answer in analysis.answers() {
        assert_eq!(answer.error, None, "{}", answer.name);
    }
}

#[test]
fn a_view_reads_well() {
    let mils = catalog::find("MILS").unwrap();
    let partition_field = mils.partition_field.clone();
    let iris = LiveTable {
        name: "bmrs_mils_iris".into(),
        columns: as_made(mils),
        times_of_day: Vec::new(),
        partition_field,
    };
    let columns = "settlementDate DATE | settlementPeriodFrom INT64 | settlementPeriodTo INT64 | timeFrom DATETIME | \
        timeTo STRING | bmUnit STRING | _ingested_utc STRING";
    let columns = columns.split(" | ").map(crate::support::bigquery_sql::column).collect();
    let historic =
        LiveTable { name: "bmrs_mils".into(), columns, times_of_day: Vec::new(), partition_field: None };
    let bq_dataset = BqDataset::new(PROJECT, "iris");
    insta::assert_snapshot!(views::unified(&bq_dataset, "MILS", &iris, Some(&historic)).sql);
}

#[test]
fn what_bigquery_would_refuse_is_refused() {
    if !installed("bq-analyze") {
        return;
    }
    let mut analysis = Analysis::default();
    let columns =
        ["a INT64", "t TIMESTAMP", "d DATETIME", "f FLOAT64"].map(crate::support::bigquery_sql::column);
    analysis.table("p.d.t", &columns);
    let wrong = [
        "SELECT b FROM `p.d.t`",
        "SELECT a FROM `p.d.u`",
        "SELECT a FROM `p.d.t` UNION ALL SELECT t FROM `p.d.t`",
        "SELECT a FROM `p.d.t` WHERE t = d",
        "SELECT a FROM `p.d.t` QUALIFY ROW_NUMBER() OVER (PARTITION BY f ORDER BY a) = 1",
        "SELECT SAFE_CAST(a AS TIMESTAMP) FROM `p.d.t`",
        "CREATE VIEW `p.d.v` AS SELECT a, t AS a FROM `p.d.t`",
        "DROP TABLE `p.d.t`",
    ];
    wrong.iter().for_each(|sql| analysis.statement(sql, sql));
    analysis.statement("right", "SELECT a FROM `p.d.t` WHERE t = TIMESTAMP(d)");
    let mut answers = analysis.answers();
    assert_eq!(answers.pop().unwrap().error, None);
    for answer in answers {
        assert!(answer.error.is_some(), "{} is taken", answer.name);
    }
}
