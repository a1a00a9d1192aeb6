//! What the views give over tables with rows in them: once on Google's reference implementation, which knows BigQuery's
//! casts, and once on an emulator, through its API.

use crate::support::bigquery_sql::{
    Analysis, Emulator, TableRows, existing_queries, installed, shipped_queries,
};
use irispool::warehouse::bigquery::BqDataset;
use irispool::warehouse::bigquery::views::{self, LiveTable};

fn bq_dataset() -> BqDataset {
    BqDataset::new("local", "d")
}

/// Each dataset with its IRIS table and its history.
const TABLES: [(&str, TableRows, Option<TableRows>); 5] = [
    ("BOALF", BOALF, Some(BOALF_HISTORY)),
    ("FREQ", FREQ, Some(FREQ_HISTORY)),
    ("FUELINST", FUELINST, Some(FUELINST_HISTORY)),
    ("MILS", MILS, Some(MILS_HISTORY)),
    ("REMIT", REMIT, Some(REMIT_HISTORY)),
];

/// A table of irispool's own: a row let in twice, a row sent again with another value, a message that came again with
/// fewer rows, and one of which a second copy has come in part.
const BOALF: TableRows = TableRows {
    name: "bmrs_boalf_iris",
    columns: "settlementDate DATE | settlementPeriodFrom INT64 | acceptanceNumber INT64 | \
        acceptanceTime TIMESTAMP | timeFrom TIMESTAMP | timeTo TIMESTAMP | bmUnit STRING | \
        nationalGridBmUnit STRING | levelTo INT64 | ingested_utc TIMESTAMP | source STRING | \
        message_id STRING | message_row INT64 | rescued STRING",
    partition_field: Some("acceptanceTime"),
    rows: &[
        "'2025-10-28' | 8 | 1 | '2025-10-28 03:59:00Z' | NULL | NULL | 'T_A-1' | 'A-1' | 10 | '2025-10-28 04:00:00Z' | 'IRIS' | 'twice' | 0 | NULL",
        "'2025-10-28' | 8 | 1 | '2025-10-28 03:59:00Z' | NULL | NULL | 'T_A-1' | 'A-1' | 10 | '2025-10-28 04:00:00Z' | 'IRIS' | 'twice' | 0 | NULL",
        "'2025-10-28' | 8 | 1 | '2025-10-28 03:59:00Z' | NULL | NULL | 'T_A-1' | 'A-1' | 10 | '2025-10-28 04:00:00Z' | 'IRIS' | 'twice' | 1 | '{\"levelTo\":1.5}'",
        "'2025-10-28' | 9 | 2 | '2025-10-28 04:01:00Z' | NULL | NULL | 'T_A-1' | 'A-1' | 20 | '2025-10-28 04:02:00Z' | 'IRIS' | 'newer' | 0 | NULL",
        "'2025-10-28' | 9 | 2 | '2025-10-28 04:01:00Z' | NULL | NULL | 'T_A-1' | 'A-1' | 21 | '2025-10-28 04:03:00Z' | 'IRIS' | 'newer' | 0 | NULL",
        "'2025-10-28' | 9 | 3 | '2025-10-28 04:01:00Z' | NULL | NULL | 'T_B-1' | 'B-1' | 30 | '2025-10-28 04:02:00Z' | 'IRIS' | 'shorter' | 0 | NULL",
        "'2025-10-28' | 9 | 4 | '2025-10-28 04:01:00Z' | NULL | NULL | 'T_B-1' | 'B-1' | 40 | '2025-10-28 04:02:00Z' | 'IRIS' | 'shorter' | 1 | NULL",
        "'2025-10-28' | 9 | 3 | '2025-10-28 04:01:00Z' | NULL | NULL | 'T_B-1' | 'B-1' | 31 | '2025-10-28 04:03:00Z' | 'IRIS' | 'shorter' | 0 | NULL",
        "'2025-10-28' | 9 | 5 | '2025-10-28 04:01:00Z' | NULL | NULL | 'T_C-1' | 'C-1' | 50 | '2025-10-28 04:02:00Z' | 'IRIS' | 'in part' | 0 | NULL",
        "'2025-10-28' | 9 | 6 | '2025-10-28 04:01:00Z' | NULL | NULL | 'T_C-1' | 'C-1' | 60 | '2025-10-28 04:02:00Z' | 'IRIS' | 'in part' | 1 | NULL",
        "'2025-10-28' | 9 | 6 | '2025-10-28 04:01:00Z' | NULL | NULL | 'T_C-1' | 'C-1' | 61 | '2025-10-28 04:03:00Z' | 'IRIS' | 'in part' | 1 | NULL",
    ],
};

/// Dates as DATETIME, times as STRING, one settlement period for two, no nationalGridBmUnit.
const BOALF_HISTORY: TableRows = TableRows {
    name: "bmrs_boalf",
    columns: "settlementDate DATETIME | settlementPeriod STRING | acceptanceNumber FLOAT64 | \
        acceptanceTime STRING | timeFrom DATETIME | bmUnit STRING | _ingested_utc STRING | \
        _hash_key STRING",
    partition_field: None,
    rows: &[
        "'2024-01-05 00:00:00' | '3' | 7 | '2024-01-05T01:02:03Z' | '2024-01-05 01:30:00' | 'T_A-1' | '2025-01-01T00:00:00.123456789' | 'x'",
        "'2024-01-05 00:00:00' | '3.0' | 7 | '2024-01-05 01:02' | NULL | 'T_A-1' | NULL | 'y'",
        "NULL | '?' | NULL | 'soon' | NULL | NULL | '?' | NULL",
    ],
};

const FREQ: TableRows = TableRows {
    name: "bmrs_freq_iris",
    columns: "dataset STRING | measurementTime TIMESTAMP | frequency FLOAT64 | ingested_utc TIMESTAMP | \
        source STRING | message_id STRING | message_row INT64 | rescued STRING",
    partition_field: Some("measurementTime"),
    rows: &[
        "'FREQ' | CURRENT_TIMESTAMP() | 49.98 | CURRENT_TIMESTAMP() | 'IRIS' | 'a' | 0 | NULL",
        "'FREQ' | CURRENT_TIMESTAMP() | 49.98 | CURRENT_TIMESTAMP() | 'IRIS' | 'b' | 0 | NULL",
    ],
};

const FREQ_HISTORY: TableRows = TableRows {
    name: "bmrs_freq",
    columns: "reportSnapshotTime DATETIME | spotTime STRING | frequency STRING | _source STRING",
    partition_field: None,
    rows: &[
        "'2024-01-05 00:00:15' | NULL | '50.01' | 'x'",
        "NULL | '2024-01-05 00:00:30+01:00' | '50.02' | 'x'",
    ],
};

/// publishTime is today's in London whatever the hour, as the queries ask for today.
const FUELINST: TableRows = TableRows {
    name: "bmrs_fuelinst_iris",
    columns: "publishTime TIMESTAMP | startTime TIMESTAMP | settlementDate DATE | \
        settlementPeriod INT64 | fuelType STRING | generation INT64 | ingested_utc TIMESTAMP | \
        source STRING | message_id STRING | message_row INT64 | rescued STRING",
    partition_field: Some("publishTime"),
    rows: &[
        "TIMESTAMP(CURRENT_DATE('Europe/London')) | '2025-10-28 03:00:00Z' | '2025-10-28' | 7 | 'CCGT' | 1500 | CURRENT_TIMESTAMP() | 'IRIS' | 'a' | 0 | NULL",
        "TIMESTAMP(CURRENT_DATE('Europe/London')) | '2025-10-28 03:05:00Z' | '2025-10-28' | 7 | 'CCGT' | 2500 | CURRENT_TIMESTAMP() | 'IRIS' | 'a' | 1 | NULL",
        "'2025-10-28 03:02:00Z' | '2025-10-28 03:05:00Z' | '2025-10-28' | 7 | 'CCGT' | 2400 | CURRENT_TIMESTAMP() | 'IRIS' | 'b' | 0 | NULL",
    ],
};

/// Older than startTime.
const FUELINST_HISTORY: TableRows = TableRows {
    name: "bmrs_fuelinst",
    columns: "publishTime DATETIME | settlementDate TIMESTAMP | settlementPeriod STRING | \
        fuelType STRING | generation FLOAT64",
    partition_field: None,
    rows: &[
        "'2024-01-05 00:05:00' | '2024-01-05 00:00:00Z' | '1' | 'CCGT' | 1200.0",
        "'2024-01-05 00:10:00' | '2024-01-05 00:00:00Z' | '1' | 'CCGT' | 1300.0",
    ],
};

/// Made by an earlier program, and added to: rows without a message id, two of them alike; fractions in a level.
const MILS: TableRows = TableRows {
    name: "bmrs_mils_iris",
    columns: "settlementDate DATETIME | settlementPeriodFrom INT64 | timeFrom STRING | \
        levelFrom FLOAT64 | bmUnit STRING | ingested_utc TIMESTAMP | settlementPeriod INT64 | \
        source STRING | message_id STRING | message_row INT64 | rescued JSON",
    partition_field: Some("settlementDate"),
    rows: &[
        "DATETIME(CURRENT_DATE()) | 5 | '2025-10-28T02:00:00.000Z' | 1.5 | 'T_A-1' | '2025-10-01 00:00:00Z' | NULL | NULL | NULL | NULL | NULL",
        "DATETIME(CURRENT_DATE()) | 5 | '2025-10-28T02:00:00.000Z' | 1.5 | 'T_A-1' | '2025-10-01 00:00:00Z' | NULL | NULL | NULL | NULL | NULL",
        "DATETIME(CURRENT_DATE()) | NULL | '2025-10-28T02:00:00.000Z' | 2.5 | 'T_A-1' | '2025-10-28 00:00:00Z' | 6 | 'IRIS' | 'a' | 0 | NULL",
        "DATETIME(CURRENT_DATE()) | NULL | '2025-10-28T02:00:00.000Z' | 2.5 | 'T_A-1' | '2025-10-28 00:00:01Z' | 6 | 'IRIS' | 'a' | 0 | NULL",
    ],
};

const MILS_HISTORY: TableRows = TableRows {
    name: "bmrs_mils",
    columns: "settlementDate STRING | settlementPeriodFrom INT64 | settlementPeriodTo INT64 | \
        levelFrom INT64",
    partition_field: None,
    rows: &["'2024-01-05' | 1 | 2 | 3", "'2024-01-05T00:00:00' | 1 | 2 | 3", "'no date' | 1 | 2 | 3"],
};

const REMIT: TableRows = TableRows {
    name: "bmrs_remit_iris",
    columns: "mrid STRING | publishTime TIMESTAMP | createdTime TIMESTAMP | \
        outageProfile ARRAY<STRUCT<startTime TIMESTAMP, capacity FLOAT64>> | \
        ingested_utc TIMESTAMP | source STRING | message_id STRING | message_row INT64 | \
        rescued STRING",
    partition_field: Some("publishTime"),
    rows: &[
        "'m1' | '2025-10-28 03:00:00Z' | NULL | [STRUCT(TIMESTAMP '2025-10-28 00:00:00Z' AS startTime, 1.5 AS capacity)] | '2025-10-28 04:00:00Z' | 'IRIS' | 'a' | 0 | NULL",
        "'m1' | '2025-10-28 02:00:00Z' | NULL | [] | '2025-10-28 04:00:00Z' | 'IRIS' | 'b' | 0 | NULL",
    ],
};

const REMIT_HISTORY: TableRows = TableRows {
    name: "bmrs_remit_unavailability",
    columns: "mrid STRING | publishTime STRING | outageProfile STRING",
    partition_field: None,
    rows: &["'m0' | '2024-01-05T00:00:00Z' | '[{\"capacity\": 2}]'", "'m1' | '2024-01-05T00:00:00Z' | NULL"],
};

/// MELS has no table with rows in it, but queries name it.
fn empty_mels() -> LiveTable {
    let columns = ["ingested_utc TIMESTAMP", "settlementDate DATE", "message_id STRING", "message_row INT64"];
    let columns = columns.map(crate::support::bigquery_sql::column);
    LiveTable {
        name: "bmrs_mels_iris".into(),
        columns: columns.into(),
        times_of_day: Vec::new(),
        partition_field: None,
    }
}

/// Queries and what they give, `~` for NULL. Times are asked for as text, as every engine writes them its own way.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        "SELECT message_id, message_row, levelTo, rescued FROM `local.d.bmrs_boalf_unified` WHERE source = 'IRIS' ORDER BY 1, 2",
        &["in part 0 50 ~", "in part 1 61 ~", "newer 0 21 ~", "shorter 0 31 ~", "twice 0 10 ~", "twice 1 10 {\"levelTo\":1.5}"],
    ),
    (
        "SELECT FORMAT_DATE('%F', settlementDate), settlementPeriodFrom, settlementPeriodTo, acceptanceNumber,
           FORMAT_TIMESTAMP('%FT%T', acceptanceTime, 'UTC'), FORMAT_TIMESTAMP('%FT%T', timeFrom, 'UTC'), nationalGridBmUnit,
           FORMAT_TIMESTAMP('%FT%T', ingested_utc, 'UTC'), source, message_id, message_row
         FROM `local.d.bmrs_boalf_unified` WHERE source = 'HISTORIC' ORDER BY acceptanceTime DESC, bmUnit DESC",
        &[
            "2024-01-05 3 3 7 2024-01-05T01:02:03 2024-01-05T01:30:00 ~ 2025-01-01T00:00:00 HISTORIC ~ ~",
            "2024-01-05 3 3 7 2024-01-05T01:02:00 ~ ~ ~ HISTORIC ~ ~",
            "~ ~ ~ ~ ~ ~ ~ ~ HISTORIC ~ ~",
        ],
    ),
    // No row of the history is taken for another's, as it lacks a column of the key, nor are the two rows of IRIS that
    // have no timeFrom.
    ("SELECT source, COUNT(*) FROM `local.d.bmrs_boalf_latest` GROUP BY source ORDER BY source", &["HISTORIC 3", "IRIS 6"]),
    (
        "SELECT FORMAT_TIMESTAMP('%FT%T', measurementTime, 'UTC'), FORMAT_TIMESTAMP('%FT%T', spotTime, 'UTC'),
           FORMAT_TIMESTAMP('%FT%T', reportSnapshotTime, 'UTC'), frequency
         FROM `local.d.bmrs_freq_unified` WHERE source = 'HISTORIC' ORDER BY frequency",
        &[
            "2024-01-05T00:00:15 2024-01-05T00:00:15 2024-01-05T00:00:15 50.01",
            "2024-01-04T23:00:30 2024-01-04T23:00:30 2024-01-04T23:00:30 50.02",
        ],
    ),
    (
        "SELECT settlementPeriod, generation, FORMAT_TIMESTAMP('%FT%T', publishTime, 'UTC'), FORMAT_DATE('%F', settlementDate)
         FROM `local.d.bmrs_fuelinst_unified` WHERE source = 'HISTORIC' ORDER BY publishTime",
        &["1 1200 2024-01-05T00:05:00 2024-01-05", "1 1300 2024-01-05T00:10:00 2024-01-05"],
    ),
    (
        "SELECT source, generation FROM `local.d.bmrs_fuelinst_latest` ORDER BY generation",
        &["HISTORIC 1200", "HISTORIC 1300", "IRIS 1500", "IRIS 2500"],
    ),
    (
        "SELECT settlementDate = CURRENT_DATE(), settlementPeriod, settlementPeriodFrom, settlementPeriodTo,
           FORMAT_TIMESTAMP('%FT%T', timeFrom, 'UTC'), levelFrom, source, message_id
         FROM `local.d.bmrs_mils_unified` WHERE source = 'IRIS' ORDER BY levelFrom",
        &[
            "true 5 5 5 2025-10-28T02:00:00 1.5 IRIS ~",
            "true 5 5 5 2025-10-28T02:00:00 1.5 IRIS ~",
            "true 6 6 6 2025-10-28T02:00:00 2.5 IRIS a",
        ],
    ),
    (
        "SELECT FORMAT_DATE('%F', settlementDate), settlementPeriod, settlementPeriodFrom, settlementPeriodTo
         FROM `local.d.bmrs_mils_unified` WHERE source = 'HISTORIC' ORDER BY settlementDate DESC",
        &["2024-01-05 1 1 2", "2024-01-05 1 1 2", "~ 1 1 2"],
    ),
    (
        "SELECT mrid, source, JSON_VALUE(outageProfile, '$[0].capacity') FROM `local.d.bmrs_remit_unified`
         ORDER BY mrid, source, publishTime",
        &["m0 HISTORIC 2", "m1 HISTORIC ~", "m1 IRIS ~", "m1 IRIS 1.5"],
    ),
    (
        "SELECT mrid, source, JSON_VALUE(outageProfile, '$[0].capacity') FROM `local.d.bmrs_remit_latest` ORDER BY mrid",
        &["m0 HISTORIC 2", "m1 IRIS 1.5"],
    ),
];

/// The rows that each of the existing queries gives.
const EXISTING_ROWS: [usize; 14] = [9, 0, 1, 1, 1, 2, 2, 2, 3, 3, 0, 4, 6, 6];

fn views() -> Vec<views::View> {
    let mut made = vec![views::unified(&bq_dataset(), "MELS", &empty_mels(), None)];
    for (dataset, iris, historic) in TABLES {
        let (iris, historic) = (iris.live(), historic.map(|historic| historic.live()));
        made.push(views::unified(&bq_dataset(), dataset, &iris, historic.as_ref()));
        made.extend(views::latest(&bq_dataset(), dataset, &iris, historic.as_ref()));
    }
    made
}

fn lines(rows: &[Vec<Option<String>>]) -> Vec<String> {
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "~".to_owned());
    rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_views_give_what_they_promise_on_googles_reference_implementation() {
    if !installed("bq-analyze") {
        return;
    }
    let mut analysis = Analysis::default();
    analysis.table("local.d.bmrs_mels_iris", &empty_mels().columns);
    for table in TABLES.into_iter().flat_map(|(_, iris, historic)| [Some(iris), historic]).flatten() {
        analysis.table_of(&format!("local.d.{}", table.name), &table.query());
    }
    for view in views() {
        analysis.run(&view.name, &view.sql);
    }
    EXPECTED.iter().for_each(|(sql, _)| analysis.run(sql, sql));
    let existing = existing_queries("local", "d");
    // What BigQuery says of its own tables only an engine with tables of its own can give.
    existing[..12].iter().for_each(|(name, sql)| analysis.run(name, sql));
    let answers = analysis.answers();
    for answer in &answers {
        assert_eq!(answer.error, None, "{}", answer.name);
    }
    let rows = |name: &str| &answers.iter().find(|answer| answer.name == name).unwrap().rows;
    for (sql, expected) in EXPECTED {
        assert_eq!(lines(rows(sql)), *expected, "{sql}");
    }
    for ((name, _), expected) in existing.iter().zip(EXISTING_ROWS).take(12) {
        assert_eq!(rows(name).len(), expected, "{name}: {:?}", rows(name));
    }
}

#[test]
fn the_views_and_all_queries_run_on_an_emulator() {
    if !installed("bq-emulator") {
        return;
    }
    let emulator = Emulator::start();
    let run = |sql: &str| emulator.query(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    run("CREATE SCHEMA `local.d`");
    let mels = empty_mels().columns;
    let mels: Vec<_> = mels
        .iter()
        .map(|column| format!("{} {}", column.name, crate::support::bigquery_sql::type_name(column)))
        .collect();
    run(&format!("CREATE TABLE `local.d.bmrs_mels_iris` ({})", mels.join(", ")));
    for table in TABLES.into_iter().flat_map(|(_, iris, historic)| [Some(iris), historic]).flatten() {
        run(&format!("CREATE TABLE `local.d.{}` AS\n{}", table.name, table.query()));
    }
    // Set up twice, as a person does.
    for view in views().iter().chain(&views()) {
        run(&view.sql);
    }
    for (sql, expected) in EXPECTED {
        assert_eq!(lines(&run(sql)), *expected, "{sql}");
    }
    for ((name, sql), expected) in existing_queries("local", "d").iter().zip(EXISTING_ROWS) {
        let rows = run(sql);
        assert_eq!(rows.len(), expected, "{name}: {rows:?}");
    }
    for (_, sql) in shipped_queries("local", "d") {
        run(&sql);
    }
}
