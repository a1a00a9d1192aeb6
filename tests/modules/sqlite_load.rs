//! Exactly once: what a second copy of a message does, in every case, and what survives a process that dies.

use std::sync::{Arc, Barrier};
use std::thread;

use crate::support::sqlite::{Fields, Place, delivery, load, load_all, sent};
use irispool::catalog::{ColumnKind, Field};
use irispool::message::Cell;
use irispool::warehouse::{MessageOutcome, Warehouse};

const ROW: Fields<'static> =
    &[("measurementTime", Cell::Text("2025-10-28T03:59:00.000Z")), ("frequency", Cell::Float(50.01))];
const OTHER: Fields<'static> =
    &[("measurementTime", Cell::Text("2025-10-28T03:59:15.000Z")), ("frequency", Cell::Float(49.9))];

const FREQUENCIES: &str =
    "SELECT CAST(frequency AS TEXT) FROM bmrs_freq_iris ORDER BY message_id, message_row";

#[test]
fn a_message_is_loaded_with_its_line_in_the_ledger() {
    let place = Place::new();
    let warehouse = place.open();
    assert_eq!(load(&warehouse, "FREQ", &[sent("m1", 0xAB, &[ROW, OTHER])]), [MessageOutcome::Loaded]);

    let row = place.other().query_row("SELECT * FROM bmrs_freq_iris WHERE message_row = 1", [], |row| {
        assert_eq!(row.get::<_, Option<String>>("dataset")?, None, "what was not sent is null");
        assert_eq!(row.get::<_, Option<String>>("rescued")?, None);
        assert_eq!(row.get::<_, String>("source")?, "IRIS");
        assert_eq!(row.get::<_, String>("message_id")?, "m1");
        assert_eq!(row.get::<_, f64>("frequency")?, 49.9);
        row.get::<_, String>("ingested_utc")
    });
    let ingested = row.unwrap();
    assert!(ingested.len() == 24 && ingested.ends_with('Z') && &ingested[10..11] == "T", "{ingested}");

    let line = place.texts(
        "SELECT dataset || ' ' || message_id || ' ' || content_hash || ' ' || bytes || ' ' || rows || ' ' || rescued
             || ' ' || dead || ' ' || table_name || ' ' || batch || ' ' || worker || ' ' || written_at
             || ' ' || claimed_at FROM irispool_load_history",
    );
    assert_eq!(
        line,
        ["FREQ m1 000000000000000000000000000000ab 300 2 0 0 bmrs_freq_iris batch-1 worker-1 \
          2025-10-28T03:59:00.000Z 2025-10-28T03:59:02.000Z"]
    );
    assert_eq!(place.texts("SELECT loaded_at FROM irispool_load_history"), [ingested]);
}

#[test]
fn the_same_content_again_is_not_loaded() {
    let place = Place::new();
    let warehouse = place.open();
    load(&warehouse, "FREQ", &[sent("m1", 1, &[ROW, OTHER])]);
    assert_eq!(load(&warehouse, "FREQ", &[sent("m1", 1, &[ROW, OTHER])]), [MessageOutcome::AlreadyLoaded]);
    assert_eq!(load(&place.open(), "FREQ", &[sent("m1", 1, &[ROW, OTHER])]), [MessageOutcome::AlreadyLoaded]);
    assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_iris"), 2);
}

#[test]
fn the_same_id_in_another_dataset_is_another_message() {
    let place = Place::new();
    let warehouse = place.open();
    load(&warehouse, "FREQ", &[sent("m1", 1, &[ROW])]);
    assert_eq!(load(&warehouse, "TEMP", &[sent("m1", 1, &[&[]])]), [MessageOutcome::Loaded]);
}

#[test]
fn newer_content_replaces_just_the_rows_of_its_message() {
    let place = Place::new();
    let warehouse = place.open();
    load(&warehouse, "FREQ", &[sent("m0", 1, &[ROW]), sent("m1", 1, &[ROW, ROW]), sent("m2", 1, &[ROW])]);
    let mut newer = sent("m1", 2, &[OTHER]);
    newer.written_at_ms += 1;
    assert_eq!(load(&warehouse, "FREQ", &[newer.clone()]), [MessageOutcome::Loaded]);
    assert_eq!(place.texts(FREQUENCIES), ["50.01", "49.9", "50.01"]);
    assert_eq!(place.number("SELECT rows FROM irispool_load_history WHERE message_id = 'm1'"), 1);

    let older = sent("m1", 3, &[ROW, ROW, ROW]);
    assert_eq!(load(&warehouse, "FREQ", &[older]), [MessageOutcome::Superseded]);
    assert_eq!(place.texts(FREQUENCIES), ["50.01", "49.9", "50.01"]);

    newer.hash = 4;
    newer.rows = vec![(0, ROW), (1, ROW)];
    assert_eq!(
        load(&warehouse, "FREQ", &[newer]),
        [MessageOutcome::Loaded],
        "of the same age, the one that came later"
    );
    assert_eq!(place.texts(FREQUENCIES), ["50.01", "50.01", "50.01", "50.01"]);
}

#[test]
fn a_retry_of_a_message_with_dead_rows_completes_it() {
    let place = Place::new();
    let warehouse = place.open();
    let mut partial = sent("m1", 1, &[]);
    partial.rows = vec![(1, OTHER)];
    partial.dead = 1;
    assert_eq!(load(&warehouse, "FREQ", &[partial.clone()]), [MessageOutcome::Loaded]);
    assert_eq!(
        load(&warehouse, "FREQ", &[partial]),
        [MessageOutcome::Loaded],
        "it died before it moved the file"
    );
    assert_eq!(place.texts(FREQUENCIES), ["49.9"]);

    assert_eq!(load(&warehouse, "FREQ", &[sent("m1", 1, &[ROW, OTHER])]), [MessageOutcome::Loaded]);
    assert_eq!(place.texts(FREQUENCIES), ["50.01", "49.9"]);
    assert_eq!(load(&warehouse, "FREQ", &[sent("m1", 1, &[ROW, OTHER])]), [MessageOutcome::AlreadyLoaded]);
}

#[test]
fn one_id_may_come_twice_in_one_call() {
    let place = Place::new();
    let warehouse = place.open();
    let schema = warehouse.schema("FREQ").unwrap();
    let first =
        delivery("FREQ", &schema, &[sent("m1", 1, &[ROW]), sent("m1", 1, &[ROW]), sent("m2", 1, &[])]);
    let second = delivery("FREQ", &schema, &[sent("m1", 2, &[OTHER, OTHER]), sent("m3", 1, &[ROW])]);
    let outcomes = load_all(&warehouse, &[first, second]).unwrap();
    assert_eq!(outcomes[0], [MessageOutcome::Loaded, MessageOutcome::AlreadyLoaded, MessageOutcome::Loaded]);
    assert_eq!(outcomes[1], [MessageOutcome::Loaded, MessageOutcome::Loaded]);
    assert_eq!(place.texts(FREQUENCIES), ["49.9", "49.9", "50.01"]);
    assert_eq!(place.number("SELECT count(*) FROM irispool_load_history"), 3);
}

/// VACUUM, or a dump read back, may number rows anew: other rows are now where a message's rows were.
#[test]
fn rows_are_found_after_they_were_renumbered() {
    let place = Place::new();
    let warehouse = place.open();
    load(
        &warehouse,
        "FREQ",
        &[sent("m0", 1, &[ROW, ROW]), sent("m1", 1, &[ROW, OTHER]), sent("m2", 1, &[ROW])],
    );
    let renumber =
        "DELETE FROM bmrs_freq_iris WHERE message_id = 'm0'; UPDATE bmrs_freq_iris SET rowid = rowid - 1";
    place.other().execute_batch(renumber).unwrap();
    assert_eq!(load(&warehouse, "FREQ", &[sent("m1", 2, &[OTHER])]), [MessageOutcome::Loaded]);
    assert_eq!(place.texts(FREQUENCIES), ["49.9", "50.01"]);
}

#[test]
fn a_table_that_refuses_its_rows_does_not_hold_up_the_others() {
    let place = Place::new();
    let warehouse = place.open();
    load(&warehouse, "FREQ", &[sent("m0", 1, &[ROW])]);
    let temp = warehouse.schema("TEMP").unwrap();
    let rule = "CREATE TRIGGER no_temp BEFORE INSERT ON bmrs_temp_iris BEGIN SELECT raise(ABORT, 'no'); END";
    place.other().execute_batch(rule).unwrap();
    let freq = warehouse.schema("FREQ").unwrap();
    let good = delivery("FREQ", &freq, &[sent("m0", 2, &[OTHER]), sent("m1", 1, &[ROW])]);
    let bad = delivery("TEMP", &temp, &[sent("t1", 1, &[&[("temperature", Cell::Float(9.5))]])]);
    let answers = warehouse.load(&[good, bad]);
    assert_eq!(answers[0].as_ref().unwrap(), &[MessageOutcome::Loaded, MessageOutcome::Loaded]);
    let error = answers[1].as_ref().unwrap_err();
    assert!(error.to_string().contains("iris.db"), "{error}");
    assert_eq!(place.number("SELECT count(*) FROM bmrs_temp_iris"), 0);
    assert_eq!(place.number("SELECT count(*) FROM irispool_load_history"), 2);

    place.other().execute_batch("DROP TRIGGER no_temp").unwrap();
    let again = sent("t1", 1, &[&[("temperature", Cell::Float(9.5))]]);
    assert_eq!(
        load(&warehouse, "TEMP", &[again]),
        [MessageOutcome::Loaded],
        "and takes them when the rule is gone"
    );
}

#[test]
fn workers_that_load_the_same_messages_and_add_columns_at_once_load_each_once() {
    const WORKERS: usize = 4;
    const MESSAGES: usize = 300;
    let place = Arc::new(Place::new());
    let start = Arc::new(Barrier::new(WORKERS));
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (place, start) = (Arc::clone(&place), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                // All open a file that is not there yet.
                let warehouse = place.open();
                let mut loaded = 0;
                let ids: Vec<String> = (0..MESSAGES).map(|serial| format!("m{serial:05}")).collect();
                for (round, ids) in ids.chunks(30).enumerate() {
                    let dataset = ["NEW", "FREQ"][(worker + round) % 2];
                    let fields = [
                        Field::new(format!("shared{round}"), ColumnKind::Int64),
                        Field::new(format!("own{worker}"), ColumnKind::Timestamp),
                    ];
                    let schema = warehouse.add_fields(dataset, &fields).unwrap();
                    let shared = format!("SHARED{round}");
                    let row: Fields<'_> = &[(&shared, Cell::Int(round as i64))];
                    let messages: Vec<_> = ids.iter().map(|id| sent(id, 1, &[row, row])).collect();
                    for messages in messages.chunks(7) {
                        let outcomes = load_all(&warehouse, &[delivery(dataset, &schema, messages)]).unwrap();
                        loaded +=
                            outcomes[0].iter().filter(|outcome| **outcome == MessageOutcome::Loaded).count();
                    }
                }
                loaded
            })
        })
        .collect();
    let loaded: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(loaded, 2 * MESSAGES, "two workers went through each half of each dataset");
    for table in ["bmrs_new_iris", "bmrs_freq_iris"] {
        assert_eq!(place.number(&format!("SELECT count(*) FROM {table}")), 2 * MESSAGES as i64);
        let apart = format!("SELECT count(*) FROM (SELECT DISTINCT message_id, message_row FROM {table})");
        assert_eq!(place.number(&apart), 2 * MESSAGES as i64);
    }
    let columns =
        place.texts("SELECT name FROM pragma_table_info('bmrs_new_iris') WHERE name LIKE 'own%' ORDER BY 1");
    assert_eq!(columns, ["own0", "own1", "own2", "own3"]);
    assert_eq!(place.texts("PRAGMA integrity_check"), ["ok"]);
}

/// A worker keeps what it knows of a table; a person drops things meanwhile.
#[test]
fn what_was_dropped_is_made_again() {
    let place = Place::new();
    let warehouse = place.open();
    let schema = warehouse.add_fields("FREQ", &[Field::new("quality", ColumnKind::String)]).unwrap();
    let quality: Fields<'_> = &[("quality", Cell::Text("A"))];
    let of = |id| delivery("FREQ", &schema, &[sent(id, 1, &[quality])]);
    load_all(&warehouse, &[of("m1")]).unwrap();
    place.other().execute_batch("ALTER TABLE bmrs_freq_iris DROP COLUMN quality").unwrap();
    assert_eq!(load_all(&warehouse, &[of("m2")]).unwrap(), [[MessageOutcome::Loaded]]);
    assert_eq!(place.texts("SELECT quality FROM bmrs_freq_iris ORDER BY message_id"), ["-", "A"]);
    place.other().execute_batch("DROP TABLE bmrs_freq_iris; DROP TABLE irispool_load_history").unwrap();
    assert_eq!(load_all(&warehouse, &[of("m3")]).unwrap(), [[MessageOutcome::Loaded]]);
    assert_eq!(place.texts("SELECT quality FROM bmrs_freq_unified"), ["A"]);
}

#[test]
fn an_older_message_that_mends_what_is_in_is_loaded_and_one_that_does_not_is_for_a_person() {
    let place = Place::new();
    let warehouse = place.open();
    let mut partial = sent("m1", 1, &[ROW, OTHER]);
    partial.dead = 2;
    load(&warehouse, "FREQ", &[partial.clone()]);
    let older = |hash, rows: &[Fields<'static>], dead| {
        let mut older = sent("m1", hash, rows);
        (older.written_at_ms, older.dead) = (older.written_at_ms - 1_000, dead);
        older
    };
    for (message, outcome) in [
        (older(2, &[ROW, OTHER], 2), MessageOutcome::LessWhole),
        (older(3, &[ROW, OTHER], 3), MessageOutcome::LessWhole),
        (older(4, &[ROW], 0), MessageOutcome::LessWhole),
        (older(5, &[ROW, OTHER, ROW], 1), MessageOutcome::Loaded),
        (older(6, &[ROW, OTHER, ROW, ROW], 0), MessageOutcome::Loaded),
    ] {
        assert_eq!(load(&warehouse, "FREQ", std::slice::from_ref(&message)), [outcome], "{:x}", message.hash);
    }
    assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_iris"), 4);
    assert_eq!(place.number("SELECT dead FROM irispool_load_history"), 0);
    let noted = "SELECT substr(content_hash, -1) FROM irispool_superseded ORDER BY 1";
    assert_eq!(place.texts(noted), ["1", "5"], "what was in and gave way");
    let mut first = older(7, &[ROW, OTHER, ROW, ROW], 0);
    first.written_at_ms -= 1;
    assert_eq!(load(&warehouse, "FREQ", &[first.clone()]), [MessageOutcome::Superseded]);
    assert_eq!(load(&warehouse, "FREQ", &[first]), [MessageOutcome::Superseded], "again: its process died");
    assert_eq!(place.texts(noted), ["1", "5", "7"]);
}

#[test]
fn a_message_whose_line_and_note_were_pruned_is_loaded_as_a_new_one() {
    use irispool::warehouse::sqlite::{Prune, Pruner};
    let place = Place::new();
    let warehouse = place.open();
    let mut partial = sent("m1", 1, &[ROW]);
    partial.dead = 1;
    load(&warehouse, "FREQ", &[partial]);
    let mut mended = sent("m1", 2, &[ROW, OTHER]);
    mended.written_at_ms -= 1_000;
    load(&warehouse, "FREQ", &[mended.clone()]);
    let after_all = i64::MAX / 2;
    let prune = Prune { before_ms: after_all, lines_before_ms: after_all, datasets: vec!["FREQ".into()] };
    Pruner::open(&place.path(), crate::support::sqlite::PATIENCE).unwrap().prune(&prune).unwrap();
    assert_eq!(place.number("SELECT count(*) FROM irispool_superseded"), 0);
    assert_eq!(load(&warehouse, "FREQ", &[mended]), [MessageOutcome::Loaded]);
    assert_eq!(place.number("SELECT count(*) FROM bmrs_freq_iris"), 2);
}
