//! The same messages into both warehouses: each value is in its column or in `rescued`, in SQLite and in BigQuery alike.

use std::sync::Arc;

use crate::support::fault_server::FaultServer;
use crate::support::feed::open;
use crate::support::sqlite::Place;
use irispool::message::{EncodeMode, Rows, Scratch, encode};
use irispool::warehouse::{Delivery, DeliveryMessage, MessageOutcome, Warehouse};
use serde_json::{Value, json};

/// Encodes for the table as the warehouse has it, with columns for new fields, and loads.
fn deliver(warehouse: &dyn Warehouse, dataset: &str, message: &str) {
    let (mut rows, mut scratch) = (Rows::default(), Scratch::default());
    let mut schema = warehouse.schema(dataset).unwrap();
    let first = encode(message.as_bytes(), &schema, EncodeMode::Evolve, &mut rows, &mut scratch).unwrap();
    if !first.new_fields.is_empty() {
        rows.truncate(0);
        schema = warehouse.add_fields(dataset, &first.new_fields).unwrap();
        encode(message.as_bytes(), &schema, EncodeMode::Rescue, &mut rows, &mut scratch).unwrap();
    }
    let message = DeliveryMessage {
        id: "m1".into(),
        hash: 1,
        bytes: message.len() as u64,
        rows: 0..rows.len(),
        rescued: 0,
        dead: 0,
        written_at_ms: 1_761_623_940_000,
        claimed_at_ms: 1_761_623_942_000,
    };
    let delivery = Delivery {
        dataset: dataset.into(),
        batch: "batch-1".into(),
        worker: "worker-1".into(),
        schema: Arc::clone(&schema),
        messages: vec![message],
        rows,
    };
    assert_eq!(warehouse.load(&[delivery]).remove(0).unwrap(), [MessageOutcome::Loaded]);
}

/// A column and `rescued` of the rows of a table, in their order in the message.
fn in_sqlite(place: &Place, table: &str, column: &str) -> Vec<(Value, Value)> {
    let sql = format!("SELECT json_array(\"{column}\"), rescued FROM {table} ORDER BY message_row");
    let other = place.other();
    let mut statement = other.prepare(&sql).unwrap();
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)));
    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    rows.unwrap()
        .map(|row| {
            row.map(|(value, rescued)| (json(value)[0].clone(), rescued.map_or(Value::Null, json))).unwrap()
        })
        .collect()
}

/// The same of the rows that the server took.
fn in_bigquery(server: &FaultServer, table: &str, column: &str) -> Vec<(Value, Value)> {
    let mut rows = server.rows(table);
    rows.sort_by_key(|row| row["message_row"].as_u64());
    let json = |value: &Value| value.as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    rows.iter().map(|row| (row[column].clone(), json(&row["rescued"]))).collect()
}

#[track_caller]
fn assert_both(dataset: &str, column: &str, message: &str, expected: &[(Value, Value)]) {
    let table = format!("bmrs_{}_iris", dataset.to_ascii_lowercase());
    let place = Place::new();
    deliver(&place.open(), dataset, message);
    assert_eq!(in_sqlite(&place, &table, column), expected, "SQLite");
    let server = FaultServer::start();
    deliver(&open(&server), dataset, message);
    assert_eq!(in_bigquery(&server, &table, column), expected, "BigQuery");
}

#[test]
fn names_that_differ_in_case_lose_no_value() {
    let message = r#"[{"frequency":49.9,"Frequency":null}, {"Frequency":1.5,"frequency":null}, {"Frequency":2.5,"frequency":3.5},
        {"FREQUENCY":4.5}, {"frequency":5.5,"frequency":6.5}]"#;
    let expected = [
        (json!(49.9), Value::Null),
        (json!(1.5), Value::Null),
        (json!(3.5), json!({"Frequency": 2.5})),
        (json!(4.5), Value::Null),
        (json!(6.5), json!({"frequency": 5.5})),
    ];
    assert_both("FREQ", "frequency", message, &expected);
}

#[test]
fn two_spellings_of_a_new_field_share_one_column_and_lose_no_value() {
    let message = r#"[{"newLevel":1.5,"newlevel":"x","a-b":1,"a_b":2}, {"NEWLEVEL":2.5}, {"newlevel":null,"newLevel":3.5}]"#;
    let expected = [
        (json!(1.5), json!({"newlevel": "x", "a-b": 1})),
        (json!(2.5), Value::Null),
        (json!(3.5), Value::Null),
    ];
    assert_both("NEWSET", "newLevel", message, &expected);
}

#[test]
fn numbers_that_a_float_does_not_hold_are_rescued() {
    let message = r#"[{"frequency":9007199254740992}, {"frequency":9007199254740993}, {"frequency":123456789012345678901},
        {"frequency":49.920000000000000001}, {"frequency":"9007199254740993"}]"#;
    let expected = [
        (json!(9_007_199_254_740_992.0), Value::Null),
        (Value::Null, json!({"frequency": 9_007_199_254_740_993_u64})),
        (Value::Null, json!({"frequency": "123456789012345678901"})),
        (json!(49.92), json!({"frequency": "49.920000000000000001"})),
        (Value::Null, json!({"frequency": "9007199254740993"})),
    ];
    assert_both("FREQ", "frequency", message, &expected);
}

/// A column of NUMERIC affinity makes a float of a fraction, and of a whole number beyond 64 bits.
#[test]
fn a_found_decimal_column_of_sqlite_rounds_nothing_that_is_not_rescued() {
    let place = Place::new();
    place.other().execute_batch("CREATE TABLE bmrs_newset_iris (price DECIMAL(38, 20))").unwrap();
    deliver(
        &place.open(),
        "NEWSET",
        r#"[{"price":12.5}, {"price":"12.50"}, {"price":12345678901234567.89}, {"price":7}]"#,
    );
    let expected = [
        (json!(12.5), Value::Null),
        (json!(12.5), Value::Null),
        (Value::Null, json!({"price": "12345678901234567.89"})),
        (json!(7), Value::Null),
    ];
    assert_eq!(in_sqlite(&place, "bmrs_newset_iris", "price"), expected);
}

#[test]
fn what_bigquery_refuses_is_rescued_beside_what_is_rescued_already() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    server.judge(|row| {
        let bad = row.get("frequency").is_some();
        bad.then(|| {
            ("invalid", "FREQUENCY".to_owned(), "Cannot convert value to double (bad value)".to_owned())
        })
    });
    // serde_json reads these back with another last digit.
    let floats = "[382.35476864133733,904.3183065651441]";
    let message =
        format!(r#"[{{"frequency":1.5,"Frequency":{floats}}}, {{"frequency":49.920000000000000001}}]"#);
    deliver(&warehouse, "FREQ", &message);
    let mut rows = server.rows("bmrs_freq_iris");
    rows.sort_by_key(|row| row["message_row"].as_u64());
    let rescued: Vec<_> = rows.iter().map(|row| row["rescued"].as_str().unwrap()).collect();
    assert_eq!(
        rescued,
        [
            format!(r#"{{"Frequency":{floats},"frequency":1.5}}"#),
            r#"{"frequency":"49.920000000000000001"}"#.to_owned(),
        ]
    );
}
