//! One oracle for the views of both warehouses: the same historic and IRIS rows go into SQLite and into BigQuery (Google's
//! reference implementation and an emulator), and every view gives the same rows and values, each of the column's type.

use crate::support::bigquery_sql::{Analysis, Emulator, installed};
use irispool::catalog::Field;
use irispool::warehouse::Warehouse;
use irispool::warehouse::bigquery::views::{self, LiveTable, Place};

/// A table with its rows. The columns are `name TYPE` with BigQuery's types. The values are SQL, the same in both
/// dialects, with ` | ` between them.
struct Table {
    name: &'static str,
    columns: &'static str,
    rows: &'static [&'static str],
}

struct Case {
    dataset: &'static str,
    /// The IRIS rows; whether SQLite's table is as irispool makes it (BigQuery's has the columns given).
    iris: Table,
    is_made_by_irispool: bool,
    historic: Option<Table>,
    /// What is asked of the views: `name TYPE`.
    asked: &'static str,
    unified: &'static [&'static str],
    /// None where the dataset has no such view.
    latest: Option<&'static [&'static str]>,
}

const META: &str =
    " | ingested_utc TIMESTAMP | source STRING | message_id STRING | message_row INT64 | rescued STRING";

const CASES: &[Case] = &[
    // History out of a CSV file: everything is text. A whole number has a fraction's zero, a space or nothing in it.
    Case {
        dataset: "FUELINST",
        iris: Table {
            name: "bmrs_fuelinst_iris",
            columns: "publishTime TIMESTAMP | startTime TIMESTAMP | settlementDate DATE | settlementPeriod INT64 | fuelType STRING | generation INT64",
            rows: &[
                "'2025-10-28T03:05:00.000Z' | '2025-10-28T03:00:00.000Z' | '2025-10-28' | 7 | 'CCGT' | 700 | 'IRIS' | 'a' | 0 | NULL",
                "'2025-10-28T03:10:00.000Z' | '2025-10-28T03:00:00.000Z' | '2025-10-28' | 7 | 'CCGT' | 710 | 'IRIS' | 'b' | 0 | NULL",
                "'2025-10-28T03:10:00.000Z' | NULL | '2025-10-28' | 7 | 'CCGT' | 1 | 'IRIS' | 'b' | 1 | NULL",
                "'2025-10-28T03:10:00.000Z' | NULL | '2025-10-28' | 7 | 'CCGT' | 2 | 'IRIS' | 'b' | 2 | NULL",
            ],
        },
        is_made_by_irispool: true,
        historic: Some(Table {
            name: "bmrs_fuelinst",
            columns: "publishTime STRING | startTime STRING | settlementDate STRING | settlementPeriod STRING | fuelType STRING | generation STRING",
            rows: &[
                "'2024-01-05 00:05:00' | '2024-01-05 00:00:00' | '2024-01-05' | '1' | 'CCGT' | '900'",
                "'2024-01-05T00:05Z' | '2024-01-05T00:05:00Z' | '2024-01-05T00:00:00' | '1.0' | 'CCGT' | ' 5000'",
                "'2024-01-05 00:05:00' | '2024-01-05 00:10:00' | '2024-02-30' | '' | 'CCGT' | '48.0'",
                "NULL | '2024-01-05 00:15:00+01:00' | NULL | 'n/a' | 'CCGT' | '12.5'",
                "NULL | '2024-01-05 00:20:00' | '2024-01-05 x' | '-1' | 'CCGT' | '1e3'",
                "NULL | '2024-01-05' | '2024-01-055' | '9x' | 'CCGT' | NULL",
                "NULL | NULL | NULL | NULL | 'CCGT' | '3'",
                "NULL | NULL | NULL | NULL | 'CCGT' | '4'",
                // The same value as the row of IRIS, and older.
                "'2025-10-28 03:05' | '2025-10-28 03:00' | '2025-10-28' | '7' | 'CCGT' | '705'",
            ],
        }),
        asked: "startTime TIMESTAMP | publishTime TIMESTAMP | settlementDate DATE | settlementPeriod INT64 | generation INT64 | source STRING",
        unified: &[
            "2024-01-04T23:15:00 ~ ~ ~ 13 HISTORIC",
            "2024-01-05T00:00:00 2024-01-05T00:05:00 2024-01-05 1 900 HISTORIC",
            "2024-01-05T00:00:00 ~ ~ ~ ~ HISTORIC",
            "2024-01-05T00:05:00 2024-01-05T00:05:00 2024-01-05 1 5000 HISTORIC",
            "2024-01-05T00:10:00 2024-01-05T00:05:00 ~ ~ 48 HISTORIC",
            "2024-01-05T00:20:00 ~ 2024-01-05 -1 1000 HISTORIC",
            "2025-10-28T03:00:00 2025-10-28T03:05:00 2025-10-28 7 700 IRIS",
            "2025-10-28T03:00:00 2025-10-28T03:05:00 2025-10-28 7 705 HISTORIC",
            "2025-10-28T03:00:00 2025-10-28T03:10:00 2025-10-28 7 710 IRIS",
            "~ 2025-10-28T03:10:00 2025-10-28 7 1 IRIS",
            "~ 2025-10-28T03:10:00 2025-10-28 7 2 IRIS",
            "~ ~ ~ ~ 3 HISTORIC",
            "~ ~ ~ ~ 4 HISTORIC",
        ],
        // Of the two historic rows at midnight the one with a time of publication counts.
        latest: Some(&[
            "2024-01-04T23:15:00 ~ ~ ~ 13 HISTORIC",
            "2024-01-05T00:00:00 2024-01-05T00:05:00 2024-01-05 1 900 HISTORIC",
            "2024-01-05T00:05:00 2024-01-05T00:05:00 2024-01-05 1 5000 HISTORIC",
            "2024-01-05T00:10:00 2024-01-05T00:05:00 ~ ~ 48 HISTORIC",
            "2024-01-05T00:20:00 ~ 2024-01-05 -1 1000 HISTORIC",
            "2025-10-28T03:00:00 2025-10-28T03:10:00 2025-10-28 7 710 IRIS",
            "~ 2025-10-28T03:10:00 2025-10-28 7 1 IRIS",
            "~ 2025-10-28T03:10:00 2025-10-28 7 2 IRIS",
            "~ ~ ~ ~ 3 HISTORIC",
            "~ ~ ~ ~ 4 HISTORIC",
        ]),
    },
    // Day and time of day apart, as the API before 2023 had them, beside forms that are no time at all.
    Case {
        dataset: "FREQ",
        iris: Table {
            name: "bmrs_freq_iris",
            columns: "dataset STRING | measurementTime TIMESTAMP | frequency FLOAT64",
            rows: &["'FREQ' | '2025-10-28T03:59:00.000Z' | 49.98 | 'IRIS' | 'a' | 0 | NULL"],
        },
        is_made_by_irispool: true,
        historic: Some(Table {
            name: "bmrs_freq",
            columns: "reportSnapshotTime STRING | spotTime STRING | frequency STRING",
            rows: &[
                "'2020-01-05' | '00:00:15' | '50.01'",
                "'2020-01-05' | '23:59:45.5' | '50.02'",
                "'2020-01-05T00:00:00Z' | '7:05' | '50.03'",
                "'2020-01-05 01:02:03' | '2020-01-05 01:02:04' | '50.04'",
                "'010203' | '01:02:03' | '50.05'",
                "'now' | NULL | '50.06'",
                "'2460000' | '2460000.5' | '50.07'",
                "'2025-02-30' | '01:02:03' | '50.08'",
                "'2025-02-29 01:02:03' | '24:00:00' | '50.09'",
            ],
        }),
        asked: "measurementTime TIMESTAMP | frequency FLOAT64 | source STRING",
        unified: &[
            "2020-01-05T00:00:15 50.01 HISTORIC",
            "2020-01-05T01:02:04 50.04 HISTORIC",
            "2020-01-05T07:05:00 50.03 HISTORIC",
            "2020-01-05T23:59:45 50.02 HISTORIC",
            "2025-10-28T03:59:00 49.98 IRIS",
            "~ 50.05 HISTORIC",
            "~ 50.06 HISTORIC",
            "~ 50.07 HISTORIC",
            "~ 50.08 HISTORIC",
            "~ 50.09 HISTORIC",
        ],
        latest: Some(&[
            "2020-01-05T00:00:15 50.01 HISTORIC",
            "2020-01-05T01:02:04 50.04 HISTORIC",
            "2020-01-05T07:05:00 50.03 HISTORIC",
            "2020-01-05T23:59:45 50.02 HISTORIC",
            "2025-10-28T03:59:00 49.98 IRIS",
            "~ 50.05 HISTORIC",
            "~ 50.06 HISTORIC",
            "~ 50.07 HISTORIC",
            "~ 50.08 HISTORIC",
            "~ 50.09 HISTORIC",
        ]),
    },
    // A typed day beside a time of day; a whole-number column that took no fraction, so that the values are in `rescued`;
    // a field that is called as a part of the view might be.
    Case {
        dataset: "FREQ",
        iris: Table {
            name: "bmrs_freq_iris",
            columns: "measurementTime TIMESTAMP | frequency INT64 | irispool_rank INT64",
            rows: &[
                "'2025-10-28T03:59:00.000Z' | 50 | 7 | 'IRIS' | 'a' | 0 | NULL",
                "'2025-10-28T03:59:15.000Z' | NULL | 7 | 'IRIS' | 'a' | 1 | '{\"frequency\":49.92}'",
                "'2025-10-28T03:59:30.000Z' | NULL | 7 | 'IRIS' | 'a' | 2 | '{\"frequency\":\"many\"}'",
                "'2025-10-28T03:59:30.000Z' | 51 | 7 | 'IRIS' | 'b' | 0 | NULL",
            ],
        },
        is_made_by_irispool: false,
        historic: Some(Table {
            name: "bmrs_freq",
            columns: "reportSnapshotTime DATE | spotTime TIME | frequency FLOAT64",
            rows: &[
                "'2020-01-05' | '00:00:15' | 50.01",
                "'2020-01-05' | '00:00:30' | 50.02",
                "'2020-01-05' | NULL | 50.03",
            ],
        }),
        asked: "measurementTime TIMESTAMP | spotTime TIMESTAMP | frequency FLOAT64 | irispool_rank INT64",
        unified: &[
            "2020-01-05T00:00:00 2020-01-05T00:00:00 50.03 ~",
            "2020-01-05T00:00:15 2020-01-05T00:00:15 50.01 ~",
            "2020-01-05T00:00:30 2020-01-05T00:00:30 50.02 ~",
            "2025-10-28T03:59:00 2025-10-28T03:59:00 50 7",
            "2025-10-28T03:59:15 2025-10-28T03:59:15 49.92 7",
            "2025-10-28T03:59:30 2025-10-28T03:59:30 51 7",
            "2025-10-28T03:59:30 2025-10-28T03:59:30 ~ 7",
        ],
        latest: Some(&[
            "2020-01-05T00:00:00 2020-01-05T00:00:00 50.03 ~",
            "2020-01-05T00:00:15 2020-01-05T00:00:15 50.01 ~",
            "2020-01-05T00:00:30 2020-01-05T00:00:30 50.02 ~",
            "2025-10-28T03:59:00 2025-10-28T03:59:00 50 7",
            "2025-10-28T03:59:15 2025-10-28T03:59:15 49.92 7",
            "2025-10-28T03:59:30 2025-10-28T03:59:30 51 7",
        ]),
    },
    // A history without the unit that is in the key: three units in one period, none of which replaces another. Older
    // settlement periods, truths in many forms.
    Case {
        dataset: "BOALF",
        iris: Table {
            name: "bmrs_boalf_iris",
            columns: "settlementDate DATE | settlementPeriodFrom INT64 | settlementPeriodTo INT64 | timeFrom TIMESTAMP | timeTo TIMESTAMP | levelTo INT64 | acceptanceNumber INT64 | acceptanceTime TIMESTAMP | soFlag BOOL | nationalGridBmUnit STRING | bmUnit STRING",
            rows: &[
                "'2025-10-28' | 8 | 8 | '2025-10-28T04:00:00.000Z' | '2025-10-28T04:10:00.000Z' | 10 | 1 | '2025-10-28T03:59:00.000Z' | TRUE | 'A-1' | 'T_A-1' | 'IRIS' | 'a' | 0 | NULL",
                "'2025-10-28' | 8 | 8 | '2025-10-28T04:00:00.000Z' | '2025-10-28T04:10:00.000Z' | 11 | 1 | '2025-10-28T03:59:00.000Z' | TRUE | 'A-1' | 'T_A-1' | 'IRIS' | 'b' | 0 | NULL",
                "'2025-10-28' | 8 | 8 | '2025-10-28T04:00:00.000Z' | '2025-10-28T04:10:00.000Z' | 12 | 1 | '2025-10-28T03:59:00.000Z' | FALSE | NULL | 'T_B-1' | 'IRIS' | 'b' | 1 | NULL",
                "'2025-10-28' | 8 | 8 | '2025-10-28T04:00:00.000Z' | '2025-10-28T04:10:00.000Z' | 13 | 1 | '2025-10-28T03:59:00.000Z' | FALSE | NULL | 'T_C-1' | 'IRIS' | 'b' | 2 | NULL",
            ],
        },
        is_made_by_irispool: true,
        historic: Some(Table {
            name: "bmrs_boalf",
            columns: "settlementDate DATETIME | settlementPeriod INT64 | timeFrom DATETIME | levelTo FLOAT64 | acceptanceNumber STRING | acceptanceTime STRING | soFlag STRING | bmUnit STRING",
            rows: &[
                "'2024-01-05 00:00:00' | 3 | '2024-01-05 01:30:00' | 1.0 | '7' | '2024-01-05 01:02:03' | 'True' | 'T_A-1'",
                "'2024-01-05 00:00:00' | 3 | '2024-01-05 01:30:00' | 2.0 | '7' | '2024-01-05 01:02:03' | 'f' | 'T_B-1'",
                "'2024-01-05 00:00:00' | 3 | '2024-01-05 01:30:00' | 3.5 | '7' | '2024-01-05 01:02:03' | '1' | 'T_C-1'",
                "'2024-01-05 00:00:00' | NULL | NULL | NULL | NULL | NULL | 'perhaps' | 'T_D-1'",
            ],
        }),
        asked: "settlementDate DATE | settlementPeriodFrom INT64 | settlementPeriodTo INT64 | timeFrom TIMESTAMP | levelTo INT64 | acceptanceNumber INT64 | acceptanceTime TIMESTAMP | soFlag BOOL | bmUnit STRING",
        unified: &[
            "2024-01-05 3 3 2024-01-05T01:30:00 1 7 2024-01-05T01:02:03 true T_A-1",
            "2024-01-05 3 3 2024-01-05T01:30:00 2 7 2024-01-05T01:02:03 false T_B-1",
            "2024-01-05 3 3 2024-01-05T01:30:00 4 7 2024-01-05T01:02:03 true T_C-1",
            "2024-01-05 ~ ~ ~ ~ ~ ~ ~ T_D-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 10 1 2025-10-28T03:59:00 true T_A-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 11 1 2025-10-28T03:59:00 true T_A-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 12 1 2025-10-28T03:59:00 false T_B-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 13 1 2025-10-28T03:59:00 false T_C-1",
        ],
        latest: Some(&[
            "2024-01-05 3 3 2024-01-05T01:30:00 1 7 2024-01-05T01:02:03 true T_A-1",
            "2024-01-05 3 3 2024-01-05T01:30:00 2 7 2024-01-05T01:02:03 false T_B-1",
            "2024-01-05 3 3 2024-01-05T01:30:00 4 7 2024-01-05T01:02:03 true T_C-1",
            "2024-01-05 ~ ~ ~ ~ ~ ~ ~ T_D-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 11 1 2025-10-28T03:59:00 true T_A-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 12 1 2025-10-28T03:59:00 false T_B-1",
            "2025-10-28 8 8 2025-10-28T04:00:00 13 1 2025-10-28T03:59:00 false T_C-1",
        ]),
    },
    // Made by an earlier program: text where times, numbers and truths should be; the period under its old name.
    Case {
        dataset: "MILS",
        iris: Table {
            name: "bmrs_mils_iris",
            columns: "settlementDate STRING | settlementPeriodFrom STRING | timeFrom DATETIME | levelFrom STRING | bmUnit STRING",
            rows: &[
                "'2025-10-28T00:00:00' | '5' | '2025-10-28 02:00:00' | '3' | 'T_A-1' | NULL | NULL | NULL | NULL",
                "'2025-10-28' | '6.0' | '2025-10-28 02:30:00' | NULL | 'T_A-1' | 'IRIS' | 'a' | 0 | NULL",
            ],
        },
        is_made_by_irispool: false,
        historic: Some(Table {
            name: "bmrs_mils",
            columns: "settlementDate DATE | settlementPeriodFrom FLOAT64 | settlementPeriodTo INT64 | levelFrom STRING",
            rows: &["'2024-01-05' | 1.0 | 2 | '-4'"],
        }),
        asked: "settlementDate DATE | settlementPeriod INT64 | settlementPeriodFrom INT64 | settlementPeriodTo INT64 | timeFrom TIMESTAMP | levelFrom INT64 | source STRING",
        unified: &[
            "2024-01-05 1 1 2 ~ -4 HISTORIC",
            "2025-10-28 5 5 5 2025-10-28T02:00:00 3 IRIS",
            "2025-10-28 6 6 6 2025-10-28T02:30:00 ~ IRIS",
        ],
        latest: None,
    },
    // Null is a value in some columns of a key: a fuel without an interconnector has its newest row only.
    Case {
        dataset: "FOU2T14D",
        iris: Table {
            name: "bmrs_fou2t14d_iris",
            columns: "fuelType STRING | publishTime TIMESTAMP | systemZone STRING | forecastDate DATE | outputUsable INT64 | biddingZone STRING | interconnectorName STRING",
            rows: &[
                "'CCGT' | '2025-10-28T03:00:00.000Z' | NULL | '2025-10-30' | 1 | NULL | NULL | 'IRIS' | 'a' | 0 | NULL",
                "'CCGT' | '2025-10-28T04:00:00.000Z' | NULL | '2025-10-30' | 2 | NULL | NULL | 'IRIS' | 'b' | 0 | NULL",
                "NULL | '2025-10-28T04:00:00.000Z' | NULL | '2025-10-30' | 3 | NULL | NULL | 'IRIS' | 'b' | 1 | NULL",
                "NULL | '2025-10-28T04:00:00.000Z' | NULL | '2025-10-30' | 4 | NULL | NULL | 'IRIS' | 'b' | 2 | NULL",
            ],
        },
        is_made_by_irispool: true,
        historic: None,
        asked: "forecastDate DATE | fuelType STRING | outputUsable INT64",
        unified: &["2025-10-30 CCGT 1", "2025-10-30 CCGT 2", "2025-10-30 ~ 3", "2025-10-30 ~ 4"],
        latest: Some(&["2025-10-30 CCGT 2", "2025-10-30 ~ 3", "2025-10-30 ~ 4"]),
    },
];

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

fn bigquery_views(case: &Case, place: Place<'_>) -> Vec<views::View> {
    let tables = tables(case);
    let iris = live(tables[0].0, &tables[0].1, None);
    let historic = tables.get(1).map(|(name, all, _)| live(name, all, None));
    let latest = views::latest(place, case.dataset, &iris, historic.as_ref());
    assert_eq!(latest.is_some(), case.latest.is_some(), "{}", case.dataset);
    [views::unified(place, case.dataset, &iris, historic.as_ref())].into_iter().chain(latest).collect()
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
        let place = Place { project: "local", dataset: &dataset };
        for (name, all, rows) in tables(case) {
            analysis.table_of(&format!("local.{dataset}.{name}"), &rows_query(&all, &rows));
        }
        for view in bigquery_views(case, place) {
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
        let place = Place { project: "local", dataset: &dataset };
        run(&format!("CREATE SCHEMA `local.{dataset}`"));
        for (name, all, rows) in tables(case) {
            run(&format!("CREATE TABLE `local.{dataset}.{name}` AS\n{}", rows_query(&all, &rows)));
        }
        for view in bigquery_views(case, place) {
            run(&view.sql);
        }
        for (view, expected) in expected(case) {
            let rows = run(&shown(case, &format!("local.{dataset}.{view}")));
            assert_eq!(lines(rows, case.asked), expected, "{at} {view}");
        }
    }
}
