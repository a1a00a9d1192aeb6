//! Streaming against a server that fails in every way that BigQuery is known to fail in. However it fails: every row
//! arrives, each under one insertId, and no good row is refused.

use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::support::fault_server::{Fault, FaultServer, error, fault};
use crate::support::feed::{
    assert_all_in, assert_in, deliver, delivery, freq, fuelinst, impatient, open, options,
};
use irispool::catalog::{ColumnKind, Field};
use irispool::warehouse::bigquery::{BigQuery, Options};
use irispool::warehouse::{Delivery, MessageOutcome, RefusedRow, Warehouse, WarehouseError};
use serde_json::json;

fn loaded(messages: usize) -> Vec<MessageOutcome> {
    vec![MessageOutcome::Loaded; messages]
}

#[test]
fn rows_arrive_in_batches_of_500_by_several_requests() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let deliveries = [freq(&warehouse, 30, 40), fuelinst(&warehouse, 7, 100)];
    let results = warehouse.load(&deliveries);
    assert_eq!(results[0].as_ref().unwrap(), &loaded(30));
    assert_eq!(results[1].as_ref().unwrap(), &loaded(7));
    assert_all_in(&server, &deliveries[0]);
    assert_all_in(&server, &deliveries[1]);
    let mut batches = server.state().batches.clone();
    batches.sort_unstable();
    assert_eq!(batches, [200, 200, 500, 500, 500]);
    let row = &server.rows("bmrs_freq_iris")[0];
    assert_eq!(row["source"], "IRIS");
    assert_eq!(row["measurementTime"], "2025-10-27T16:48:00.000Z");
    assert!(row["ingested_utc"].as_str().unwrap().ends_with('Z'));
}

/// The unified views hide what is older than the newest first row of a message; and Google keeps a row that it
/// remembers as it was sent first.
#[test]
fn a_message_has_one_time_and_its_rows_one_insert_id_however_often_it_is_claimed() {
    let server = FaultServer::start();
    let warehouse =
        BigQuery::open("p.d".parse().unwrap(), Options { batch_rows: 7, ..options(&server) }).unwrap();
    let claimed_at = |claimed_at_ms: i64, written_at_ms: i64| {
        let mut delivery = freq(&warehouse, 2, 20);
        for message in &mut delivery.messages {
            (message.claimed_at_ms, message.written_at_ms) = (claimed_at_ms, written_at_ms);
        }
        delivery
    };
    let (written, later) = (1_761_583_680_000, 1_761_583_999_000);
    // Closed while its folder was being claimed, so its time is behind the claim's.
    assert!(warehouse.load(&[claimed_at(written - 5, written)])[0].is_ok());
    assert!(warehouse.load(&[claimed_at(written + 5, written)])[0].is_ok());
    assert!(warehouse.load(&[claimed_at(later, written)])[0].is_ok());
    assert_all_in(&server, &claimed_at(later, written));
    let times: BTreeSet<String> =
        server.rows("bmrs_freq_iris").iter().map(|row| row["ingested_utc"].to_string()).collect();
    assert_eq!(times, BTreeSet::from([r#""2025-10-27T16:48:00.000Z""#.to_owned()]));
    // The same content, sent again later: rows of another time, which Google must not mix with the first ones.
    assert!(warehouse.load(&[claimed_at(later, written + 1)])[0].is_ok());
    assert_eq!(server.rows("bmrs_freq_iris").len(), 80);
}

#[test]
fn requests_stay_under_the_limit_of_bytes() {
    let server = FaultServer::start();
    let warehouse =
        BigQuery::open("p.d".parse().unwrap(), Options { batch_bytes: 2_000, ..options(&server) }).unwrap();
    let delivery = freq(&warehouse, 1, 100);
    assert_eq!(warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap(), loaded(1));
    assert_all_in(&server, &delivery);
    assert!(server.state().batches.iter().all(|rows| *rows < 15), "{:?}", server.state().batches);
}

/// What passes by itself: the same rows go again under the same ids.
#[test]
fn passing_faults_are_ridden_out() {
    let faults: Vec<(&str, Vec<Fault>)> = vec![
        ("500", vec![fault(500, "internalError", "An internal error occurred.")]),
        ("502", vec![Fault::Answer(502, json!("Bad Gateway"))]),
        ("503", vec![fault(503, "backendError", "Error encountered during execution.")]),
        ("504", vec![fault(504, "", "Deadline exceeded")]),
        ("503, taken", vec![Fault::DoneBut(503, error(503, "backendError", "Try again"))]),
        ("unknown reason", vec![fault(503, "brandNew", "?")]),
        ("reset before the request", vec![Fault::HangupEarly, Fault::HangupEarly]),
        ("reset after the request", vec![Fault::HangupBefore]),
        ("reset after the rows were taken", vec![Fault::HangupAfter, Fault::HangupAfter]),
        ("answer cut off", vec![Fault::HalfAnswer]),
        ("a proxy's answer", vec![Fault::Answer(200, json!("<html>"))]),
        ("rate limit 403", vec![fault(403, "rateLimitExceeded", "Exceeded rate limits"); 3]),
        ("rate limit 429", vec![fault(429, "rateLimitExceeded", "Exceeded rate limits")]),
        ("job rate limit", vec![fault(403, "jobRateLimitExceeded", "Exceeded rate limits")]),
        (
            "Retry-After",
            vec![Fault::AnswerWith(503, error(503, "backendError", "Later"), "Retry-After", "0".into())],
        ),
        ("a slow answer", vec![Fault::Slow(Duration::from_millis(50))]),
        ("an answer that comes too late", vec![Fault::Slow(Duration::from_millis(1500)); 2]),
        (
            "stopped rows without a culprit",
            vec![Fault::Rows(json!([
                {"index": 0, "errors": [{"reason": "stopped"}]}, {"index": 1, "errors": [{"reason": "stopped"}]},
                {"index": 2, "errors": [{"reason": "stopped"}]}, {"index": 3, "errors": [{"reason": "stopped"}]},
                {"index": 4, "errors": [{"reason": "stopped"}]}, {"index": 5, "errors": [{"reason": "stopped"}]}
            ]))],
        ),
        (
            "rows to send again",
            vec![Fault::RowsButOthersTaken(json!([
                {"index": 1, "errors": [{"reason": "timeout"}]}, {"index": 2, "errors": [{"reason": "backendError"}]},
                {"index": 4, "errors": [{"reason": "internalError"}]}, {"index": 5, "errors": [{"reason": "brandNew"}]}
            ]))],
        ),
        ("too large", vec![fault(413, "", "Request Entity Too Large")]),
        (
            "too large, in other words",
            vec![fault(400, "badRequest", "Request payload size exceeds the limit: 10485760 bytes.")],
        ),
    ];
    for (name, faults) in faults {
        let server = FaultServer::start();
        let hasty = Options { call_timeout: Duration::from_millis(700), ..options(&server) };
        let warehouse = BigQuery::open("p.d".parse().unwrap(), hasty).unwrap();
        let delivery = freq(&warehouse, 2, 3);
        server.fail("insertAll", faults);
        let result = warehouse.load(std::slice::from_ref(&delivery)).remove(0);
        assert_eq!(result.unwrap_or_else(|error| panic!("{name}: {error}")), loaded(2), "{name}");
        assert!(server.all_met(), "{name}");
        assert_all_in(&server, &delivery);
    }
}

#[test]
fn what_does_not_pass_in_time_gives_the_rows_back_and_they_go_under_the_same_ids_later() {
    let server = FaultServer::start();
    let warehouse = BigQuery::open("p.d".parse().unwrap(), impatient(&server)).unwrap();
    let delivery = freq(&warehouse, 2, 3);
    server.fail("insertAll", vec![Fault::DoneBut(503, error(503, "backendError", "Try again")); 500]);
    let result = warehouse.load(std::slice::from_ref(&delivery)).remove(0);
    assert!(
        matches!(&result, Err(WarehouseError::Later { why, .. }) if why.contains("backendError")),
        "{result:?}"
    );
    assert!(server.count("insertAll") > 1);
    server.state().fail_no_more();
    assert_eq!(warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap(), loaded(2));
    assert_all_in(&server, &delivery);
    assert!(
        warehouse.metrics().reasons().iter().any(|(reason, count)| reason == "backendError" && *count > 1)
    );
}

#[test]
fn stopped_rows_without_a_culprit_are_no_endless_loop() {
    let server = FaultServer::start();
    let warehouse = BigQuery::open("p.d".parse().unwrap(), impatient(&server)).unwrap();
    let delivery = freq(&warehouse, 1, 1);
    server
        .fail("insertAll", vec![Fault::Rows(json!([{"index": 0, "errors": [{"reason": "stopped"}]}])); 500]);
    let result = warehouse.load(std::slice::from_ref(&delivery)).remove(0);
    assert!(
        matches!(&result, Err(WarehouseError::Later { why, .. }) if why.contains("stopped")),
        "{result:?}"
    );
}

#[test]
fn a_long_retry_after_is_obeyed_by_giving_the_rows_back() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let delivery = freq(&warehouse, 1, 1);
    let busy = error(503, "backendError", "Later");
    server.fail("insertAll", [Fault::AnswerWith(503, busy, "Retry-After", "120".into())]);
    match warehouse.load(std::slice::from_ref(&delivery)).remove(0) {
        Err(WarehouseError::Later { after, .. }) => assert!(after >= Duration::from_secs(120), "{after:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.count("insertAll"), 1);
}

#[test]
fn a_stop_ends_the_waiting() {
    let server = FaultServer::start();
    let slow = Options {
        backoff_first: Duration::from_secs(3000),
        patience: Duration::from_secs(9000),
        ..options(&server)
    };
    let warehouse = BigQuery::open("p.d".parse().unwrap(), slow).unwrap();
    let delivery = freq(&warehouse, 1, 1);
    server.fail("insertAll", [fault(503, "backendError", "Later")]);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while server.count("insertAll") == 0 {
                thread::yield_now();
            }
            warehouse.stop_waiting();
        });
        warehouse.load(std::slice::from_ref(&delivery)).remove(0)
    });
    assert!(
        matches!(&result, Err(WarehouseError::Later { why, .. }) if why.contains("backendError")),
        "{result:?}"
    );
    assert!(server.all_met());
}

/// Uploads may take long, and hang where a connection is lost.
#[test]
fn an_upload_that_hangs_holds_up_no_streaming() {
    let server = FaultServer::start();
    let warehouse = Arc::new(
        BigQuery::open("p.d".parse().unwrap(), Options { in_flight: 1, ..options(&server) }).unwrap(),
    );
    let delivery = freq(&warehouse, 2, 3);
    server.fail("jobs.insert", [Fault::Slow(Duration::from_secs(3600))]);
    let mut bulk = warehouse.begin_bulk("FUELINST", "FUELINST.1", true).unwrap();
    bulk.add(&fuelinst(&warehouse, 1, 1)).unwrap();
    // It ends with the test.
    thread::spawn(move || bulk.finish());
    while server.count("jobs.insert") == 0 {
        thread::yield_now();
    }
    let (tell, told) = mpsc::channel();
    let (streaming, rows) = (Arc::clone(&warehouse), freq(&warehouse, 2, 3));
    thread::spawn(move || tell.send(streaming.load(&[rows]).remove(0)));
    let result = told.recv_timeout(Duration::from_secs(60)).expect("rows are streamed meanwhile");
    assert_eq!(result.unwrap(), loaded(2));
    assert_all_in(&server, &delivery);
}

#[test]
fn a_spent_quota_parks_the_table_and_comes_back() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let deliveries = [freq(&warehouse, 1, 3), fuelinst(&warehouse, 1, 3)];
    let only_freq = Options { in_flight: 1, ..options(&server) };
    let warehouse_in_order = BigQuery::open("p.d".parse().unwrap(), only_freq).unwrap();
    // The tables go in the order of their names.
    server.fail("insertAll", [fault(403, "quotaExceeded", "Quota exceeded: rows per second")]);
    let results = warehouse_in_order.load(&deliveries);
    match &results[0] {
        Err(WarehouseError::Later { why, after }) => {
            assert!(why.contains("quotaExceeded") && *after >= Duration::from_secs(60), "{why} {after:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(results[1].as_ref().unwrap(), &loaded(1), "the other table is not held up");
    assert_eq!(server.count("insertAll"), 2);
    assert_eq!(warehouse.load(&deliveries[..1]).remove(0).unwrap(), loaded(1));
    assert_all_in(&server, &deliveries[0]);
}

/// Of two deliveries the first one's table refuses rows until the second delivery is told to be in.
fn assert_second_does_not_wait(server: &FaultServer, warehouse: &BigQuery, deliveries: &[Delivery; 2]) {
    let told = std::sync::Mutex::new(Vec::new());
    warehouse.load_each(deliveries, &|place, result| {
        assert_eq!(result.unwrap(), loaded(1));
        told.lock().unwrap().push(place);
        server.state().fail_no_more();
    });
    assert_eq!(told.into_inner().unwrap(), [1, 0]);
    assert_all_in(server, &deliveries[0]);
    assert_all_in(server, &deliveries[1]);
}

#[test]
fn what_is_in_is_told_while_another_table_is_still_tried() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let deliveries = [freq(&warehouse, 1, 3), fuelinst(&warehouse, 1, 3)];
    // Until the other one is told, and then it comes back.
    server.fail("insertAll bmrs_freq_iris", vec![fault(503, "backendError", "Try again"); 1_000_000]);
    assert_second_does_not_wait(&server, &warehouse, &deliveries);
}

#[test]
fn a_table_with_many_requests_that_are_tried_again_holds_up_no_other() {
    let server = FaultServer::start();
    let small = Options { batch_rows: 2, ..options(&server) };
    let warehouse = BigQuery::open("p.d".parse().unwrap(), small).unwrap();
    // Boalf's name is the first, and its requests are more than may be under way.
    let boalf = delivery(&warehouse.schema("BOALF").unwrap(), "BOALF", 1, 60, |_| Vec::new());
    let deliveries = [boalf, fuelinst(&warehouse, 1, 3)];
    server.fail("insertAll bmrs_boalf_iris", vec![fault(503, "backendError", "Try again"); 1_000_000]);
    assert_second_does_not_wait(&server, &warehouse, &deliveries);
}

#[test]
fn of_loads_for_a_table_that_is_tried_again_one_waits_and_the_others_come_back_at_once() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let (first, second) = (freq(&warehouse, 1, 3), freq(&warehouse, 2, 3));
    server.fail("insertAll", vec![fault(503, "backendError", "Try again"); 1_000_000]);
    std::thread::scope(|scope| {
        let trying = scope.spawn(|| warehouse.load(std::slice::from_ref(&first)).remove(0));
        while server.count("insertAll") < 3 {
            std::thread::yield_now();
        }
        match warehouse.load(std::slice::from_ref(&second)).remove(0) {
            Err(WarehouseError::Later { why, .. }) => assert!(why.contains("tried again"), "{why}"),
            other => panic!("{other:?}"),
        }
        assert!(!trying.is_finished());
        server.state().fail_no_more();
        assert_eq!(trying.join().unwrap().unwrap(), loaded(1));
    });
    assert_eq!(warehouse.load(std::slice::from_ref(&second)).remove(0).unwrap(), loaded(2));
    assert_all_in(&server, &second);
}

#[test]
fn an_invalid_value_is_rescued_and_its_neighbours_arrive() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    server.judge(|row| {
        let bad = row["generation"].as_i64() == Some(7);
        bad.then(|| {
            ("invalid", "GENERATION".to_owned(), "Cannot convert value to integer (bad value): 7".to_owned())
        })
    });
    let delivery = fuelinst(&warehouse, 5, 4);
    let result = warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap();
    assert_eq!(result, loaded(5));
    assert_in(&server, &delivery, &BTreeSet::new());
    let rows = server.rows("bmrs_fuelinst_iris");
    let rescued: Vec<_> = rows.iter().filter(|row| row.get("rescued").is_some()).collect();
    assert_eq!(rescued.len(), 1);
    assert_eq!(rescued[0]["rescued"], r#"{"generation":7}"#, "a JSON column takes text from a stream");
    assert!(rescued[0].get("generation").is_none());
    assert_eq!(rescued[0]["fuelType"], "CCGT");
    // The corrected row is another one to BigQuery, which may remember what it refused; the innocent keep their ids.
    let ids: Vec<usize> = server.state().sent.values().map(BTreeSet::len).collect();
    assert_eq!(ids.iter().filter(|ids| **ids == 1).count(), 19);
    assert_eq!(ids.iter().filter(|ids| **ids == 2).count(), 1);
}

#[test]
fn a_row_that_is_invalid_as_a_whole_is_refused_alone() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let out_of_bounds = "The destination table's partition 20010101 is outside the allowed bounds.";
    server.judge(move |row| {
        let bad = row["generation"].as_i64() == Some(6) || row["generation"].as_i64() == Some(5);
        bad.then(|| ("invalid", String::new(), out_of_bounds.to_owned()))
    });
    let delivery = fuelinst(&warehouse, 5, 4);
    let result = warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap();
    let refused = |message_row| RefusedRow { message_row, reason: out_of_bounds.to_owned() };
    let mut wanted = loaded(5);
    wanted[1] = MessageOutcome::LoadedBut(vec![refused(1), refused(2)]);
    assert_eq!(result, wanted);
    let id = &delivery.messages[1].id;
    assert_in(&server, &delivery, &BTreeSet::from([(id.clone(), 1), (id.clone(), 2)]));
}

#[test]
fn a_row_that_is_too_large_alone_is_refused_and_the_others_arrive() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let schema = warehouse.schema("FUELINST").unwrap();
    let delivery = delivery(&schema, "FUELINST", 3, 1, |row| {
        vec![("fuelType", if row == 1 { "x".repeat(9_600_000) } else { "CCGT".to_owned() })]
    });
    let result = warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap();
    assert_eq!((&result[0], &result[2]), (&MessageOutcome::Loaded, &MessageOutcome::Loaded));
    assert!(
        matches!(&result[1], MessageOutcome::LoadedBut(rows) if rows[0].reason.contains("larger")),
        "{result:?}"
    );
    assert_in(&server, &delivery, &BTreeSet::from([(delivery.messages[1].id.clone(), 0)]));
    // Whatever the limit is today: a request of one row that BigQuery finds too large is not sent for ever.
    let server = FaultServer::start();
    let warehouse = open(&server);
    let delivery = freq(&warehouse, 1, 1);
    server.fail("insertAll", [fault(413, "", "Request Entity Too Large")]);
    let result = warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap();
    assert!(matches!(&result[0], MessageOutcome::LoadedBut(_)), "{result:?}");
}

#[test]
fn faults_of_the_set_up_stop_the_table_name_what_is_missing_and_refuse_no_row() {
    let denied =
        "Access Denied: Table p:d.bmrs_freq_iris: Permission bigquery.tables.updateData denied on table";
    let cases = [
        (fault(403, "accessDenied", denied), "bigquery.tables.updateData"),
        (fault(403, "accessDenied", "Access Denied"), "bigquery.tables.updateData"),
        (fault(403, "billingNotEnabled", "Billing has not been enabled for this project."), "billing"),
        (
            fault(
                403,
                "accessDenied",
                "Access Denied: BigQuery BigQuery: Streaming insert is not allowed in the free tier",
            ),
            "--method load",
        ),
        (fault(400, "invalid", "The table is not partitioned that way"), "irispool setup"),
        (
            fault(403, "accessNotConfigured", "BigQuery API has not been used in project"),
            "gcloud services enable",
        ),
        (fault(418, "brandNew", "?"), "irispool setup"),
        (fault(401, "authError", "Invalid credentials"), "credentials"),
    ];
    for (fault, named) in cases {
        let server = FaultServer::start();
        let warehouse = open(&server);
        let delivery = freq(&warehouse, 2, 3);
        let shown = format!("{fault:?}");
        server.fail("insertAll", [fault]);
        match warehouse.load(std::slice::from_ref(&delivery)).remove(0) {
            Err(WarehouseError::Setup { why, hint }) => {
                assert!(hint.contains(named), "{shown}: {hint}");
                assert!(why.contains("p.d"), "{why}");
            }
            other => panic!("{shown}: {other:?}"),
        }
        // Mended, the same rows go.
        assert_eq!(warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap(), loaded(2));
        assert_all_in(&server, &delivery);
    }
}

#[test]
fn a_new_table_that_streaming_does_not_know_yet_waits_and_holds_up_no_other() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let other = fuelinst(&warehouse, 1, 5);
    server.state().lag = 4;
    let new = freq(&warehouse, 2, 5);
    let both = [new, other];
    let results = warehouse.load(&both);
    assert!(
        matches!(&results[0], Err(WarehouseError::Later { why, .. }) if why.contains("yet")),
        "{results:?}"
    );
    assert_eq!(results[1].as_ref().unwrap(), &loaded(1));
    let (delivery, outcomes) = deliver(&warehouse, || freq(&warehouse, 2, 5));
    assert_eq!(outcomes, loaded(2));
    assert_all_in(&server, &delivery);
}

#[test]
fn a_new_column_that_streaming_does_not_know_yet_makes_its_rows_wait() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    warehouse.schema("FREQ").unwrap();
    server.state().lag = 5;
    let schema = warehouse.add_fields("FREQ", &[Field::new("mood", ColumnKind::String)]).unwrap();
    let make = || {
        delivery(&schema, "FREQ", 3, 2, |row| match row {
            3 => vec![("frequency", "50".to_owned()), ("mood", "calm".to_owned())],
            _ => vec![("frequency", "50".to_owned())],
        })
    };
    let first = warehouse.load(&[make()]).remove(0);
    assert!(matches!(&first, Err(WarehouseError::Later { why, .. }) if why.contains("mood")), "{first:?}");
    let (delivery, outcomes) = deliver(&warehouse, make);
    assert_eq!(outcomes, loaded(3));
    assert_all_in(&server, &delivery);
    assert!(server.rows("bmrs_freq_iris").iter().any(|row| row["mood"] == "calm"));
}

#[test]
fn a_table_or_a_column_that_somebody_removed_is_made_again() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let before = freq(&warehouse, 1, 2);
    server.state().tables.clear();
    let first = warehouse.load(&[before]).remove(0);
    assert!(matches!(&first, Err(WarehouseError::Later { .. })), "{first:?}");
    let (delivery, outcomes) = deliver(&warehouse, || freq(&warehouse, 1, 2));
    assert_eq!(outcomes, loaded(1));
    assert_all_in(&server, &delivery);
}

#[test]
fn a_message_without_rows_is_loaded_without_a_request() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let delivery = freq(&warehouse, 3, 0);
    assert_eq!(warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap(), loaded(3));
    assert_eq!(server.count("insertAll"), 0);
}
