//! The warehouse against a BigQuery emulator that somebody else wrote.

use std::ops::Deref;
use std::thread;

use crate::support::emulator::Turn;
use crate::support::feed::{delivery, freq, names};
use irispool::catalog::{ColumnKind, Field};
use irispool::warehouse::bigquery::{BigQuery, CallError, Environment, Op, Options};
use irispool::warehouse::{BulkOutcome, MessageOutcome, Warehouse};
use serde_json::{Value, json};

/// A warehouse with a dataset of its own in the emulator.
struct Site {
    warehouse: BigQuery,
    options: Options,
    _emulator: Turn,
}

impl Deref for Site {
    type Target = BigQuery;

    fn deref(&self) -> &BigQuery {
        &self.warehouse
    }
}

/// None where there can be no emulator.
fn emulated(dataset: &str) -> Option<Site> {
    let emulator = Turn::take()?;
    let environment =
        Environment { emulator_host: Some(emulator.address().to_string()), ..Environment::default() };
    let options = Options { environment, ..Options::default() };
    let warehouse = BigQuery::open(format!("local.{dataset}").parse().unwrap(), options.clone()).unwrap();
    assert!(warehouse.create_bq_dataset(None).unwrap());
    assert!(!warehouse.create_bq_dataset(None).unwrap());
    Some(Site { warehouse, options, _emulator: emulator })
}

fn query(warehouse: &BigQuery, sql: &str) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    let count = warehouse.client().query::<CallError>(sql, |page| {
        assert!(!page.columns.is_empty());
        all.extend(page.rows);
        Ok(())
    });
    assert_eq!(count.unwrap(), all.len() as u64);
    all
}

#[test]
fn streamed_and_loaded_rows_can_be_asked_for() {
    let Some(site) = emulated("rows") else { return };
    let streamed = freq(&site, 20, 60);
    assert_eq!(
        site.load(std::slice::from_ref(&streamed)).remove(0).unwrap(),
        vec![MessageOutcome::Loaded; 20]
    );
    let counted = "SELECT COUNT(*), COUNT(DISTINCT message_id), SUM(frequency) FROM bmrs_freq_iris";
    let sum: f64 = (0..1200).map(|row| f64::from(row) + 0.5).sum();
    let row = query(&site, counted).remove(0);
    assert_eq!((&row[0], &row[1]), (&json!("1200"), &json!("20")));
    assert_eq!(row[2].as_str().unwrap().parse::<f64>().unwrap(), sum);
    assert_eq!(
        query(&site, "SELECT message_id, message_row FROM bmrs_freq_iris").len(),
        names(&streamed).len()
    );

    let mut bulk = site.begin_bulk("FREQ", &site.bq_dataset().name, false).unwrap();
    bulk.add(&freq(&site, 30, 500)).unwrap();
    assert_eq!(bulk.finish().unwrap(), BulkOutcome::Loaded);
    // The same batch again.
    let mut bulk = site.begin_bulk("FREQ", &site.bq_dataset().name, false).unwrap();
    bulk.add(&freq(&site, 30, 500)).unwrap();
    assert_eq!(bulk.finish().unwrap(), BulkOutcome::Loaded);
    // More than one page.
    assert_eq!(query(&site, "SELECT frequency FROM bmrs_freq_iris").len(), 1200 + 15_000);
}

#[test]
fn json_and_nested_values_are_the_same_whichever_way_they_come() {
    let Some(site) = emulated("json") else { return };
    let schema = site.add_fields("REMIT", &[Field::new("extra", ColumnKind::Json)]).unwrap();
    let make = || {
        delivery(&schema, "REMIT", 1, 1, |_| {
            vec![
                ("mrid", "m-1".to_owned()),
                ("extra", r#"{"a":["x"]}"#.to_owned()),
                (
                    "outageProfile",
                    r#"[{"startTime":"2025-10-27T00:00:00.000Z","endTime":"2025-10-28T00:00:00.000Z","capacity":12.5}]"#
                        .to_owned(),
                ),
            ]
        })
    };
    assert!(site.load(&[make()]).remove(0).is_ok());
    let mut bulk = site.begin_bulk("REMIT", &site.bq_dataset().name, false).unwrap();
    bulk.add(&make()).unwrap();
    assert_eq!(bulk.finish().unwrap(), BulkOutcome::Loaded);
    let rows = query(
        &site,
        "SELECT JSON_VALUE(extra, '$.a[0]'), outageProfile[OFFSET(0)].capacity, publishTime FROM bmrs_remit_iris",
    );
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row[0], "x");
        assert_eq!(row[1].as_str().unwrap().parse::<f64>().unwrap(), 12.5);
        assert_eq!(row[2], Value::Null);
    }
}

#[test]
fn a_table_of_an_earlier_program_is_filled_as_it_is() {
    let Some(site) = emulated("found") else { return };
    let bq_dataset = site.bq_dataset();
    let columns: Vec<Value> = [
        ("settlementDate", "DATETIME"),
        ("publishTime", "STRING"),
        ("generation", "NUMERIC"),
        ("ingested_utc", "STRING"),
        ("message_row", "STRING"),
        ("_source_file", "STRING"),
    ]
    .iter()
    .map(|(name, kind)| json!({"name": name, "type": kind}))
    .collect();
    let resource = json!({
        "tableReference": {"projectId": bq_dataset.project, "datasetId": bq_dataset.name, "tableId": "bmrs_fuelinst_iris"},
        "schema": {"fields": columns},
    });
    site.client().post(Op::TablesInsert, &format!("datasets/{}/tables", bq_dataset.name), &resource).unwrap();
    let schema = site.add_fields("FUELINST", &[Field::new("fuelType", ColumnKind::String)]).unwrap();
    let delivery = delivery(&schema, "FUELINST", 1, 3, |_| {
        vec![
            ("settlementDate", "2025-10-27T00:00:00.000".to_owned()),
            ("publishTime", "2025-10-27T16:48:00Z".to_owned()),
            ("generation", "12.5".to_owned()),
            ("fuelType", "CCGT".to_owned()),
        ]
    });
    assert!(site.load(&[delivery]).remove(0).is_ok());
    let rows = query(
        &site,
        "SELECT CAST(settlementDate AS STRING), generation, message_row, source, fuelType
         FROM bmrs_fuelinst_iris ORDER BY message_row",
    );
    assert_eq!(rows.len(), 3);
    assert!(rows[2][0].as_str().unwrap().starts_with("2025-10-27 00:00:00"), "{rows:?}");
    assert_eq!(rows[2][2..], [json!("2"), json!("IRIS"), json!("CCGT")]);
}

#[test]
fn three_workers_add_columns_and_fill_them() {
    let Some(first) = emulated("evolve") else { return };
    let bq_dataset = first.bq_dataset();
    first.schema("FREQ").unwrap();
    thread::scope(|scope| {
        for worker in 0..3 {
            let (bq_dataset, options) = (bq_dataset.clone(), first.options.clone());
            scope.spawn(move || {
                let warehouse = BigQuery::open(bq_dataset, options).unwrap();
                let name = ["w_0", "w_1", "w_2"][worker];
                let schema = warehouse.add_fields("FREQ", &[Field::new(name, ColumnKind::Int64)]).unwrap();
                let mut delivery = delivery(&schema, "FREQ", 1, 10, |row| vec![(name, row.to_string())]);
                delivery.messages[0].id = format!("FREQ_{name}.json");
                assert!(warehouse.load(&[delivery]).remove(0).is_ok());
            });
        }
    });
    let rows = query(&first, "SELECT SUM(w_0), SUM(w_1), SUM(w_2) FROM bmrs_freq_iris");
    assert_eq!(rows[0], vec![json!("45"); 3]);
    let schema = first.schema("FREQ").unwrap();
    assert!(["w_0", "w_1", "w_2"].iter().all(|name| schema.position(name).is_some()));
}
