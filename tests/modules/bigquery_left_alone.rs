//! The user's own views and tables in the places of irispool's views and of their history: they stay, rows are delivered,
//! and what is missed is said.

use std::fs;

use crate::support::fault_server::{Fault, FaultServer, error};
use crate::support::feed::{freq, open};
use irispool::catalog;
use irispool::commands::setup::{plan, set_up_bigquery};
use irispool::warehouse::{Replace, Warehouse};

const COLUMNS: [(&str, &str, &str); 2] =
    [("measurementTime", "TIMESTAMP", "NULLABLE"), ("frequency", "FLOAT64", "NULLABLE")];

fn server() -> FaultServer {
    let server = FaultServer::start();
    server.state().no_views = true;
    server
}

fn set_up(server: &FaultServer, replace: Option<&Replace>) -> String {
    let mut out = Vec::new();
    set_up_bigquery(&open(server), &["FREQ".to_owned()], "EU", replace, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn dry_run(server: &FaultServer, replace: Option<&Replace>) -> String {
    let mut out = Vec::new();
    plan(&open(server), &["FREQ".to_owned()], "EU", replace, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn deliver(server: &FaultServer) {
    let warehouse = open(server);
    let rows = server.rows("bmrs_freq_iris").len();
    let delivery = freq(&warehouse, 1, 2);
    warehouse.schema("FREQ").unwrap();
    warehouse.load(&[delivery]).remove(0).unwrap();
    // Views are all made when it is gone.
    drop(warehouse);
    assert_eq!(server.rows("bmrs_freq_iris").len(), rows + 2);
}

fn text_of(server: &FaultServer, view: &str) -> Option<String> {
    let state = server.state();
    Some(state.tables.get(view)?.resource["view"]["query"].as_str().unwrap_or_default().to_owned())
}

fn left(server: &FaultServer) -> Vec<String> {
    open(server).left_alone().unwrap().into_iter().map(|left| left.what).collect()
}

#[test]
fn what_is_no_table_that_can_be_read_is_left_out_of_the_history() {
    let denied = || error(403, "accessDenied", "Access Denied: Table p:d.bmrs_freq");
    for (kind, why) in [
        ("VIEW", "is a view"),
        ("MATERIALIZED_VIEW", "is a materialized view"),
        ("EXTERNAL", "is an external table"),
        ("denied", "can't be read (403 accessDenied"),
        ("rows denied", "can't be read (403 accessDenied"),
    ] {
        let server = server();
        match kind {
            "denied" => {
                server.has_table("bmrs_freq", &COLUMNS);
                server.fail("tables.get bmrs_freq", (0..9).map(|_| Fault::Answer(403, denied())));
            }
            "rows denied" => {
                server.has_table("bmrs_freq", &COLUMNS);
                server.state().unreadable.push("bmrs_freq`".to_owned());
            }
            kind => server.has_view("bmrs_freq", kind, None, "SELECT * FROM `p.d.bmrs_freq_unified`"),
        }
        deliver(&server);
        let unified = text_of(&server, "bmrs_freq_unified").unwrap();
        assert!(!unified.contains("bmrs_freq`"), "{kind}: {unified}");
        assert!(text_of(&server, "bmrs_freq_latest").is_some(), "{kind}");
        let said = set_up(&server, None);
        assert!(said.contains(&format!("bmrs_freq {why}")), "{said}");
        assert!(said.contains("bmrs_freq_unified does not show it"), "{said}");
    }
    // A table is history.
    let server = server();
    server.has_table("bmrs_freq", &COLUMNS);
    deliver(&server);
    assert!(text_of(&server, "bmrs_freq_unified").unwrap().contains("bmrs_freq`"));
}

#[test]
fn what_has_the_name_of_a_view_stays_and_rows_are_delivered() {
    for (kind, words) in [
        ("VIEW", "a view that irispool did not create"),
        ("TABLE", "a table"),
        ("MATERIALIZED_VIEW", "a materialized view"),
    ] {
        let server = server();
        server.has_view(
            "bmrs_freq_unified",
            kind,
            Some("Frequency, by Ann"),
            "SELECT 1 AS mine FROM `p.d.x`",
        );
        server.has_table("bmrs_freq", &COLUMNS);
        deliver(&server);
        let said = set_up(&server, None);
        assert_eq!(text_of(&server, "bmrs_freq_unified").unwrap(), "SELECT 1 AS mine FROM `p.d.x`");
        assert_eq!(text_of(&server, "bmrs_freq_latest"), None, "it would read what is not irispool's");
        assert!(server.state().views_made.is_empty());
        assert!(said.contains(&format!("bmrs_freq_unified is {words}")), "{said}");
        assert!(said.contains("bmrs_freq_latest is not made or changed"), "{said}");
        let planned = dry_run(&server, None);
        assert!(planned.contains(&format!("-- bmrs_freq_unified is {words}")), "{planned}");
        assert!(!planned.contains("VIEW `"), "{planned}");
        assert_eq!(left(&server).len(), 2);
        if kind == "VIEW" {
            for missed in
                ["it lacks the columns", "the history in bmrs_freq", "drops no rows that came twice"]
            {
                assert!(said.contains(missed), "{said}");
            }
        } else {
            let replace = Replace { views: Vec::new(), folder: "/nowhere".into() };
            assert!(!set_up(&server, Some(&replace)).contains("replaced"));
        }
    }
}

#[test]
fn a_view_of_irispools_is_changed_until_somebody_changes_a_word_of_it() {
    let server = server();
    set_up(&server, None);
    let ours = text_of(&server, "bmrs_freq_unified").unwrap();
    server.state().views_made.clear();
    assert!(set_up(&server, None).contains("all tables and views exist"));
    assert!(server.state().views_made.is_empty(), "what is as it should be is not touched");
    // Another column, and both views are changed.
    server.has_table("bmrs_freq_iris", &[COLUMNS[0], COLUMNS[1], ("mood", "STRING", "NULLABLE")]);
    assert!(set_up(&server, None).contains("2 views"));
    assert!(text_of(&server, "bmrs_freq_unified").unwrap().contains("`mood`"));
    for theirs in [
        format!("{ours}\nLIMIT 5"),
        ours.replace("`frequency`", "`frequency` * 1000 AS `frequency`"),
        ours.replace("/* ", "/* mine: "),
    ] {
        assert_ne!(theirs, ours);
        // The console leaves the description as it is.
        let description = server.state().tables["bmrs_freq_unified"].resource["description"].clone();
        server.has_view("bmrs_freq_unified", "VIEW", description.as_str(), &theirs);
        set_up(&server, None);
        assert_eq!(text_of(&server, "bmrs_freq_unified").unwrap(), theirs);
    }
}

/// What the version before made, of a table with history and of one without.
fn old_views(with_history: bool) -> [(String, String, String); 2] {
    let meaning = &catalog::find("FREQ").unwrap().meaning;
    let iris = "WITH iris AS (\n  SELECT\n    `dataset`,\n    `measurementTime`,\n    `frequency`,\n    `measurementTime` AS `spotTime`,\n    `measurementTime` AS `reportSnapshotTime`,\n    `ingested_utc`,\n    IFNULL(`source`, 'IRIS') AS `source`,\n    `message_id`,\n    `message_row`,\n    IF(`rescued` IS NULL, NULL, TO_JSON_STRING(`rescued`)) AS `rescued`\n  FROM `p.d.bmrs_freq_iris`\n)";
    let newest = "QUALIFY message_id IS NULL OR (\n  ROW_NUMBER() OVER (\n    PARTITION BY message_id, message_row, `measurementTime`, IF(message_id IS NULL, ingested_utc, NULL)\n    ORDER BY ingested_utc DESC\n  ) = 1\n  AND IFNULL(ingested_utc >= MAX(IF(message_row = 0, ingested_utc, NULL)) OVER (\n    PARTITION BY message_id, `measurementTime`, IF(message_id IS NULL, ingested_utc, NULL)\n  ), TRUE)\n)";
    let (said, unified) = match with_history {
        false => (String::new(), format!("{iris}\nSELECT * FROM iris\n{newest}")),
        true => {
            let historic = iris
                .replace("WITH iris", "historic")
                .replace("bmrs_freq_iris", "bmrs_freq")
                .replace("IFNULL(`source`, 'IRIS') AS `source`", "'HISTORIC' AS `source`");
            let text = format!(
                "{iris},\n{historic}\nSELECT * FROM iris\n{newest}\nUNION ALL\nSELECT * FROM historic"
            );
            (", and the history in bmrs_freq".to_owned(), text)
        }
    };
    let latest = "SELECT * FROM `p.d.bmrs_freq_unified`\nQUALIFY ROW_NUMBER() OVER (\n  PARTITION BY `measurementTime`\n  ORDER BY message_id DESC, message_row DESC\n) = 1";
    [
        ("bmrs_freq_unified".to_owned(), format!("{meaning}: IRIS rows, each once{said}"), unified),
        (
            "bmrs_freq_latest".to_owned(),
            format!("{meaning}: the rows that none has replaced"),
            latest.to_owned(),
        ),
    ]
}

#[test]
fn the_views_of_the_version_before_are_changed_and_those_made_after_their_pattern_are_not() {
    for with_history in [false, true] {
        let server = server();
        server.has_table("bmrs_freq", &COLUMNS);
        for (name, description, text) in old_views(with_history) {
            server.has_view(&name, "VIEW", Some(&description), &text);
        }
        let said = set_up(&server, None);
        assert!(said.contains("2 views"), "{said}");
        for view in ["bmrs_freq_unified", "bmrs_freq_latest"] {
            assert!(text_of(&server, view).unwrap().starts_with("/* irispool"), "{view}");
        }
        let [(name, description, text), _] = old_views(with_history);
        for (description, text) in [
            ("Mine", text.clone()),
            (&description, text.replace("SELECT * FROM iris", "SELECT * FROM iris WHERE frequency > 0")),
            (&description, text.replace("FROM `p.d.bmrs_freq_iris`", "FROM `p.d.my_freq`")),
            (&description, text.replace("\n)", "\n  JOIN `p.d.units` USING (dataset)\n)")),
            (&description, text.replace("`frequency`", "`frequency` * 1000 AS `frequency`")),
            (&description, text.replace("`frequency`", "ROUND(`frequency`) AS `frequency`")),
            (&description, format!("{text}\nLIMIT 5")),
            (&description, "SELECT 1".to_owned()),
        ] {
            server.has_view(&name, "VIEW", Some(description), &text);
            set_up(&server, None);
            assert_eq!(text_of(&server, &name).unwrap(), text);
        }
    }
}

/// The request is made again, and is refused then: what is there is not what it asked to change.
#[test]
fn a_view_that_was_made_though_the_answer_was_lost_is_made() {
    let server = server();
    server.has_table("bmrs_freq", &COLUMNS);
    server.state().view_answers_lost = 1;
    let said = set_up(&server, None);
    assert!(said.contains("2 views"), "{said}");

    for (name, description, text) in old_views(true) {
        server.has_view(&name, "VIEW", Some(&description), &text);
    }
    server.state().view_answers_lost = 1;
    let said = set_up(&server, None);
    assert!(said.contains("2 views"), "{said}");
    // It selects every column of the other one, so it is made anew with it.
    assert_eq!(server.state().views_made.last().unwrap().0, "bmrs_freq_latest");

    server.has_view("bmrs_freq_unified", "VIEW", None, "SELECT 1 AS mine");
    let folder = tempfile::tempdir().unwrap();
    server.state().view_answers_lost = 1;
    let said = set_up(&server, Some(&Replace { views: Vec::new(), folder: folder.path().to_owned() }));
    let saved = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(saved.len(), 1, "{saved:?}");
    assert!(said.contains(saved[0].to_str().unwrap()), "{said}");
}

#[test]
fn a_view_is_replaced_after_its_sql_was_saved_though_somebody_changes_it_meanwhile() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let replace = Replace { views: vec!["bmrs_freq_unified".to_owned()], folder: folder.path().to_owned() };
    server.has_view("bmrs_freq_unified", "VIEW", Some("it's mine"), "SELECT 1 AS mine");
    let planned = dry_run(&server, Some(&replace));
    assert!(
        planned.contains("VIEW `p.d.bmrs_freq_unified`") && planned.contains("VIEW `p.d.bmrs_freq_latest`")
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a dry run saves nothing");
    server.state().meddle = Some(Box::new(|state| {
        state.put_view("bmrs_freq_unified", "VIEW", Some("it's mine"), "SELECT 2 AS mine");
    }));
    let said = set_up(&server, Some(&replace));
    let path = said.split("its SQL is in ").nth(1).unwrap().lines().next().unwrap();
    assert_eq!(
        fs::read_to_string(path).unwrap(),
        "CREATE VIEW `p.d.bmrs_freq_unified`\nOPTIONS (description = 'it\\'s mine')\nAS\nSELECT 2 AS mine;\n"
    );
    assert!(text_of(&server, "bmrs_freq_unified").unwrap().starts_with("/* irispool"));
    assert!(text_of(&server, "bmrs_freq_latest").is_some());
    // Nothing goes that could not be saved.
    server.has_view("bmrs_freq_unified", "VIEW", None, "SELECT 3 AS mine");
    let replace = Replace { folder: folder.path().join("gone"), ..replace };
    let error = open(&server).set_up(&["FREQ".to_owned()], Some(&replace)).unwrap_err();
    assert!(error.to_string().contains("bmrs_freq_unified stays"), "{error}");
    assert_eq!(text_of(&server, "bmrs_freq_unified").unwrap(), "SELECT 3 AS mine");
}

#[test]
fn a_view_that_somebody_makes_just_before_stays() {
    let server = server();
    server.state().meddle = Some(Box::new(|state| {
        state.put_view("bmrs_freq_unified", "VIEW", None, "SELECT 1 AS mine");
    }));
    deliver(&server);
    assert_eq!(text_of(&server, "bmrs_freq_unified").unwrap(), "SELECT 1 AS mine");
}
