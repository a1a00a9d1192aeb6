//! Tables that are made, tables that others made, and new columns under several workers.

use std::sync::Arc;
use std::thread;

use crate::support::fault_server::{Fault, FaultServer, error, fault};
use crate::support::feed::{assert_in, delivery, freq, impatient, open, options};
use irispool::catalog::{ColumnKind, Field};
use irispool::commands::setup::set_up_bigquery;
use irispool::warehouse::bigquery::BigQuery;
use irispool::warehouse::{MessageOutcome, Warehouse, WarehouseError};
use serde_json::json;

#[test]
fn a_table_is_made_with_a_partition_a_cluster_and_the_meta_columns() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    warehouse.schema("FUELINST").unwrap();
    warehouse.schema("NEW_ONE").unwrap();
    let state = server.state();
    let made = &state.tables["bmrs_fuelinst_iris"].resource;
    assert_eq!(made["timePartitioning"], json!({"type": "DAY", "field": "publishTime"}));
    assert_eq!(made["clustering"], json!({"fields": ["fuelType", "settlementDate", "settlementPeriod"]}));
    let fields = made["schema"]["fields"].as_array().unwrap();
    let last: Vec<_> =
        fields[fields.len() - 5..].iter().map(|field| (&field["name"], &field["type"])).collect();
    let wanted = json!([
        ["ingested_utc", "TIMESTAMP"],
        ["source", "STRING"],
        ["message_id", "STRING"],
        ["message_row", "INTEGER"],
        ["rescued", "JSON"]
    ]);
    assert_eq!(json!(last), wanted);
    let unknown = &state.tables["bmrs_new_one_iris"].resource;
    assert_eq!(unknown["timePartitioning"]["field"], "ingested_utc");
}

#[test]
fn tables_are_listed_once_and_one_that_is_not_in_the_list_takes_one_request() {
    let server = FaultServer::start();
    server.has_table("bmrs_bod_iris", &[("message_id", "STRING", "NULLABLE")]);
    // Their views are there: whoever makes a view asks for its tables too, at a time of its own.
    for dataset in ["freq", "fuelinst", "mid"] {
        server.has_table(&format!("bmrs_{dataset}_unified"), &[]);
    }
    let asked = |table: &str| -> Vec<&'static str> {
        let state = server.state();
        let of_table = state.asked.iter().filter(|(_, path)| path.ends_with(&format!("/{table}")));
        of_table.map(|(op, _)| *op).collect()
    };
    let warehouse = open(&server);
    for dataset in ["FREQ", "FUELINST", "MID"] {
        warehouse.schema(dataset).unwrap();
    }
    let counts = ["tables.list", "tables.get", "tables.insert"].map(|op| server.count(op));
    assert_eq!(counts, [1, 0, 3]);
    warehouse.schema("BOD").unwrap();
    assert_eq!(asked("bmrs_bod_iris")[..2], ["tables.get", "tables.patch"]);
    // A table that is parked is read anew.
    warehouse.schema("FREQ").unwrap();
    assert_eq!(asked("bmrs_freq_iris"), ["tables.get"]);
    assert_eq!((server.count("tables.list"), server.count("tables.insert")), (1, 3));
}

#[test]
fn where_tables_may_not_be_listed_each_is_asked_for() {
    let server = FaultServer::start();
    server.has_table("bmrs_freq_iris", &[("frequency", "FLOAT64", "NULLABLE")]);
    let denied = "Access Denied: Dataset p:d: Permission bigquery.tables.list denied";
    server.fail("tables.list", vec![fault(403, "accessDenied", denied); 9]);
    let warehouse = open(&server);
    assert!(warehouse.schema("FREQ").unwrap().position("frequency").is_some());
    assert!(warehouse.schema("MID").is_ok());
    assert_eq!((server.count("tables.list"), server.count("tables.insert")), (1, 1));
}

#[test]
fn every_table_of_the_catalog_can_be_made() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    for dataset in irispool::catalog::all() {
        let schema = warehouse.schema(&dataset.name).unwrap();
        assert_eq!(schema.fields(), dataset.fields, "{}", dataset.name);
    }
}

#[test]
fn a_found_table_is_used_as_it_is_and_gets_what_it_lacks() {
    let server = FaultServer::start();
    server.has_table(
        "bmrs_fuelinst_iris",
        &[
            ("publishTime", "DATETIME", "NULLABLE"),
            ("settlementDate", "STRING", "REQUIRED"),
            ("FuelType", "STRING", "NULLABLE"),
            ("generation", "NUMERIC", "NULLABLE"),
            ("_loaded_by", "STRING", "NULLABLE"),
            ("raw", "BYTES", "NULLABLE"),
            ("Ingested_UTC", "DATETIME", "NULLABLE"),
            ("message_row", "STRING", "NULLABLE"),
            ("rescued", "STRING", "NULLABLE"),
        ],
    );
    let warehouse = open(&server);
    let schema = warehouse.schema("FUELINST").unwrap();
    let kinds: Vec<_> = schema.fields().iter().map(|field| (&*field.name, &field.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("publishTime", &ColumnKind::Datetime),
            ("settlementDate", &ColumnKind::String),
            ("FuelType", &ColumnKind::String),
            ("generation", &ColumnKind::Numeric),
            ("_loaded_by", &ColumnKind::String),
        ]
    );
    {
        let state = server.state();
        let fields = state.tables["bmrs_fuelinst_iris"].resource["schema"]["fields"].as_array().unwrap();
        let added: Vec<_> = fields[9..].iter().map(|field| field["name"].as_str().unwrap()).collect();
        assert_eq!(added, ["source", "message_id"]);
    }
    let delivery = delivery(&schema, "FUELINST", 1, 2, |_| {
        vec![("settlementDate", "2025-10-27".to_owned()), ("generation", "12.5".to_owned())]
    });
    assert_eq!(warehouse.load(std::slice::from_ref(&delivery)).remove(0).unwrap(), [MessageOutcome::Loaded]);
    assert_in(&server, &delivery, &Default::default());
    let row = &server.rows("bmrs_fuelinst_iris")[1];
    assert_eq!(row["message_row"], "1", "the column is a STRING");
    assert_eq!(row["generation"], "12.5");
    let ingested = row["Ingested_UTC"].as_str().unwrap();
    assert!(!ingested.ends_with('Z') && ingested.len() == 23, "a DATETIME has no zone: {ingested}");
}

#[test]
fn a_field_that_no_column_can_hold_is_left_out() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    let fields = [
        Field::new("fine", ColumnKind::Float64),
        Field::new("FINE", ColumnKind::Float64),
        Field::new("with space", ColumnKind::String),
        Field::new("1st", ColumnKind::String),
        Field::new("_PARTITIONDATE", ColumnKind::Date),
        Field::new("Source", ColumnKind::String),
        Field::new("frequency", ColumnKind::String),
    ];
    let schema = warehouse.add_fields("FREQ", &fields).unwrap();
    assert!(schema.position("fine").is_some());
    assert_eq!(schema.fields().len(), 4);
    assert_eq!(schema.fields()[schema.position("frequency").unwrap()].kind, ColumnKind::Float64);
}

#[test]
fn three_workers_add_columns_at_the_same_time_and_none_is_lost() {
    let server = FaultServer::start();
    let all: Vec<String> = (0..3).flat_map(|worker| (0..6).map(move |n| format!("w{worker}_{n}"))).collect();
    thread::scope(|scope| {
        for worker in 0..3 {
            let server = &server;
            scope.spawn(move || {
                let warehouse = open(server);
                for n in 0..6 {
                    let name = format!("w{worker}_{n}");
                    let schema =
                        warehouse.add_fields("FREQ", &[Field::new(&name, ColumnKind::String)]).unwrap();
                    assert!(schema.position(&name).is_some());
                }
            });
        }
    });
    let schema = open(&server).schema("FREQ").unwrap();
    assert!(all.iter().all(|name| schema.position(name).is_some()));
    assert_eq!(schema.fields().len(), 3 + 18);
    assert_eq!(server.count("tables.insert"), server.count("tables.insert").clamp(1, 3));
}

#[test]
fn a_table_that_somebody_changes_meanwhile_is_read_again() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    warehouse.schema("FREQ").unwrap();
    server.fail("tables.patch", vec![fault(412, "conditionNotMet", "Precondition Failed"); 3]);
    let schema = warehouse.add_fields("FREQ", &[Field::new("mood", ColumnKind::String)]).unwrap();
    assert!(schema.position("mood").is_some());
    assert_eq!(server.count("tables.patch"), 4);
}

#[test]
fn a_table_made_by_another_worker_at_the_same_time_is_fine() {
    let server = FaultServer::start();
    let warehouse = open(&server);
    server
        .fail("tables.insert", [Fault::DoneBut(409, error(409, "duplicate", "Already Exists: Table p:d.t"))]);
    assert_eq!(warehouse.schema("FREQ").unwrap().fields().len(), 3);
}

fn setup_error(result: Result<Arc<irispool::catalog::Schema>, WarehouseError>) -> (String, String) {
    match result {
        Err(WarehouseError::Setup { why, hint }) => (why, hint),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_person_must_mend_is_named() {
    let server = FaultServer::start();
    server.state().no_dataset = true;
    let warehouse = open(&server);
    let (why, hint) = setup_error(warehouse.schema("FREQ"));
    assert!(
        why.contains("Dataset p:d") && hint.contains("irispool setup --warehouse bigquery:p.d"),
        "{why} {hint}"
    );
    assert!(warehouse.create_bq_dataset(Some("EU")).unwrap());
    assert!(!warehouse.create_bq_dataset(Some("EU")).unwrap());
    warehouse.schema("FREQ").unwrap();

    server.has_table("bmrs_bod_iris", &[("message_id", "INTEGER", "NULLABLE")]);
    let (why, hint) = setup_error(warehouse.schema("BOD"));
    assert!(
        why.contains("p.d.bmrs_bod_iris") && why.contains("message_id") && hint.contains("RENAME"),
        "{why} {hint}"
    );
    server.has_table("bmrs_pn_iris", &[("batch_no", "INTEGER", "REQUIRED")]);
    let (why, hint) = setup_error(warehouse.schema("PN"));
    assert!(why.contains("batch_no") && hint.contains("DROP NOT NULL"), "{why} {hint}");

    server.fail(
        "tables.insert",
        [fault(403, "accessDenied", "Access Denied: Dataset p:d: User does not have it")],
    );
    let (_, hint) = setup_error(warehouse.schema("MILS"));
    assert!(hint.contains("bigquery.tables.create"), "{hint}");
    server.fail("tables.insert", [fault(404, "notFound", "Not found: Project p")]);
    let (_, hint) = setup_error(warehouse.schema("MILS"));
    assert!(hint.contains("project p"), "{hint}");
}

/// Google asks for `bigquery.datasets.create` before it looks whether the dataset is there, and an editor of just this
/// dataset has it not.
#[test]
fn an_editor_of_the_dataset_alone_can_set_it_up() {
    let server = FaultServer::start();
    let denied =
        "Access Denied: Project p: User does not have bigquery.datasets.create permission in project p.";
    server.fail("datasets.insert", vec![fault(403, "accessDenied", denied); 2]);
    let mut said = Vec::new();
    let datasets = ["FREQ".to_owned()];
    set_up_bigquery(&open(&server), &datasets, "EU", None, &mut said).unwrap();
    assert!(String::from_utf8(said).unwrap().contains("created 1 table"));
    assert!(server.state().tables.contains_key("bmrs_freq_iris"));
    // Where there is none, the role that it takes is another than for all the rest.
    server.state().no_dataset = true;
    match open(&server).create_bq_dataset(Some("EU")) {
        Err(WarehouseError::Setup { why, hint }) => {
            assert!(why.contains("datasets.insert"), "{why}");
            assert!(hint.contains("roles/bigquery.user on the project") && hint.contains("bq mk"), "{hint}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_view_that_lacks_a_column_of_its_table_is_made_anew() {
    let columns = [
        ("measurementTime", "TIMESTAMP", "NULLABLE"),
        ("frequency", "FLOAT64", "NULLABLE"),
        ("mood", "STRING", "NULLABLE"),
    ];
    for (shown, is_made) in [(&columns[..2], true), (&columns[..], false)] {
        let server = FaultServer::start();
        server.state().no_views = true;
        server.has_table("bmrs_freq_iris", shown);
        drop(open(&server).schema("FREQ").unwrap());
        // A worker has added the meta columns, and one of a message's, and died before it made the view.
        server.has_table("bmrs_freq_iris", &columns);
        {
            let mut state = server.state();
            let fields: Vec<_> =
                shown.iter().map(|(name, kind, _)| json!({"name": name, "type": kind})).collect();
            let view = state.tables.get_mut("bmrs_freq_unified").unwrap();
            view.resource["schema"] = json!({"fields": fields});
        }
        server.state().views_made.clear();
        let warehouse = open(&server);
        let delivery = freq(&warehouse, 1, 1);
        warehouse.load(&[delivery]).remove(0).unwrap();
        // Views are all made when it is gone.
        drop(warehouse);
        let made = server.state().views_made.clone();
        assert_eq!(
            made.iter().any(|(name, sql)| name == "bmrs_freq_unified" && sql.contains("`mood`")),
            is_made
        );
    }
}

#[test]
fn a_passing_fault_gives_up_after_a_while() {
    let server = FaultServer::start();
    let warehouse = BigQuery::open("p.d".parse().unwrap(), impatient(&server)).unwrap();
    server.fail("tables.insert", vec![fault(503, "backendError", "x"); 300]);
    assert!(matches!(warehouse.schema("FREQ"), Err(WarehouseError::Later { .. })));
    server.has_table("bmrs_bod_iris", &[("frequency", "FLOAT64", "NULLABLE")]);
    let warehouse = BigQuery::open("p.d".parse().unwrap(), impatient(&server)).unwrap();
    server.fail("tables.get", vec![fault(503, "backendError", "x"); 300]);
    assert!(matches!(warehouse.schema("BOD"), Err(WarehouseError::Later { .. })));
}

#[test]
fn a_warehouse_is_named_by_its_project_and_dataset() {
    let server = FaultServer::start();
    let open = BigQuery::open("example.com:p-1.d_2".parse().unwrap(), options(&server)).unwrap();
    assert_eq!((&*open.bq_dataset().project, &*open.bq_dataset().name), ("example.com:p-1", "d_2"));
    assert_eq!(open.name(), "bigquery:example.com:p-1.d_2");
}
