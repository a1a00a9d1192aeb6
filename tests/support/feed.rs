//! Deliveries for the tests, and what must have become of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use irispool::catalog::{ColumnKind, Schema};
use irispool::message::{Cell, Rows};
use irispool::warehouse::bigquery::{BigQuery, Environment, Options};
use irispool::warehouse::{Delivery, DeliveryMessage, MessageOutcome, Warehouse};

use super::fault_server::{FaultServer, name_of};

/// Short pauses, no limit of requests.
pub fn options(server: &FaultServer) -> Options {
    Options {
        backoff_first: Duration::from_millis(1),
        backoff_max: Duration::from_millis(4),
        patience: Duration::from_secs(20),
        requests_per_second: None,
        gzip: Some(true),
        environment: Environment {
            emulator_host: Some(server.address.to_string()),
            ..Environment::default()
        },
        ..Options::default()
    }
}

/// Gives up after some tries: more than one, however slow the machine is.
pub fn impatient(server: &FaultServer) -> Options {
    Options { patience: Duration::from_millis(300), ..options(server) }
}

pub fn open(server: &FaultServer) -> BigQuery {
    BigQuery::open("p.d".parse().unwrap(), options(server)).unwrap()
}

/// Messages of some rows each; `fill` gives the columns of the row at a place, over all messages, as text in their wire
/// form.
pub fn delivery(
    schema: &Arc<Schema>,
    dataset: &str,
    messages: usize,
    rows_each: usize,
    fill: impl Fn(usize) -> Vec<(&'static str, String)>,
) -> Delivery {
    let mut rows = Rows::default();
    let messages = (0..messages)
        .map(|place| {
            let start = rows.len();
            for row in 0..rows_each {
                for (name, text) in fill(start + row) {
                    let column = schema.position(name).unwrap_or_else(|| panic!("{name} is a column"));
                    let field = &schema.fields()[column];
                    match field.kind {
                        ColumnKind::Int64 if !field.repeated => {
                            rows.push(column, Cell::Int(text.parse().unwrap()))
                        }
                        ColumnKind::Float64 if !field.repeated => {
                            rows.push(column, Cell::Float(text.parse().unwrap()))
                        }
                        ColumnKind::Bool if !field.repeated => rows.push(column, Cell::Bool(text == "true")),
                        _ => rows.push(column, Cell::Text(&text)),
                    }
                }
                rows.end_row(row as u32, "");
            }
            DeliveryMessage {
                id: format!("{dataset}_202510271648_{place:05}.json"),
                hash: 7,
                bytes: 100,
                rows: start..rows.len(),
                rescued: 0,
                dead: 0,
                written_at_ms: 0,
                claimed_at_ms: 0,
            }
        })
        .collect();
    Delivery {
        dataset: dataset.into(),
        worker: "w".into(),
        batch: format!("20251027T164800-1-abcdef-00001.{dataset}").into(),
        schema: Arc::clone(schema),
        messages,
        rows,
    }
}

pub fn freq(warehouse: &BigQuery, messages: usize, rows_each: usize) -> Delivery {
    let schema = warehouse.schema("FREQ").unwrap();
    delivery(&schema, "FREQ", messages, rows_each, |row| {
        vec![("measurementTime", "2025-10-27T16:48:00.000Z".to_owned()), ("frequency", format!("{row}.5"))]
    })
}

pub fn fuelinst(warehouse: &BigQuery, messages: usize, rows_each: usize) -> Delivery {
    let schema = warehouse.schema("FUELINST").unwrap();
    delivery(&schema, "FUELINST", messages, rows_each, |row| {
        vec![("fuelType", "CCGT".to_owned()), ("generation", row.to_string())]
    })
}

/// The names of all rows of a delivery.
pub fn names(delivery: &Delivery) -> BTreeSet<(String, u64)> {
    delivery
        .messages
        .iter()
        .flat_map(|message| {
            delivery
                .rows
                .range(message.rows.clone())
                .map(|row| (message.id.clone(), u64::from(row.message_row())))
        })
        .collect()
}

/// Every row of the delivery is in its table, once, and each was sent under one insertId only.
pub fn assert_all_in(server: &FaultServer, delivery: &Delivery) {
    assert_in(server, delivery, &BTreeSet::new());
    let state = server.state();
    for name in names(delivery) {
        assert_eq!(state.sent[&name].len(), 1, "{name:?} went under {:?}", state.sent[&name]);
    }
}

/// Every row of the delivery is in its table, once, but for these.
pub fn assert_in(server: &FaultServer, delivery: &Delivery, but: &BTreeSet<(String, u64)>) {
    let mut found: BTreeMap<(String, u64), usize> = BTreeMap::new();
    for row in server.rows(delivery.schema.table()) {
        *found.entry(name_of(&row)).or_default() += 1;
    }
    let wanted: BTreeMap<_, usize> =
        names(delivery).into_iter().filter(|name| !but.contains(name)).map(|name| (name, 1)).collect();
    assert_eq!(found, wanted);
}

/// Delivers until it is done, as the pipeline does: what has to wait is tried again.
pub fn deliver(warehouse: &BigQuery, make: impl Fn() -> Delivery) -> (Delivery, Vec<MessageOutcome>) {
    for _ in 0..50 {
        let delivery = make();
        let result = warehouse.load(std::slice::from_ref(&delivery)).remove(0);
        match result {
            Ok(outcomes) => return (delivery, outcomes),
            Err(irispool::warehouse::WarehouseError::Later { .. }) => {}
            Err(setup) => panic!("{setup:?}"),
        }
    }
    panic!("it is never done");
}
