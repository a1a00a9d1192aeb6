//! What people ask: the queries under `sql/sqlite/queries/`, and `irispool query`.

use std::collections::BTreeMap;
use std::fs;

use crate::support::sqlite::{PATIENCE, Place, load, sent};
use irispool::commands::query::{OutputFormat, print};
use irispool::commands::setup;
use irispool::message::Cell;
use irispool::warehouse::sqlite::SqliteReader;
use irispool::warehouse::{Query, QueryError, Warehouse};
use serde_json::{Value, json};

/// The queries by name, such as `freshness`.
fn queries() -> BTreeMap<String, String> {
    let folder = crate::support::root().join("sql/sqlite/queries");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let by_name = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-- "), "{name} says what it answers");
        (name.trim_end_matches(".sql").to_owned(), text)
    };
    files.map(by_name).collect()
}

fn reader(place: &Place) -> SqliteReader {
    SqliteReader::open(place.path(), PATIENCE).unwrap()
}

fn printed(reader: &dyn Query, sql: &str, format: OutputFormat, width: Option<usize>) -> String {
    let mut out = Vec::new();
    print(reader, sql, format, width, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn answer(reader: &dyn Query, sql: &str) -> Vec<Value> {
    serde_json::from_str(&printed(reader, sql, OutputFormat::Json, None)).unwrap()
}

/// A time `offset` from now as SQLite reckons, in the form of our columns or as another program may have it.
fn time(place: &Place, format: &str, offset: &str) -> String {
    place.texts(&format!("SELECT strftime('{format}', 'now', '{offset}')")).remove(0)
}

const OURS: &str = "%Y-%m-%dT%H:%M:%fZ";
const THEIRS: &str = "%Y-%m-%d %H:%M:%S";

#[test]
fn the_queries_that_people_run_find_what_they_ask_for() {
    let place = Place::new();
    let warehouse = place.open();
    place
        .other()
        .execute_batch(&format!(
            "CREATE TABLE bmrs_boalf (settlementDate DATETIME, settlementPeriodFrom INTEGER, bmUnit TEXT, acceptanceTime TEXT);
             INSERT INTO bmrs_boalf VALUES ('{} 00:00:00', 7, 'T_OLD-1', '{}');
             CREATE TABLE bmrs_mils (settlementDate TEXT, settlementPeriodFrom INTEGER, settlementPeriodTo INTEGER);
             INSERT INTO bmrs_mils VALUES ('{}', 7, 8), ('{}', 8, 8), ('1999-01-01', 1, 1);
             CREATE TABLE bmrs_freq (reportSnapshotTime TEXT, frequency REAL);
             INSERT INTO bmrs_freq VALUES ('{}', 49.0), ('{}', 48.0);",
            time(&place, "%Y-%m-%d", "-3 days"),
            time(&place, THEIRS, "-3 days"),
            time(&place, "%Y-%m-%d", "-1 days"),
            time(&place, "%Y-%m-%d", "-1 days"),
            time(&place, THEIRS, "-30 minutes"),
            time(&place, THEIRS, "-3 hours"),
        ))
        .unwrap();
    setup::set_up(&warehouse, &all_datasets(), None, &mut Vec::new()).unwrap();

    let (accepted, day) = (time(&place, OURS, "-1 minutes"), time(&place, "%Y-%m-%d", "-1 days"));
    let accepted_later = time(&place, OURS, "-0 minutes");
    let acceptance = |unit: &'static str, time| {
        [
            ("settlementDate", Cell::Text(&day)),
            ("settlementPeriodFrom", Cell::Int(7)),
            ("bmUnit", Cell::Text(unit)),
            ("acceptanceTime", Cell::Text(time)),
        ]
    };
    let (one, two, three) = (
        acceptance("T_A-1", &accepted),
        acceptance("T_A-1", &accepted_later),
        acceptance("T_B-1", &accepted),
    );
    load(&warehouse, "BOALF", &[sent("b1", 1, &[&one, &two]), sent("b2", 1, &[&three])]);

    let spot = time(&place, OURS, "-10 minutes");
    let spots: Vec<[(&str, Cell<'_>); 2]> = [50.0, 50.2]
        .map(|value| [("measurementTime", Cell::Text(&spot)), ("frequency", Cell::Float(value))])
        .into();
    load(&warehouse, "FREQ", &[sent("f1", 1, &[&spots[0], &spots[1]])]);

    // Yesterday, today and tomorrow, so that a test at midnight knows today's from the others too.
    let days = ["-1 days", "-0 days", "+1 days"].map(|offset| time(&place, "%Y-%m-%d", offset));
    for (serial, day) in days.iter().enumerate() {
        let rows: Vec<_> = [
            ("CCGT", "T11:55:00.000Z", 900),
            ("CCGT", "T12:00:00.000Z", 1_100),
            ("WIND", "T12:00:00.000Z", 4_000),
        ]
        .map(|(fuel, clock, generation)| (fuel, format!("{day}{clock}"), generation))
        .into();
        let rows: Vec<[(&str, Cell<'_>); 3]> = rows
            .iter()
            .map(|(fuel, time, generation)| {
                let generation = ("generation", Cell::Int(*generation));
                [("fuelType", Cell::Text(fuel)), ("publishTime", Cell::Text(time)), generation]
            })
            .collect();
        load(&warehouse, "FUELINST", &[sent(&format!("g{serial}"), 1, &[&rows[0], &rows[1], &rows[2]])]);
    }
    let mils = [("settlementDate", Cell::Text(&day)), ("settlementPeriod", Cell::Int(9))];
    load(&warehouse, "MILS", &[sent("i1", 1, &[&mils])]);

    let queries = queries();
    assert_eq!(queries.len(), 16);
    let reader = reader(&place);
    let ask = |name: &str| answer(&reader, &queries[name]);
    let column =
        |rows: &[Value], name: &str| -> Vec<Value> { rows.iter().map(|row| row[name].clone()).collect() };

    let rows = ask("latest_acceptances");
    assert_eq!(column(&rows, "source"), ["IRIS", "IRIS", "IRIS", "HISTORIC"]);
    assert_eq!(rows[0]["acceptanceTime"], json!(accepted_later));

    let rows = ask("volume_by_source");
    assert_eq!(rows.iter().map(|row| row["records"].as_i64().unwrap()).sum::<i64>(), 4);
    let last = rows.last().unwrap();
    assert_eq!((&last["source"], &last["unique_units"]), (&json!("HISTORIC"), &json!(1)));

    let rows = ask("frequency_by_minute");
    assert_eq!(column(&rows, "source"), ["IRIS", "HISTORIC"]);
    assert_eq!(rows[0]["avg_freq"], json!(50.1));
    assert_eq!(rows[1]["min_freq"], json!(49.0));

    let rows = ask("generation_by_fuel_today");
    assert_eq!(column(&rows, "fuelType"), ["CCGT", "WIND"]);
    assert_eq!(column(&rows, "avg_generation_gw"), [1.0, 4.0]);
    assert_eq!(column(&rows, "peak_generation_gw"), [1.1, 4.0]);

    let rows = ask("gaps_and_overlaps");
    assert_eq!(column(&rows, "source"), ["HISTORIC", "IRIS"]);
    assert_eq!(column(&rows, "unique_periods"), [2, 1]);

    let rows = ask("generation_mix_now");
    assert_eq!(column(&rows, "fuelType"), ["WIND", "CCGT"]);
    assert_eq!(column(&rows, "generation_gw"), [4.0, 1.1]);

    let rows = ask("generation_newest_first");
    assert_eq!(column(&rows, "generation")[2], json!(900), "the oldest of today is the last");
    assert_eq!(rows.len(), 3);

    let rows = ask("sources_side_by_side");
    assert_eq!(column(&rows, "source"), ["HISTORIC", "IRIS"]);
    assert_eq!(column(&rows, "records"), [1, 3]);
    assert_eq!(rows[1]["latest_date"], json!(day));

    let rows = ask("freshness");
    assert_eq!(column(&rows, "dataset"), ["BOALF", "FREQ", "MILS"]);
    assert!(rows.iter().all(|row| (0..=5).contains(&row["minutes_ago"].as_i64().unwrap())), "{rows:?}");

    let mut tables = column(&ask("freshness_by_table"), "table_name");
    tables.sort_by_key(Value::to_string);
    assert_eq!(tables, ["boalf", "freq", "mils"], "nothing came for mels");

    let rows = ask("ingestion_rate");
    assert_eq!(rows.iter().map(|row| row["records_ingested"].as_i64().unwrap()).sum::<i64>(), 3);

    assert!(ask("repeats").is_empty() && ask("rescued_values").is_empty());

    let rows = ask("duplicates");
    assert_eq!((rows.len(), &rows[0]["bmUnit"], &rows[0]["count"]), (1, &json!("T_A-1"), &json!(2)));

    let rows = ask("unified_views");
    assert_eq!(rows.len(), irispool::catalog::all().len());
    assert_eq!(rows[0]["table_name"], json!("bmrs_abuc_unified"));

    let rows = ask("table_sizes");
    assert_eq!(rows.len(), irispool::catalog::all().len());
    let boalf = rows.iter().find(|row| row["table_id"] == "bmrs_boalf_iris").unwrap();
    assert_eq!(boalf["row_count"], json!(3));
    assert!(boalf["size_gb"].as_f64().unwrap() > 0.0);
}

const MIXED: &str = "SELECT 1 AS n, 50.0 AS x, NULL AS none, 'a,\"b\"\nc' AS text, x'00ff' AS bytes
                     UNION ALL SELECT -20000000000, 1e300, NULL, 'é', x''";

#[test]
fn csv_is_rfc_4180() {
    let place = Place::new();
    place.open();
    assert_eq!(
        printed(&reader(&place), MIXED, OutputFormat::Csv, None),
        "n,x,none,text,bytes\r\n1,50.0,,\"a,\"\"b\"\"\nc\",00ff\r\n-20000000000,1e300,,é,\r\n"
    );
}

#[test]
fn json_is_one_array_of_objects() {
    let place = Place::new();
    place.open();
    assert_eq!(
        answer(&reader(&place), MIXED),
        [
            json!({"n": 1, "x": 50.0, "none": null, "text": "a,\"b\"\nc", "bytes": "00ff"}),
            json!({"n": -20_000_000_000_i64, "x": 1e300, "none": null, "text": "é", "bytes": ""}),
        ]
    );
    assert_eq!(printed(&reader(&place), "SELECT 1 AS a WHERE 0", OutputFormat::Json, None), "[]\n");
}

#[test]
fn a_table_fits_the_terminal() {
    let place = Place::new();
    place.open();
    let sql = "SELECT 'CCGT' AS fuel, 12.5 AS gw, 'word ' || hex(zeroblob(300)) AS note UNION ALL SELECT 'WIND', 3, 'a\nb'";
    insta::assert_snapshot!(printed(&reader(&place), sql, OutputFormat::Table, Some(40)));
    insta::assert_snapshot!(printed(&reader(&place), "SELECT 1 AS a WHERE 0", OutputFormat::Table, Some(40)));
}

const ONE_WIDE: &str = "SELECT 1 AS n, 'WIND' AS fuel, 'a' AS note, NULL AS none
    UNION ALL SELECT 2, '電力', 'line one' || char(13, 10) || 'line ' || char(27) || ' two', NULL
    UNION ALL SELECT 3, '', replace(hex(zeroblob(24)), '00', 'word '), 'x'";

#[test]
fn what_is_too_wide_for_a_table_is_shown_as_records_with_all_of_each_value() {
    let place = Place::new();
    place.open();
    let reader = reader(&place);
    let fitting = |sql: &str, width| printed(&reader, sql, OutputFormat::Fitting, width);
    let records = fitting(ONE_WIDE, Some(40));
    insta::assert_snapshot!(records);
    assert_eq!(
        records,
        printed(&reader, ONE_WIDE, OutputFormat::Records, Some(40)),
        "those before the wide row too"
    );
    let narrow =
        "SELECT '電力' AS fuel, 12.5 AS gw, 'a' || char(10) || 'b' AS note UNION ALL SELECT 'WIND', 3, ''";
    insta::assert_snapshot!(fitting(narrow, Some(40)));
    // It takes 22 columns: the first width at which it is a table.
    let is_table = |width| fitting(narrow, Some(width)).starts_with('┌');
    assert_eq!([21, 22, 23].map(is_table), [false, true, true]);
    assert!(fitting(ONE_WIDE, None).starts_with('┌'), "without a width everything fits");
    assert!(printed(&reader, ONE_WIDE, OutputFormat::Table, Some(40)).starts_with('┌'));
    assert!(printed(&reader, narrow, OutputFormat::Records, Some(40)).starts_with("─[ 1 ]─"));
}

#[test]
fn names_that_are_longer_than_half_a_line_stand_above_their_values() {
    let place = Place::new();
    place.open();
    let sql = "SELECT 'v' AS a, 7 AS \"a name that says all that there is to say of its column\", '' AS b";
    insta::assert_snapshot!(printed(&reader(&place), sql, OutputFormat::Fitting, Some(40)));
}

#[test]
fn an_answer_without_rows_names_its_columns_however_many() {
    let place = Place::new();
    place.open().schema("BOALF").unwrap();
    let sql = "SELECT * FROM bmrs_boalf_unified";
    let text = printed(&reader(&place), sql, OutputFormat::Fitting, Some(80));
    assert!(text.starts_with("columns: dataset, settlementDate, "), "{text}");
    assert!(text.contains("message_row, rescued") && text.lines().all(|line| line.len() <= 80), "{text}");
}

fn statement_error(reader: &SqliteReader, sql: &str) -> (String, String) {
    match print(reader, sql, OutputFormat::Csv, None, &mut Vec::new()) {
        Err(QueryError::Statement { why, hint }) => (why, hint.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_query_only_reads() {
    let place = Place::new();
    place.open();
    let reader = reader(&place);
    for sql in [
        "DELETE FROM irispool_load_history",
        "CREATE TABLE x (y)",
        "PRAGMA user_version = 7",
        "VACUUM",
        "WITH x AS (SELECT 1) INSERT INTO irispool_columns SELECT 'a', 'b', 'c' FROM x RETURNING *",
    ] {
        let (why, hint) = statement_error(&reader, sql);
        assert!(why.contains("would write"), "{sql}: {why}");
        assert!(hint.contains("sqlite3 ") && hint.contains("iris.db"), "{hint}");
    }
    let target = place.folder.path().join("copy.db");
    print(&reader, &format!("VACUUM INTO '{}'", target.display()), OutputFormat::Csv, None, &mut Vec::new())
        .unwrap_err();
    assert!(!target.exists());
    assert_eq!(place.number("PRAGMA user_version"), 0);
}

#[test]
fn a_wrong_query_is_answered_with_what_is_near() {
    let place = Place::new();
    place.open().schema("BOALF").unwrap();
    let reader = reader(&place);
    let (why, hint) = statement_error(&reader, "SELECT * FROM bmrs_boalf_unifed");
    assert!(why.starts_with("no such table: bmrs_boalf_unifed"), "{why}");
    assert!(hint.starts_with("there is bmrs_boalf_unified, "), "{hint}");
    let (why, hint) = statement_error(&reader, "SELECT acceptancetimes FROM bmrs_boalf_unified");
    assert!(why.starts_with("no such column: acceptancetimes, at: acceptancetimes FROM"), "{why}");
    assert!(hint.starts_with("there is acceptanceTime, "), "{hint}");
    assert!(
        statement_error(&reader, "SELECT * FROM bmrs_boalf_unified WHERE source = \"IRIS\"")
            .0
            .contains("no such column")
    );
    assert!(statement_error(&reader, "SELECT * FROM zzz").1.contains("irispool setup"));
    assert!(statement_error(&reader, "SELEC 1").0.contains("syntax error, at: SELEC 1"));
    assert!(statement_error(&reader, "SELECT 1; SELECT 2").0.contains("more than one"));
    assert!(statement_error(&reader, " -- nothing").0.contains("empty"));
    assert!(statement_error(&reader, "SELECT abs(-9223372036854775808)").0.contains("overflow"));
}

#[test]
fn there_is_no_warehouse_to_ask_until_someone_makes_it() {
    let place = Place::new();
    let error = SqliteReader::open(place.path(), PATIENCE).err().unwrap();
    assert!(error.to_string().contains("iris.db"), "{error}");
    assert!(!place.path().exists(), "asking makes no file");
}

fn all_datasets() -> Vec<String> {
    irispool::catalog::all().iter().map(|dataset| dataset.name.clone()).collect()
}
