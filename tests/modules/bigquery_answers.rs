//! The table of answers, line by line, for each operation that a delivery needs: what passes is ridden out, and what was
//! to be done is done once, whether the answer, the request or only the connection was lost.

use std::time::Duration;

use crate::support::fault_server::{Fault, FaultServer, error, fault};
use crate::support::feed::{assert_all_in, assert_in, freq, options};
use irispool::catalog::{ColumnKind, Field};
use irispool::warehouse::bigquery::{BigQuery, Options};
use irispool::warehouse::{BulkOutcome, MessageOutcome, Warehouse};
use serde_json::{Value, json};

const BATCH: &str = "FREQ.1761583680000.0";

/// Every fault that passes by itself, with the bodies as Google and the proxies before it send them.
fn passing() -> Vec<(&'static str, Vec<Fault>)> {
    let internal = "An internal error occurred and the request could not be completed.";
    let backend = "Error encountered during execution. Retrying may solve the problem.";
    let rate = "Exceeded rate limits: too many api requests per user per method for this user_method.";
    let bad_gateway = Value::from("<html><title>502</title><h1>Bad Gateway</h1></html>");
    let later = error(503, "backendError", backend);
    vec![
        ("500", vec![fault(500, "internalError", internal)]),
        ("500 after it was done", vec![Fault::DoneBut(500, error(500, "internalError", internal))]),
        ("502", vec![Fault::Answer(502, bad_gateway)]),
        ("503", vec![fault(503, "backendError", backend); 3]),
        ("503 after it was done", vec![Fault::DoneBut(503, later.clone())]),
        ("504", vec![fault(504, "", "Deadline exceeded")]),
        ("400 backendError", vec![fault(400, "backendError", backend)]),
        ("403 rateLimitExceeded", vec![fault(403, "rateLimitExceeded", rate); 2]),
        ("429 rateLimitExceeded", vec![fault(429, "rateLimitExceeded", rate)]),
        ("403 jobRateLimitExceeded", vec![fault(403, "jobRateLimitExceeded", "Exceeded rate limits")]),
        ("429 without a reason", vec![Fault::Answer(429, json!("Too Many Requests"))]),
        ("an unknown reason", vec![fault(503, "somethingNew", "?")]),
        ("Retry-After", vec![Fault::AnswerWith(503, later, "Retry-After", "0".into())]),
        ("reset before the request", vec![Fault::HangupEarly; 2]),
        ("reset after the request", vec![Fault::HangupBefore; 2]),
        ("reset after it was done", vec![Fault::HangupAfter]),
        ("an answer that breaks off", vec![Fault::HalfAnswer]),
        ("an answer that comes too late", vec![Fault::Slow(Duration::from_millis(900))]),
    ]
}

/// A warehouse that does not wait long for an answer.
fn hasty(server: &FaultServer) -> BigQuery {
    let options = Options { call_timeout: Duration::from_millis(400), ..options(server) };
    BigQuery::open("p.d".parse().unwrap(), options).unwrap()
}

/// The faults of one operation come while `act` is at work; gives the warehouse for a look at what it counted.
fn meeting(op: &'static str, act: impl Fn(&FaultServer, &BigQuery)) {
    for (name, faults) in passing() {
        // An upload has half an hour.
        if (op, name) == ("jobs.insert", "an answer that comes too late") {
            continue;
        }
        let server = FaultServer::start();
        let warehouse = hasty(&server);
        server.fail(op, faults);
        act(&server, &warehouse);
        assert!(server.all_met(), "{op}: {name}");
        // Nothing is tried again in silence.
        let reasons = warehouse.metrics().reasons();
        assert!(!reasons.is_empty(), "{op}: {name} is counted");
        assert_eq!(
            reasons.iter().any(|(reason, _)| reason == "unknown"),
            name == "an unknown reason",
            "{op}: {reasons:?}"
        );
        assert!(warehouse.metrics().retries.load(std::sync::atomic::Ordering::Relaxed) > 0, "{op}: {name}");
    }
}

#[test]
fn streamed_rows_are_in_once_under_one_insert_id() {
    meeting("insertAll", |server, warehouse| {
        let delivery = freq(warehouse, 2, 3);
        let result = warehouse.load(std::slice::from_ref(&delivery)).remove(0);
        assert_eq!(result.unwrap(), vec![MessageOutcome::Loaded; 2]);
        assert_all_in(server, &delivery);
    });
}

#[test]
fn a_load_job_is_made_once() {
    for op in ["jobs.insert", "jobs.get", "datasets.get"] {
        for is_new in [true, false] {
            meeting(op, |server, warehouse| {
                let delivery = freq(warehouse, 5, 4);
                let mut bulk = warehouse.begin_bulk("FREQ", BATCH, is_new).unwrap();
                bulk.add(&delivery).unwrap();
                assert_eq!(bulk.finish().unwrap(), BulkOutcome::Loaded);
                assert_in(server, &delivery, &Default::default());
                assert_eq!(server.state().jobs.len(), 1);
            });
        }
    }
}

#[test]
fn a_table_is_made_once() {
    for op in ["tables.list", "tables.insert"] {
        meeting(op, |server, warehouse| {
            assert_eq!(warehouse.schema("FREQ").unwrap().fields().len(), 3);
            assert_eq!(server.state().tables.len(), 1);
        });
    }
}

#[test]
fn a_found_table_is_read_and_given_its_column_once() {
    for op in ["tables.get", "tables.patch"] {
        meeting(op, |server, warehouse| {
            let columns = [("frequency", "FLOAT64", "NULLABLE")];
            server.has_table("bmrs_freq_iris", &columns);
            let schema = warehouse.add_fields("FREQ", &[Field::new("mood", ColumnKind::String)]).unwrap();
            assert!(schema.position("mood").is_some());
            let state = server.state();
            let fields = state.tables["bmrs_freq_iris"].resource["schema"]["fields"].as_array().unwrap();
            // Its own, the new one, and the five of irispool.
            assert_eq!(fields.len(), 7, "{fields:?}");
        });
    }
}

#[test]
fn a_dataset_is_made_once() {
    meeting("datasets.insert", |server, warehouse| {
        server.state().no_dataset = true;
        // After a lost answer it is there already, and nobody knows who made it.
        warehouse.create_bq_dataset(Some("EU")).unwrap();
        assert!(!server.state().no_dataset);
    });
}
