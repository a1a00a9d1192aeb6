//! Load jobs: a batch is in exactly once, whoever delivers it and however often.

use std::time::Duration;

use crate::support::fault_server::{Fault, FaultServer, error, fault};
use crate::support::feed::{assert_in, delivery, freq, impatient, open, options};
use irispool::metrics::SampleValue;
use irispool::warehouse::bigquery::{BigQuery, DeliveryMethod, Options};
use irispool::warehouse::{BulkOutcome, Delivery, Warehouse, WarehouseError};
use serde_json::json;

const BATCH: &str = "FREQ.1761583680000.0";

/// Delivers a batch. True: its rows are loaded. False: they are to be streamed.
fn bulk(warehouse: &BigQuery, deliveries: &[&Delivery]) -> Result<bool, WarehouseError> {
    let mut bulk = warehouse.begin_bulk("FREQ", BATCH, false).unwrap();
    for delivery in deliveries {
        bulk.add(delivery).unwrap();
    }
    bulk.finish().map(|outcome| outcome == BulkOutcome::Loaded)
}

#[test]
fn a_batch_is_one_job() {
    let server = FaultServer::start();
    server.state().running = 3;
    let warehouse = open(&server);
    let delivery = freq(&warehouse, 50, 40);
    assert!(bulk(&warehouse, &[&delivery]).unwrap());
    assert_in(&server, &delivery, &Default::default());
    assert_eq!(server.state().jobs.keys().collect::<Vec<_>>(), ["irispool_FREQ_1761583680000_0_0"]);
    assert_eq!((server.count("jobs.insert"), server.count("insertAll")), (1, 0));
}

#[test]
fn nested_and_json_values_are_plain_json_in_a_file() {
    let server = FaultServer::start();
    server.has_table(
        "bmrs_freq_iris",
        &[("extra", "JSON", "NULLABLE"), ("big", "INTEGER", "NULLABLE"), ("list", "STRING", "REPEATED")],
    );
    let warehouse = open(&server);
    let schema = warehouse.schema("FREQ").unwrap();
    let delivery = delivery(&schema, "FREQ", 1, 1, |_| {
        vec![
            ("extra", r#"{"a":[1,"\""]}"#.to_owned()),
            ("big", "9007199254740993".to_owned()),
            ("list", r#"["x","y"]"#.to_owned()),
        ]
    });
    assert!(bulk(&warehouse, &[&delivery]).unwrap());
    let row = &server.rows("bmrs_freq_iris")[0];
    assert_eq!(row["extra"], json!({"a": [1, "\""]}));
    assert_eq!(row["big"], "9007199254740993");
    assert_eq!(row["list"], json!(["x", "y"]));
    let streamed = warehouse.load(std::slice::from_ref(&delivery)).remove(0);
    assert!(streamed.is_ok());
    assert_eq!(server.rows("bmrs_freq_iris")[1]["extra"], r#"{"a":[1,"\""]}"#, "a stream takes text");
}

#[test]
fn the_same_batch_again_takes_on_the_first_outcome_and_sends_nothing() {
    let server = FaultServer::start();
    let first = open(&server);
    let delivery = freq(&first, 5, 4);
    assert!(bulk(&first, &[&delivery]).unwrap());
    let successor = open(&server);
    assert!(bulk(&successor, &[&freq(&successor, 3, 4)]).unwrap());
    assert!(bulk(&successor, &[]).unwrap(), "all of its files are gone already");
    assert_in(&server, &delivery, &Default::default());
    assert_eq!(server.count("jobs.insert"), 1);
}

#[test]
fn a_new_batch_is_not_asked_for_first_and_one_that_is_there_after_all_is_adopted() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let delivery = freq(&warehouse, 5, 4);
    let deliver = || {
        let mut bulk = warehouse.begin_bulk("FREQ", BATCH, true).unwrap();
        bulk.add(&delivery).unwrap();
        bulk.finish().unwrap()
    };
    assert_eq!(deliver(), BulkOutcome::Loaded);
    assert_eq!((server.count("jobs.insert"), server.count("jobs.get")), (1, 1));
    assert_eq!(deliver(), BulkOutcome::Loaded);
    assert_in(&server, &delivery, &Default::default());
    assert_eq!(server.state().jobs.len(), 1);
}

#[test]
fn a_table_that_somebody_removed_is_made_again() {
    for answers_at_once in [true, false] {
        let server = FaultServer::start();
        let warehouse = open(&server);
        let delivery = freq(&warehouse, 5, 4);
        if answers_at_once {
            server.state().tables.clear();
            server.fail("jobs.insert", [fault(404, "notFound", "Not found: Table p:d.bmrs_freq_iris")]);
        } else {
            let gone = json!({"reason": "notFound", "message": "Not found: Table p:d.bmrs_freq_iris"});
            server.state().job_errors = [gone].into();
        }
        let first = bulk(&warehouse, &[&delivery]);
        assert!(
            matches!(&first, Err(WarehouseError::Later { why, .. }) if why.contains("made again")),
            "{first:?}"
        );
        assert!(bulk(&warehouse, &[&freq(&warehouse, 5, 4)]).unwrap());
        assert_in(&server, &delivery, &Default::default());
    }
}

#[test]
fn a_job_of_the_same_id_for_another_table_is_not_taken_for_ours() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let mut other = warehouse.begin_bulk("FUELINST", BATCH, false).unwrap();
    other.add(&crate::support::feed::fuelinst(&warehouse, 1, 1)).unwrap();
    assert_eq!(other.finish().unwrap(), BulkOutcome::Loaded);
    let delivery = freq(&warehouse, 5, 4);
    assert!(bulk(&warehouse, &[&delivery]).unwrap());
    assert_in(&server, &delivery, &Default::default());
}

#[test]
fn a_job_that_a_dead_worker_left_running_is_waited_for() {
    let server = FaultServer::start();
    let first = open(&server);
    let delivery = freq(&first, 5, 4);
    // The answer is lost, and the worker dies before it asks again.
    server.fail(
        "jobs.get",
        [fault(404, "notFound", "Not found: Job p:EU.x"), fault(403, "accessDenied", "killed")],
    );
    server.state().running = 5;
    assert!(bulk(&first, &[&delivery]).is_err());
    let successor = open(&server);
    assert!(bulk(&successor, &[&delivery]).unwrap());
    assert_in(&server, &delivery, &Default::default());
    assert_eq!(server.count("jobs.insert"), 1);
}

#[test]
fn when_nobody_knows_whether_the_job_was_made_the_same_id_finds_out() {
    let cases: Vec<Vec<Fault>> = vec![
        vec![Fault::DoneBut(503, error(503, "backendError", "x"))],
        vec![Fault::HangupAfter],
        vec![Fault::HalfAnswer],
        vec![fault(500, "internalError", "x"), Fault::HangupBefore, Fault::HangupAfter],
        vec![fault(403, "jobRateLimitExceeded", "Exceeded rate limits: too many jobs")],
        vec![Fault::DoneBut(409, error(409, "duplicate", "Already Exists: Job p:EU.x"))],
    ];
    for faults in cases {
        let server = FaultServer::start();
        let warehouse = open(&server);
        let delivery = freq(&warehouse, 5, 4);
        server.fail("jobs.insert", faults.clone());
        assert!(bulk(&warehouse, &[&delivery]).unwrap(), "{faults:?}");
        assert!(server.all_met());
        assert_in(&server, &delivery, &Default::default());
        assert_eq!(server.state().jobs.len(), 1);
    }
}

#[test]
fn a_job_that_failed_for_a_passing_reason_has_a_successor_under_another_id() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let delivery = freq(&warehouse, 5, 4);
    server.state().job_errors = (0..2).map(|_| json!({"reason": "backendError", "message": "x"})).collect();
    assert!(bulk(&warehouse, &[&delivery]).unwrap());
    assert_in(&server, &delivery, &Default::default());
    assert_eq!(server.state().jobs.len(), 3);
    // And whoever comes later finds the one that did it.
    assert!(bulk(&open(&server), &[&delivery]).unwrap());
    assert_in(&server, &delivery, &Default::default());
}

#[test]
fn attempts_that_fail_do_not_follow_each_other_without_a_pause() {
    let server = FaultServer::start();
    // The first pause is more than it has patience for.
    let slow = Options { backoff_first: Duration::from_secs(3000), ..options(&server) };
    let warehouse = BigQuery::open("p.d".parse().unwrap(), slow).unwrap();
    let delivery = freq(&warehouse, 5, 4);
    server.state().job_errors = (0..3).map(|_| json!({"reason": "backendError", "message": "x"})).collect();
    for attempts in 1..=3 {
        let result = bulk(&warehouse, &[&delivery]);
        assert!(
            matches!(&result, Err(WarehouseError::Later { why, .. }) if why.contains("backendError")),
            "{result:?}"
        );
        assert_eq!(server.state().jobs.len(), attempts);
    }
    assert!(bulk(&warehouse, &[&delivery]).unwrap());
    assert_in(&server, &delivery, &Default::default());
}

#[test]
fn a_job_that_failed_as_there_were_too_many_slows_the_project_down_for_seconds() {
    let server = FaultServer::start();
    let paced = Options { requests_per_second: Some(1000.0), ..options(&server) };
    let warehouse = BigQuery::open("p.d".parse().unwrap(), paced).unwrap();
    let delivery = freq(&warehouse, 5, 4);
    for reason in ["rateLimitExceeded", "jobRateLimitExceeded"] {
        server.state().job_errors = [json!({"reason": reason, "message": "too many"})].into();
        match bulk(&warehouse, &[&delivery]) {
            Err(WarehouseError::Later { after, .. }) => assert!(after.as_secs() < 60, "{after:?}"),
            other => panic!("{other:?}"),
        }
        let families = warehouse.metric_families();
        let limit = families.iter().find(|family| family.name == "irispool_warehouse_request_rate_limit");
        let rate = &limit.unwrap().samples[0].value;
        assert!(matches!(rate, SampleValue::Number(rate) if *rate < 1000.0), "{rate:?}");
    }
    assert!(bulk(&warehouse, &[&delivery]).unwrap());
}

#[test]
fn a_batch_that_google_finds_too_large_goes_row_by_row() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let delivery = freq(&warehouse, 5, 4);
    server.fail("jobs.insert", [fault(413, "uploadTooLarge", "Request Entity Too Large")]);
    assert!(!bulk(&warehouse, &[&delivery]).unwrap());
    server.state().job_errors = [json!({"reason": "uploadTooLarge", "message": "x"})].into();
    assert!(!bulk(&warehouse, &[&delivery]).unwrap());
    warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap();
    assert_in(&server, &delivery, &Default::default());
}

#[test]
fn an_upload_that_hangs_is_given_up_and_the_same_id_finds_out() {
    let server = FaultServer::start();
    let hasty = Options { call_timeout: Duration::from_millis(700), ..options(&server) };
    let warehouse = BigQuery::open("p.d".parse().unwrap(), hasty).unwrap();
    let delivery = freq(&warehouse, 5, 4);
    server.fail("jobs.insert", [Fault::Slow(Duration::from_secs(30))]);
    assert!(bulk(&warehouse, &[&delivery]).unwrap());
    assert!(server.count("jobs.insert") > 1);
    assert_in(&server, &delivery, &Default::default());
    assert_eq!(server.state().jobs.len(), 1);
}

#[test]
fn only_a_call_that_made_a_job_counts_against_the_days_budget() {
    let server = FaultServer::start();
    let one = Options { load_jobs_a_day: 1, ..impatient(&server) };
    let warehouse = BigQuery::open("p.d".parse().unwrap(), one.clone()).unwrap();
    let delivery = freq(&warehouse, 1, 1);
    for fault in [fault(503, "backendError", "x"), Fault::HangupBefore] {
        server.fail("jobs.insert", vec![fault; 100_000]);
        assert!(matches!(bulk(&warehouse, &[&delivery]), Err(WarehouseError::Later { .. })));
        server.state().fail_no_more();
        assert!(warehouse.book_bulk_claim("FREQ", 50_000).is_some());
    }
    assert!(bulk(&BigQuery::open("p.d".parse().unwrap(), one.clone()).unwrap(), &[&delivery]).unwrap());
    let mut adopted = warehouse.begin_bulk("FREQ", BATCH, true).unwrap();
    adopted.add(&delivery).unwrap();
    assert_eq!(adopted.finish().unwrap(), BulkOutcome::Loaded);
    assert!(warehouse.book_bulk_claim("FREQ", 50_000).is_some(), "another worker's");
    let mut second = warehouse.begin_bulk("FREQ", "b", true).unwrap();
    second.add(&delivery).unwrap();
    assert_eq!(second.finish().unwrap(), BulkOutcome::Loaded);
    assert_eq!(warehouse.book_bulk_claim("FREQ", 50_000), None);
}

#[test]
fn a_batch_with_a_bad_row_is_left_to_streaming_whole_for_good() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    server.judge(|row| {
        (row["frequency"] == 3.5).then(|| ("invalid", "frequency".into(), "Could not convert".into()))
    });
    let delivery = freq(&warehouse, 5, 4);
    assert!(!bulk(&warehouse, &[&delivery]).unwrap());
    assert!(server.rows("bmrs_freq_iris").is_empty());
    // A successor does not try the load again: some rows may have been streamed.
    assert!(!bulk(&open(&server), &[&delivery]).unwrap());
    assert_eq!(server.count("jobs.insert"), 1);
    warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap();
    assert_in(&server, &delivery, &Default::default());
}

#[test]
fn a_quota_parks_the_batch_and_a_later_attempt_has_its_own_id() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let delivery = freq(&warehouse, 2, 2);
    server.state().job_errors = [
        json!({"reason": "quotaExceeded", "message": "imports per table"}),
        json!({"reason": "accessDenied", "message": "no"}),
    ]
    .into();
    match bulk(&warehouse, &[&delivery]) {
        Err(WarehouseError::Later { after, .. }) => assert!(after.as_secs() >= 60),
        other => panic!("{other:?}"),
    }
    assert!(matches!(bulk(&warehouse, &[&delivery]), Err(WarehouseError::Setup { .. })));
    assert!(bulk(&warehouse, &[&delivery]).unwrap());
    assert_in(&server, &delivery, &Default::default());
    assert_eq!(server.state().jobs.len(), 3);
}

#[test]
fn a_quota_that_stays_spent_makes_the_table_stream() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let delivery = freq(&warehouse, 2, 2);
    server.state().job_errors = [json!({"reason": "quotaExceeded", "message": "imports per table"})].into();
    assert!(matches!(bulk(&warehouse, &[&delivery]), Err(WarehouseError::Later { .. })), "it may come back");
    server.fail("jobs.insert", [fault(403, "quotaExceeded", "Quota exceeded: imports per table")]);
    assert!(!bulk(&warehouse, &[&delivery]).unwrap(), "it does not: the rows are streamed");
    assert_eq!(warehouse.book_bulk_claim("FREQ", 50_000), None);
    assert!(warehouse.book_bulk_claim("BOD", 50_000).is_some(), "other tables have their own");
    warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap();
    assert_in(&server, &delivery, &Default::default());
}

#[test]
fn workers_share_the_days_budget_of_a_table() {
    let server = FaultServer::start();
    let warehouse =
        BigQuery::open("p.d".parse().unwrap(), Options { load_jobs_a_day: 2, ..options(&server) }).unwrap();
    warehouse.set_workers(2);
    assert!(bulk(&warehouse, &[&freq(&warehouse, 1, 1)]).unwrap());
    assert_eq!(warehouse.book_bulk_claim("FREQ", 50_000), None, "the other job is the other worker's");
    warehouse.set_workers(1);
    assert!(warehouse.book_bulk_claim("FREQ", 50_000).is_some());
}

#[test]
fn by_load_jobs_alone_the_days_jobs_of_a_table_last_for_the_day() {
    let server = FaultServer::start();
    let with =
        |method| BigQuery::open("p.d".parse().unwrap(), Options { method, ..options(&server) }).unwrap();
    let load = with(DeliveryMethod::Load);
    assert_eq!(load.claim_wait("FREQ"), None, "the first job is made at once");
    assert_eq!(load.book_bulk_claim("FREQ", 90_000), Some(11_250));
    assert_eq!(load.claim_wait("FREQ"), None, "there is more of the backlog");
    assert!(load.book_bulk_claim("FREQ", 7).is_some());
    let wait = load.claim_wait("FREQ").unwrap();
    assert!(wait > Duration::from_secs(60) && wait <= Duration::from_millis(86_400), "{wait:?}");
    load.set_workers(2);
    assert!(load.claim_wait("FREQ").unwrap() > wait, "the other jobs are the other worker's");
    assert_eq!(load.claim_wait("BOD"), None);
    let auto = with(DeliveryMethod::Auto);
    assert!(auto.book_bulk_claim("FREQ", 6_000).is_some());
    assert_eq!(auto.claim_wait("FREQ"), None, "the next ones are streamed");
}

#[test]
fn a_server_that_stays_down_gives_the_batch_back() {
    let server = FaultServer::start();
    let warehouse = BigQuery::open("p.d".parse().unwrap(), impatient(&server)).unwrap();
    let delivery = freq(&warehouse, 2, 2);
    server.fail("jobs.insert", vec![fault(503, "backendError", "x"); 300]);
    assert!(matches!(bulk(&warehouse, &[&delivery]), Err(WarehouseError::Later { .. })));
    server.state().fail_no_more();
    assert!(bulk(&warehouse, &[&delivery]).unwrap());
    assert_in(&server, &delivery, &Default::default());
}

#[test]
fn backlogs_go_by_load_jobs_as_long_as_the_budget_lasts() {
    let server = FaultServer::start();
    let with = |method| {
        BigQuery::open("p.d".parse().unwrap(), Options { method, load_jobs_a_day: 2, ..options(&server) })
            .unwrap()
    };
    let auto = with(DeliveryMethod::Auto);
    assert_eq!(auto.book_bulk_claim("FREQ", 5_000), None);
    assert_eq!(auto.book_bulk_claim("FREQ", 5_001), Some(5_001));
    // Several jobs, so that the first rows are in early; and no rest that would be streamed.
    assert_eq!(auto.book_bulk_claim("FREQ", 29_899), Some(5_980));
    assert_eq!(auto.book_bulk_claim("FREQ", 9_999), Some(9_999));
    assert_eq!(auto.book_bulk_claim("FREQ", 1_000_000), Some(20_000));
    assert_eq!(with(DeliveryMethod::Stream).book_bulk_claim("FREQ", 50_000), None);
    assert!(with(DeliveryMethod::Load).book_bulk_claim("FREQ", 1).is_some());
    for batch in ["a", "b"] {
        let mut bulk = auto.begin_bulk("FREQ", batch, true).unwrap();
        bulk.add(&freq(&auto, 1, 1)).unwrap();
        assert_eq!(bulk.finish().unwrap(), BulkOutcome::Loaded);
    }
    assert_eq!(auto.book_bulk_claim("FREQ", 50_000), None, "the day's budget of this table is spent");
    assert!(auto.book_bulk_claim("BOD", 50_000).is_some(), "that of another is not");
}
