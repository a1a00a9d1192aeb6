//! Tables and views: those that irispool makes, and those it finds.

use crate::support::sqlite::{Place, load, sent};
use irispool::catalog::{self, ColumnKind, Field};
use irispool::commands::setup;
use irispool::message::Cell;
use irispool::warehouse::{MessageOutcome, Warehouse, WarehouseError};

fn all_datasets() -> Vec<String> {
    irispool::catalog::all().iter().map(|dataset| dataset.name.clone()).collect()
}

fn set_up(place: &Place) -> String {
    let mut out = Vec::new();
    setup::set_up(&place.open(), &all_datasets(), None, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn setup_makes_every_dataset_once() {
    let place = Place::new();
    let said = set_up(&place);
    let datasets = catalog::all().len();
    let latest = catalog::all().iter().filter(|dataset| dataset.latest.is_some()).count();
    let made =
        format!("iris.db: {datasets} datasets, created {datasets} tables, {} views\n", datasets + latest);
    assert!(said.ends_with(&made), "{said}");

    let version = place.number("PRAGMA schema_version");
    assert!(set_up(&place).ends_with("all tables and views exist\n"));
    let next_process = place.open();
    for dataset in catalog::all() {
        next_process.schema(&dataset.name).unwrap();
    }
    assert_eq!(place.number("PRAGMA schema_version"), version, "no schema change without need");
    let other = place.other();
    for view in place.texts("SELECT name FROM sqlite_schema WHERE type = 'view'") {
        let rows: i64 =
            other.query_row(&format!("SELECT count(*) FROM {view}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0);
    }
    let lax = "SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict AND name LIKE 'bmrs%'";
    assert!(place.texts(lax).is_empty());
}

#[test]
fn a_table_that_irispool_made_reads_back_as_it_was_meant() {
    let place = Place::new();
    let warehouse = place.open();
    for dataset in catalog::all() {
        assert_eq!(warehouse.schema(&dataset.name).unwrap().fields(), dataset.fields, "{}", dataset.name);
    }
}

#[test]
fn the_kinds_of_unknown_fields_are_kept_for_the_next_process() {
    let place = Place::new();
    let fields = [
        Field::new("isOpen", ColumnKind::Bool),
        Field::new("count", ColumnKind::Int64),
        Field::new("share", ColumnKind::Float64),
        Field::new("amount", ColumnKind::Numeric),
        Field::new("name", ColumnKind::String),
        Field::new("openedAt", ColumnKind::Timestamp),
        Field::new("day", ColumnKind::Date),
        Field::new("parts", ColumnKind::Json),
        Field::new("order", ColumnKind::String),
        Field::new("a\"b; DROP TABLE x; {columns} --", ColumnKind::Timestamp),
    ];
    let made = place.open().add_fields("NEVERSEEN", &fields).unwrap();
    assert_eq!(made.table(), "bmrs_neverseen_iris");
    assert_eq!(made.fields(), fields);
    let warehouse = place.open();
    assert_eq!(warehouse.schema("NEVERSEEN").unwrap().fields(), fields);

    let row: &[(&str, Cell<'_>)] = &[
        ("isOpen", Cell::Bool(true)),
        ("order", Cell::Text("first")),
        ("a\"b; DROP TABLE x; {columns} --", Cell::Text("2025-10-28T03:59:00.000Z")),
    ];
    for hash in [1, 2] {
        assert_eq!(load(&warehouse, "NEVERSEEN", &[sent("m1", hash, &[row, row])]), [MessageOutcome::Loaded]);
    }
    assert_eq!(place.texts("SELECT \"order\" || isOpen FROM bmrs_neverseen_unified"), ["first1"; 2]);
}

#[test]
fn what_can_be_no_column_is_left_out() {
    let place = Place::new();
    let warehouse = place.open();
    let text = |name: &str| Field::new(name, ColumnKind::String);
    let fields = [
        text("ok"),
        text("OK"),
        text("Rescued"),
        text("message_id"),
        text("Rowid"),
        text(""),
        text("nul\0"),
        text(&"x".repeat(301)),
    ];
    let names = |schema: &catalog::Schema| -> Vec<String> {
        schema.fields().iter().map(|field| field.name.clone()).collect()
    };
    assert_eq!(names(&warehouse.add_fields("NEW", &fields).unwrap()), ["ok"]);

    let many: Vec<Field> = (0..1_200).map(|serial| text(&format!("c{serial}"))).collect();
    let schema = warehouse.add_fields("NEW", &many).unwrap();
    assert_eq!(place.number("SELECT count(*) FROM pragma_table_info('bmrs_new_iris')"), 1_000);
    assert_eq!(schema.fields().len(), 995);
    assert_eq!(
        load(&warehouse, "NEW", &[sent("m1", 1, &[&[("c900", Cell::Text("x"))]])]),
        [MessageOutcome::Loaded]
    );
    assert_eq!(place.texts("SELECT c900 FROM bmrs_new_unified"), ["x"]);
}

#[test]
fn a_table_of_another_program_is_used_as_it_is() {
    let place = Place::new();
    place
        .other()
        .execute_batch(
            "CREATE TABLE BMRS_BOALF_IRIS (
               id INTEGER PRIMARY KEY AUTOINCREMENT,
               \"SettlementDate\" DATETIME, bmUnit VARCHAR(20), acceptanceNumber REAL, soFlag BOOLEAN, timeFrom,
               levelFrom NUMERIC, note DATE, twice INTEGER GENERATED ALWAYS AS (levelFrom * 2), ingested_utc TIMESTAMP
             );
             INSERT INTO BMRS_BOALF_IRIS (settlementDate, bmUnit, timeFrom, ingested_utc)
             VALUES ('2025-10-27 00:00:00', 'T_OLD-1', '2025-10-27 03:59:00', '2025-10-27 04:00:00');",
        )
        .unwrap();
    let warehouse = place.open();
    let schema = warehouse.schema("BOALF").unwrap();
    let expected = [
        Field::new("SettlementDate", ColumnKind::Date),
        Field::new("bmUnit", ColumnKind::String),
        Field::new("acceptanceNumber", ColumnKind::Float64),
        Field::new("soFlag", ColumnKind::Bool),
        Field::new("timeFrom", ColumnKind::Timestamp),
        Field::new("levelFrom", ColumnKind::Int64),
        Field::new("note", ColumnKind::Date),
    ];
    assert_eq!(schema.fields(), expected);

    let time = [("timeFrom", Cell::Text("2025-10-28T03:59:00.000Z")), ("levelFrom", Cell::Int(21))];
    for hash in [1, 2] {
        assert_eq!(load(&warehouse, "BOALF", &[sent("m1", hash, &[&time])]), [MessageOutcome::Loaded]);
    }
    assert_eq!(
        place.texts("SELECT timeFrom FROM bmrs_boalf_unified ORDER BY timeFrom"),
        ["2025-10-27T03:59:00.000Z", "2025-10-28T03:59:00.000Z"]
    );
    let old = "SELECT settlementDate || source || coalesce(acceptanceTime, '-') || coalesce(message_id, '-')
               FROM bmrs_boalf_unified WHERE bmUnit = 'T_OLD-1'";
    assert_eq!(place.texts(old), ["2025-10-27IRIS--"]);
    assert_eq!(
        place.texts("SELECT CAST(twice AS TEXT) FROM bmrs_boalf_unified WHERE source = 'IRIS'"),
        ["-", "42"]
    );

    let schema =
        warehouse.add_fields("BOALF", &[Field::new("acceptanceTime", ColumnKind::Timestamp)]).unwrap();
    assert_eq!(schema.fields().last().unwrap().name, "acceptanceTime");
}

#[test]
fn a_found_table_without_rowids_takes_rows_and_replaces_them() {
    let place = Place::new();
    place
        .other()
        .execute_batch("CREATE TABLE bmrs_freq_iris (frequency REAL, message_id TEXT, message_row INTEGER, PRIMARY KEY (message_id, message_row)) WITHOUT ROWID")
        .unwrap();
    let warehouse = place.open();
    let row: &[(&str, Cell<'_>)] = &[("frequency", Cell::Float(50.0))];
    assert_eq!(load(&warehouse, "FREQ", &[sent("m1", 1, &[row, row])]), [MessageOutcome::Loaded]);
    assert_eq!(load(&warehouse, "FREQ", &[sent("m1", 2, &[row])]), [MessageOutcome::Loaded]);
    assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_iris"), 1);
}

#[test]
fn what_stands_in_the_way_is_named() {
    let place = Place::new();
    place
        .other()
        .execute_batch(
            "CREATE VIEW bmrs_freq_iris AS SELECT 1 AS frequency;
             CREATE TABLE bmrs_temp_unified (mine TEXT);
             CREATE VIEW bmrs_mid AS SELECT * FROM gone;",
        )
        .unwrap();
    let warehouse = place.open();
    let error = warehouse.schema("FREQ").unwrap_err();
    assert!(matches!(error, WarehouseError::Setup { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "bmrs_freq_iris is a view, and irispool needs a table of that name for its rows"
    );
    assert_eq!(
        load(&warehouse, "TEMP", &[sent("m1", 1, &[&[]])]),
        [MessageOutcome::Loaded],
        "rows go in without the view"
    );
    assert_eq!(load(&warehouse, "MID", &[sent("m1", 1, &[&[]])]), [MessageOutcome::Loaded]);
    assert_eq!(place.number("SELECT count(*) FROM bmrs_mid_unified"), 1, "a broken history is none");
}

#[test]
fn history_is_read_under_todays_names_and_in_todays_forms() {
    let place = Place::new();
    set_up(&place);
    place
        .other()
        .execute_batch(
            "CREATE TABLE bmrs_freq (spotTime DATETIME, Frequency REAL, _ingested TEXT);
             INSERT INTO bmrs_freq VALUES
               ('2025-10-26 03:59:00', 50.1, 'x'), ('2025-10-26 03:59:15 UTC', 50.2, 'x'),
               ('2025-10-26T03:59:30+00:00', 50.3, 'x'), ('soon', 50.4, 'x'), (NULL, 50.5, 'x');
             CREATE TABLE bmrs_mils (settlementDate TEXT, settlementPeriodFrom INTEGER, settlementPeriodTo INTEGER);
             INSERT INTO bmrs_mils VALUES ('2025-10-26T00:00:00', 7, 8);
             CREATE TABLE bmrs_remit_unavailability (mrid TEXT, publishTime TIMESTAMP, outageProfile TEXT);
             INSERT INTO bmrs_remit_unavailability VALUES ('r1', '2025-10-26 03:59:00', '[]');",
        )
        .unwrap();
    assert!(set_up(&place).ends_with("created 3 views\n"), "a history that appeared is taken up");
    let warehouse = place.open();
    load(
        &warehouse,
        "FREQ",
        &[sent("m1", 1, &[&[("measurementTime", Cell::Text("2025-10-28T03:59:00.000Z"))]])],
    );
    load(&warehouse, "MILS", &[sent("m1", 1, &[&[("settlementPeriod", Cell::Int(9))]])]);

    for name in ["measurementTime", "spotTime", "reportSnapshotTime"] {
        let times = place.texts(&format!("SELECT {name} FROM bmrs_freq_unified ORDER BY 1"));
        let expected = [
            "-",
            "2025-10-26T03:59:00.000Z",
            "2025-10-26T03:59:15.000Z",
            "2025-10-26T03:59:30.000Z",
            "2025-10-28T03:59:00.000Z",
            "soon",
        ];
        assert_eq!(times, expected);
    }
    assert_eq!(place.number("SELECT count(frequency) FROM bmrs_freq_unified WHERE source = 'HISTORIC'"), 5);
    let periods =
        "SELECT concat_ws(' ', settlementDate, settlementPeriod, settlementPeriodFrom, settlementPeriodTo)
                   FROM bmrs_mils_unified ORDER BY source";
    assert_eq!(place.texts(periods), ["2025-10-26 7 7 8", "9 9 9"]);
    let remit = "SELECT mrid || publishTime || outageProfile || source FROM bmrs_remit_unified";
    assert_eq!(place.texts(remit), ["r12025-10-26T03:59:00.000Z[]HISTORIC"]);
}

#[test]
fn a_new_column_is_in_the_views_at_once() {
    let place = Place::new();
    let warehouse = place.open();
    warehouse.schema("FREQ").unwrap();
    warehouse.add_fields("FREQ", &[Field::new("quality", ColumnKind::String)]).unwrap();
    load(&warehouse, "FREQ", &[sent("m1", 1, &[&[("quality", Cell::Text("A"))]])]);
    assert_eq!(place.texts("SELECT quality FROM bmrs_freq_unified"), ["A"]);
    assert_eq!(place.texts("SELECT quality FROM bmrs_freq_latest"), ["A"]);
}

#[test]
fn of_rows_that_replace_each_other_the_latest_counts() {
    let place = Place::new();
    place
        .other()
        .execute_batch(
            "CREATE TABLE bmrs_fuelinst (startTime TEXT, publishTime TEXT, fuelType TEXT, generation INTEGER);
             INSERT INTO bmrs_fuelinst VALUES
               ('2025-10-28 03:55:00', '2025-10-28 04:00:00', 'CCGT', 1), ('2025-10-28 03:50:00', '2025-10-28 03:55:00', 'CCGT', 2)",
        )
        .unwrap();
    let warehouse = place.open();
    let row = |published: &'static str, generation| {
        [
            ("startTime", Cell::Text("2025-10-28T03:55:00.000Z")),
            ("publishTime", Cell::Text(published)),
            ("fuelType", Cell::Text("CCGT")),
            ("generation", Cell::Int(generation)),
        ]
    };
    let (again, first) = (row("2025-10-28T04:05:00.000Z", 4), row("2025-10-28T04:00:00.000Z", 3));
    load(&warehouse, "FUELINST", &[sent("m2", 1, &[&again]), sent("m3", 1, &[&first])]);
    assert_eq!(
        place.texts("SELECT startTime || ' ' || generation FROM bmrs_fuelinst_latest ORDER BY 1"),
        ["2025-10-28T03:50:00.000Z 2", "2025-10-28T03:55:00.000Z 4"]
    );

    // FREQ has no version: the later message counts, though it came in first.
    let at = |frequency| {
        [("measurementTime", Cell::Text("2025-10-28T03:55:00.000Z")), ("frequency", Cell::Float(frequency))]
    };
    let (newer, older) = (at(50.5), at(50.1));
    load(&warehouse, "FREQ", &[sent("FREQ_202510280401_00002.json", 1, &[&newer])]);
    load(&warehouse, "FREQ", &[sent("FREQ_202510280400_00001.json", 1, &[&older])]);
    assert_eq!(place.texts("SELECT CAST(frequency AS TEXT) FROM bmrs_freq_latest"), ["50.5"]);
    assert_eq!(place.number("SELECT count(*) FROM sqlite_schema WHERE name = 'bmrs_mels_latest'"), 0);
}

/// "The last hour" must not read the whole table, through the view neither.
#[test]
fn a_query_by_time_uses_the_index() {
    let place = Place::new();
    place.open().schema("FREQ").unwrap();
    for query in [
        "SELECT avg(frequency) FROM bmrs_freq_iris WHERE measurementTime >= '2025'",
        "SELECT avg(frequency) FROM bmrs_freq_unified WHERE spotTime >= '2025'",
    ] {
        let plan: String =
            place.other().query_row(&format!("EXPLAIN QUERY PLAN {query}"), [], |row| row.get(3)).unwrap();
        assert!(
            plan.starts_with("SEARCH bmrs_freq_iris USING INDEX bmrs_freq_iris_by_measurementTime"),
            "{plan}"
        );
    }
}

/// What the view makes of history must not hold the filter up before it is at the table of irispool.
#[test]
fn a_query_by_time_uses_the_index_where_there_is_history_too() {
    let place = Place::new();
    place
        .other()
        .execute_batch("CREATE TABLE bmrs_freq (reportSnapshotTime TEXT, spotTime TEXT, frequency TEXT)")
        .unwrap();
    place.open().schema("FREQ").unwrap();
    let other = place.other();
    for time in ["measurementTime", "spotTime"] {
        let query =
            format!("EXPLAIN QUERY PLAN SELECT avg(frequency) FROM bmrs_freq_unified WHERE {time} >= '2025'");
        let mut statement = other.prepare(&query).unwrap();
        let plan: Vec<String> =
            statement.query_map([], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
        let uses_index = |step: &String| {
            step.starts_with("SEARCH bmrs_freq_iris USING INDEX bmrs_freq_iris_by_measurementTime")
        };
        assert!(plan.iter().any(uses_index), "{plan:#?}");
    }
}
