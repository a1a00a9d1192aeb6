//! The user's own views, tables and indexes in the places of irispool's views and of their history: they stay, rows are
//! delivered, and what is missed is said.

use std::fs;
use std::os::unix::fs::FileExt;

use crate::support::sqlite::{PATIENCE, Place, load, sent};
use irispool::catalog::{ColumnKind, Field};
use irispool::commands::setup;
use irispool::message::Cell;
use irispool::warehouse::sqlite::SqliteReader;
use irispool::warehouse::{MessageOutcome, Replace, Warehouse};

const OLD_VIEWS: &str = include_str!("../support/views_of_0_1_0.sql");

fn set_up(place: &Place, replace: Option<&[&str]>) -> String {
    let replace = replace.map(|views| Replace {
        views: views.iter().map(|view| (*view).to_owned()).collect(),
        folder: place.folder.path().to_owned(),
    });
    let mut out = Vec::new();
    let datasets = ["FREQ", "MID", "FUELINST", "MELS"].map(str::to_owned);
    setup::set_up(&place.open(), &datasets, replace.as_ref(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn sql_of(place: &Place, name: &str) -> String {
    place.texts(&format!("SELECT sql FROM sqlite_schema WHERE name = '{name}'")).pop().unwrap_or_default()
}

fn left(place: &Place) -> Vec<String> {
    let left = SqliteReader::open(place.path(), PATIENCE).unwrap().left_alone().unwrap();
    left.into_iter().map(|left| left.what).collect()
}

fn deliver_freq(place: &Place) {
    let warehouse = place.open();
    let row = [("measurementTime", Cell::Text("2025-10-28T03:59:00.000Z")), ("frequency", Cell::Float(50.0))];
    assert_eq!(load(&warehouse, "FREQ", &[sent("m1", 1, &[&row])]), [MessageOutcome::Loaded]);
    // Another column is another reason to look at the views.
    let column = [Field::new("mood", ColumnKind::String)];
    warehouse.add_fields("FREQ", &column).unwrap();
    assert_eq!(
        load(&warehouse, "FREQ", &[sent("m2", 2, &[&[("mood", Cell::Text("good"))]])]),
        [MessageOutcome::Loaded]
    );
    assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_iris"), 2);
}

#[test]
fn what_is_no_table_that_can_be_read_is_left_out_of_the_history() {
    let histories = [
        ("a convenience view", "CREATE VIEW bmrs_freq AS SELECT * FROM bmrs_freq_unified", "is a view"),
        (
            "a view over a view",
            "CREATE VIEW mine AS SELECT * FROM bmrs_freq_unified; CREATE VIEW Bmrs_Freq AS SELECT * FROM mine",
            "is a view",
        ),
        ("the rows themselves", "CREATE VIEW bmrs_freq AS SELECT * FROM bmrs_freq_iris", "is a view"),
        ("a broken view", "CREATE VIEW bmrs_freq AS SELECT * FROM gone", "is a view"),
        (
            "a circle",
            "CREATE VIEW bmrs_freq AS SELECT * FROM other; CREATE VIEW other AS SELECT * FROM bmrs_freq",
            "is a view",
        ),
        (
            "a module that is not there",
            "PRAGMA writable_schema = ON;
             INSERT INTO sqlite_schema VALUES
               ('table', 'bmrs_freq', 'bmrs_freq', 0, 'CREATE VIRTUAL TABLE bmrs_freq USING gone(x)')",
            "is a virtual table",
        ),
    ];
    for (name, sql, why) in histories {
        for first in [false, true] {
            let place = Place::new();
            if first {
                set_up(&place, None);
            } else {
                drop(place.open());
            }
            place.other().execute_batch(sql).unwrap();
            deliver_freq(&place);
            assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_unified"), 2, "{name}");
            assert_eq!(
                place.texts("SELECT mood FROM bmrs_freq_unified ORDER BY 1 DESC")[0],
                "good",
                "{name}"
            );
            assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_latest"), 2, "{name}");
            let left = left(&place);
            assert!(
                left[0].contains(why) && left[0].contains("bmrs_freq_unified does not show it"),
                "{left:?}"
            );
            assert!(set_up(&place, None).contains(&left[0]), "{name}");
        }
    }
}

#[test]
fn a_damaged_table_is_left_out_of_the_history() {
    let place = Place::new();
    set_up(&place, None);
    place
        .other()
        .execute_batch(
            "CREATE TABLE bmrs_freq (measurementTime TEXT, frequency REAL);
             INSERT INTO bmrs_freq VALUES ('2025-10-27T00:00:00.000Z', 50.0);
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    let page = place.number("SELECT rootpage FROM sqlite_schema WHERE name = 'bmrs_freq'") as u64;
    let bytes = place.number("PRAGMA page_size") as u64;
    let file = fs::File::options().write(true).open(place.path()).unwrap();
    file.write_all_at(&vec![0xff; bytes as usize], (page - 1) * bytes).unwrap();
    deliver_freq(&place);
    assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_unified"), 2);
    let left = left(&place);
    assert!(left[0].contains("bmrs_freq can't be read (database disk image is malformed)"), "{left:?}");
}

#[test]
fn the_next_historic_table_counts_where_the_first_is_none() {
    let place = Place::new();
    place
        .other()
        .execute_batch(
            "CREATE VIEW bmrs_remit AS SELECT 1 AS mrid;
             CREATE TABLE bmrs_remit_unavailability (mrid TEXT);
             INSERT INTO bmrs_remit_unavailability VALUES ('r1');",
        )
        .unwrap();
    place.open().schema("REMIT").unwrap();
    assert_eq!(place.texts("SELECT mrid FROM bmrs_remit_unified"), ["r1"]);
}

#[test]
fn what_has_the_name_of_a_view_stays_and_rows_are_delivered() {
    for (sql, kind) in [
        ("CREATE TABLE bmrs_freq_unified (mine TEXT)", "a table"),
        ("CREATE TABLE mine (x); CREATE INDEX bmrs_freq_unified ON mine (x)", "an index"),
        ("CREATE VIEW bmrs_freq_unified AS SELECT 1 AS mine", "a view that irispool did not create"),
    ] {
        let place = Place::new();
        place.other().execute_batch(sql).unwrap();
        let before = sql_of(&place, "bmrs_freq_unified");
        deliver_freq(&place);
        let said = set_up(&place, None);
        assert_eq!(sql_of(&place, "bmrs_freq_unified"), before);
        assert_eq!(sql_of(&place, "bmrs_freq_latest"), "", "it would read what is not irispool's");
        assert!(said.contains(&format!("bmrs_freq_unified is {kind}")), "{said}");
        assert!(said.contains("bmrs_freq_latest is not made or changed"), "{said}");
        assert_eq!(left(&place).len(), 2);
    }
}

#[test]
fn an_index_in_the_place_of_an_index_or_of_a_table() {
    let place = Place::new();
    let sql = "CREATE TABLE mine (x); CREATE INDEX bmrs_freq_iris_by_measurementTime ON mine (x);
               CREATE INDEX bmrs_mid_iris ON mine (x)";
    place.other().execute_batch(sql).unwrap();
    deliver_freq(&place);
    let error = place.open().schema("MID").unwrap_err();
    assert_eq!(
        error.to_string(),
        "bmrs_mid_iris is an index, and irispool needs a table of that name for its rows"
    );
}

#[test]
fn a_copy_of_a_view_with_a_word_changed_is_the_users() {
    let place = Place::new();
    set_up(&place, None);
    let ours = sql_of(&place, "bmrs_freq_unified");
    assert!(ours.contains("irispool"), "{ours}");
    for theirs in [
        format!("{ours}\nWHERE frequency > 0"),
        ours.replace("\"frequency\"", "\"frequency\" * 1000 AS \"frequency\""),
        ours.replace("/* ", "/* mine: "),
    ] {
        place.other().execute_batch(&format!("DROP VIEW bmrs_freq_unified; {theirs}")).unwrap();
        deliver_freq(&place);
        set_up(&place, None);
        assert_eq!(sql_of(&place, "bmrs_freq_unified"), theirs);
        place.other().execute_batch("DELETE FROM bmrs_freq_iris; DELETE FROM irispool_load_history").unwrap();
    }
}

#[test]
fn what_is_missed_by_a_view_of_the_users_is_said() {
    let place = Place::new();
    place
        .other()
        .execute_batch(
            "CREATE TABLE bmrs_freq (measurementTime TEXT, frequency REAL);
             CREATE TABLE bmrs_mid (startTime TEXT);
             CREATE VIEW bmrs_freq_unified AS SELECT measurementTime, frequency, 'x' AS source FROM bmrs_freq_iris;
             CREATE VIEW bmrs_mid_unified AS SELECT * FROM bmrs_mid_iris UNION ALL SELECT * FROM bmrs_mid;",
        )
        .unwrap();
    let said = |view: &str| -> String {
        left(&place).into_iter().find(|what| what.starts_with(view)).unwrap_or_default()
    };
    // It can be asked before the first row comes, of a database that irispool has never opened.
    assert!(said("bmrs_freq_unified").ends_with("stays as it is: it does not read the history in bmrs_freq"));
    assert!(said("bmrs_mid_unified").ends_with("stays as it is"));
    set_up(&place, None);
    let freq = said("bmrs_freq_unified");
    assert!(
        freq.contains("it lacks the columns dataset, spotTime, reportSnapshotTime, ingested_utc, message_id")
    );
    assert!(freq.ends_with("it does not read the history in bmrs_freq"), "{freq}");
    // Its halves have not the same number of columns.
    assert!(said("bmrs_mid_unified").contains("it can't be read (SELECTs to the left and right"));
}

#[test]
fn views_are_replaced_by_name_or_all_and_their_sql_is_saved() {
    let place = Place::new();
    let freq = "CREATE VIEW bmrs_freq_unified AS SELECT 1 AS freq";
    let mid = "CREATE VIEW bmrs_mid_unified AS SELECT 1 AS mid";
    let trigger = "CREATE TRIGGER t INSTEAD OF INSERT ON bmrs_freq_unified BEGIN SELECT 1; END";
    place
        .other()
        .execute_batch(&format!("{freq}; {mid}; {trigger}; CREATE TABLE bmrs_mels_unified (x)"))
        .unwrap();
    let said = set_up(&place, Some(&["BMRS_freq_unified"]));
    let saved = |view: &str| -> Vec<(String, String)> {
        let files = fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(view));
        files.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
    };
    let [(path, text)] = &saved("bmrs_freq_unified")[..] else { panic!("{said}") };
    assert_eq!(*text, format!("{freq};\n\n{trigger};\n"));
    assert!(said.contains(&format!("bmrs_freq_unified is replaced; its SQL is in {path}")), "{said}");
    assert_eq!(sql_of(&place, "bmrs_mid_unified"), mid);
    assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_latest"), 0, "both are irispool's now");

    // What was saved makes the view again; replaced once more it goes into another file.
    place.other().execute_batch(&format!("DROP VIEW bmrs_freq_unified; {text}")).unwrap();
    let said = set_up(&place, Some(&[]));
    assert_eq!(saved("bmrs_freq_unified").len(), 2, "{said}");
    assert_eq!(saved("bmrs_mid_unified").len(), 1);
    assert!(sql_of(&place, "bmrs_mels_unified").starts_with("CREATE TABLE"), "a table is never replaced");
    assert!(!set_up(&place, Some(&[])).contains("replaced"));

    // Nothing goes that could not be saved.
    place.other().execute_batch(&format!("DROP VIEW bmrs_mid_unified; {mid}")).unwrap();
    let replace = Replace { views: Vec::new(), folder: place.folder.path().join("gone") };
    let error = place.open().set_up(["MID"], Some(&replace)).unwrap_err();
    assert!(error.to_string().contains("bmrs_mid_unified stays: its SQL could not be saved"), "{error}");
    assert_eq!(sql_of(&place, "bmrs_mid_unified"), mid);
}

#[test]
fn the_views_of_the_version_before_are_changed_and_those_made_after_their_pattern_are_not() {
    let place = Place::new();
    place.other().execute_batch(OLD_VIEWS).unwrap();
    let said = set_up(&place, None);
    assert!(said.contains("created 7 views\n"), "{said}");
    assert!(left(&place).is_empty());
    for view in place.texts("SELECT name FROM sqlite_schema WHERE type = 'view'") {
        assert!(sql_of(&place, &view).contains("/* irispool"), "{view}");
    }
    for (from, to) in [
        ("FROM \"bmrs_freq\"", "FROM \"my_freq\""),
        ("  \"frequency\",\n", "  \"frequency\" * 2 AS \"frequency\",\n"),
        ("  \"frequency\",\n", ""),
        ("UNION ALL", "UNION"),
        ("NULL AS rescued\nFROM \"bmrs_freq\"", "NULL AS rescued\nFROM \"bmrs_freq\" WHERE frequency > 0"),
    ] {
        let place = Place::new();
        let theirs = OLD_VIEWS.replace(from, to);
        assert_ne!(theirs, OLD_VIEWS);
        place
            .other()
            .execute_batch(&format!("CREATE TABLE my_freq (measurementTime, frequency, _x); {theirs}"))
            .unwrap();
        let before = sql_of(&place, "bmrs_freq_unified");
        set_up(&place, None);
        assert_eq!(sql_of(&place, "bmrs_freq_unified"), before, "{to}");
    }
}

#[test]
fn a_table_that_was_renamed_makes_room_for_another_with_its_views() {
    for old in [false, true] {
        let place = Place::new();
        if old {
            place.other().execute_batch(OLD_VIEWS).unwrap();
        } else {
            set_up(&place, None);
        }
        place.other().execute_batch("ALTER TABLE bmrs_freq_iris RENAME TO freq_of_last_year").unwrap();
        deliver_freq(&place);
        assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_unified WHERE source = 'IRIS'"), 2);
        assert!(left(&place).is_empty());
    }
}

#[test]
fn a_trigger_on_a_view_of_irispools_stays_when_the_view_is_changed() {
    let place = Place::new();
    set_up(&place, None);
    let trigger = "CREATE TRIGGER mine INSTEAD OF DELETE ON bmrs_freq_unified BEGIN SELECT 1; END";
    place.other().execute_batch(trigger).unwrap();
    deliver_freq(&place);
    assert_eq!(place.texts("SELECT mood FROM bmrs_freq_unified WHERE mood IS NOT NULL"), ["good"]);
    assert_eq!(sql_of(&place, "mine"), trigger);
}
