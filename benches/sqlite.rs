//! How fast SQLite takes rows, commits included: a backlog's batches, and the small flushes of live operation.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use irispool::catalog::{ColumnKind, Schema};
use irispool::message::{Cell, Rows};
use irispool::warehouse::sqlite::Sqlite;
use irispool::warehouse::{Delivery, DeliveryMessage, Warehouse};

/// Messages that no one sent before, of 2 or 3 rows (2.45 on average, as in a real backlog).
fn delivery(dataset: &str, schema: &Arc<Schema>, serial: &mut u64, rows_wanted: usize) -> Delivery {
    let mut rows = Rows::default();
    let mut messages = Vec::new();
    while rows.len() < rows_wanted {
        let first = rows.len();
        let count = if rows_wanted == 1 { 1 } else { 2 + u64::from(*serial % 20 < 9) };
        for place in 0..count {
            push_row(&mut rows, schema, *serial * 3 + place);
            rows.end_row(place as u32, "");
        }
        messages.push(DeliveryMessage {
            id: format!("{dataset}_202510271648_{serial:08}.json"),
            hash: u128::from(*serial) << 64 | 0x9E37_79B9,
            bytes: 600,
            rows: first..rows.len(),
            rescued: 0,
            dead: 0,
            written_at_ms: 1_761_623_940_000 + *serial as i64,
            claimed_at_ms: 1_761_623_940_000,
        });
        *serial += 1;
    }
    Delivery {
        dataset: dataset.into(),
        batch: "20251028T035900-4711-1".into(),
        worker: "host-4711-1761623940".into(),
        schema: schema.clone(),
        messages,
        rows,
    }
}

fn push_row(rows: &mut Rows, schema: &Schema, number: u64) {
    for (column, field) in schema.fields().iter().enumerate() {
        match field.kind {
            ColumnKind::Bool => rows.push(column, Cell::Bool(number.is_multiple_of(2))),
            ColumnKind::Int64 => rows.push(column, Cell::Int(number as i64 % 50)),
            ColumnKind::Float64 => rows.push(column, Cell::Float(number as f64 / 7.0)),
            ColumnKind::Date => rows.push(column, Cell::Text("2025-10-28")),
            ColumnKind::Timestamp => {
                let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
                let time = format!("2025-10-28T{hour:02}:{minute:02}:{second:02}.000Z");
                rows.push(column, Cell::Text(&time));
            }
            _ => rows.push(column, Cell::Text(&format!("T_UNIT-{}", number % 3000))),
        }
    }
}

fn load(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the database");
    let warehouse = Sqlite::open(folder.path().join("bench.db"), Duration::from_secs(5)).expect("a database");
    let mut serial = 0;
    let mut group = criterion.benchmark_group("sqlite load");
    group.sample_size(20).measurement_time(Duration::from_secs(5));
    for rows in [1, 20, 8_000, 20_000] {
        let schema = warehouse.schema("MELS").expect("a table");
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(format!("{rows} rows a commit"), |bencher| {
            bencher.iter_batched(
                || [delivery("MELS", &schema, &mut serial, rows)],
                |delivery| {
                    for outcome in black_box(warehouse.load(&delivery)) {
                        outcome.expect("rows go in");
                    }
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
