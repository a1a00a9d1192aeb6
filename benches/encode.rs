//! How fast messages become rows, on one core: a BOALF message of one row, a MELS message of 5,000 rows.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use irispool::catalog::{ColumnKind, Field, Schema};
use irispool::message::{EncodeMode, Rows, Scratch, encode};

const BOALF: &str = concat!(
    r#"[{"dataset": "BOALF", "settlementDate": "2025-10-27", "settlementPeriodFrom": 34, "#,
    r#""settlementPeriodTo": 34, "timeFrom": "2025-10-27T16:44:00.000Z", "timeTo": "2025-10-27T16:46:00.000Z", "#,
    r#""levelFrom": 155, "levelTo": 170, "acceptanceNumber": 92157, "acceptanceTime": "2025-10-27T16:42:00.000Z", "#,
    r#""deemedBoFlag": false, "soFlag": false, "amendmentFlag": "ORI", "storFlag": false, "rrFlag": false, "#,
    r#""nationalGridBmUnit": "HDSKC-1", "bmUnit": "V__HDSKC001"}]"#,
);

fn mels(rows: usize) -> String {
    let mut message = String::from("[");
    for row in 0..rows {
        let separator = if row == 0 { "" } else { ", " };
        write!(
            message,
            concat!(
                r#"{}{{"dataset": "MELS", "settlementDate": "2025-10-27", "settlementPeriod": 34, "#,
                r#""timeFrom": "2025-10-27T16:30:00.000Z", "timeTo": "2025-10-27T17:00:00.000Z", "#,
                r#""levelFrom": {}, "levelTo": {}, "notificationTime": "2025-10-27T15:{:02}:37.000Z", "#,
                r#""notificationSequence": {}, "nationalGridBmUnit": "UNIT-{}", "bmUnit": "T_UNIT-{}"}}"#,
            ),
            separator,
            row % 800,
            row % 700,
            row % 60,
            119_982_506 + row,
            row % 900,
            row % 900,
        )
        .expect("a String takes any text");
    }
    message.push(']');
    message
}

fn schema(columns: &[(&str, ColumnKind)]) -> Schema {
    let fields = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone())).collect();
    Schema::new("bench", fields)
}

fn boalf_schema() -> Schema {
    use ColumnKind::{Bool, Date, Int64, String, Timestamp};
    schema(&[
        ("dataset", String),
        ("settlementDate", Date),
        ("settlementPeriodFrom", Int64),
        ("settlementPeriodTo", Int64),
        ("timeFrom", Timestamp),
        ("timeTo", Timestamp),
        ("levelFrom", Int64),
        ("levelTo", Int64),
        ("acceptanceNumber", Int64),
        ("acceptanceTime", Timestamp),
        ("deemedBoFlag", Bool),
        ("soFlag", Bool),
        ("amendmentFlag", String),
        ("storFlag", Bool),
        ("rrFlag", Bool),
        ("nationalGridBmUnit", String),
        ("bmUnit", String),
    ])
}

fn mels_schema() -> Schema {
    use ColumnKind::{Date, Int64, String, Timestamp};
    schema(&[
        ("dataset", String),
        ("settlementDate", Date),
        ("settlementPeriod", Int64),
        ("timeFrom", Timestamp),
        ("timeTo", Timestamp),
        ("levelFrom", Int64),
        ("levelTo", Int64),
        ("notificationTime", Timestamp),
        ("notificationSequence", Int64),
        ("nationalGridBmUnit", String),
        ("bmUnit", String),
    ])
}

fn benches(criterion: &mut Criterion) {
    let big = mels(5000);
    for (name, message, schema, rows_expected) in [
        ("encode/BOALF, 1 row", BOALF, boalf_schema(), 1),
        ("encode/MELS, 5000 rows", big.as_str(), mels_schema(), 5000),
    ] {
        let mut rows = Rows::default();
        let mut scratch = Scratch::default();
        encode(message.as_bytes(), &schema, EncodeMode::Evolve, &mut rows, &mut scratch)
            .expect("a sound message");
        assert_eq!(rows.len() as u64, rows_expected, "every row of {name} is good");
        let mut group = criterion.benchmark_group(name);
        for (unit, throughput) in [
            ("bytes", Throughput::Bytes(message.len() as u64)),
            ("rows", Throughput::Elements(rows_expected)),
        ] {
            group.throughput(throughput);
            group.bench_function(unit, |bencher| {
                bencher.iter(|| {
                    rows.truncate(0);
                    let message = black_box(message.as_bytes());
                    encode(message, &schema, EncodeMode::Evolve, &mut rows, &mut scratch)
                });
            });
        }
        group.finish();
    }
}

criterion_group!(encoding, benches);
criterion_main!(encoding);
