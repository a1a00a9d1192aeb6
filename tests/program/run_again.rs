//! Messages that come again, messages that are tried again, and what the settings make of fields and finished files.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use crate::support::{Client, Site};

fn rows(frequencies: &[&str]) -> String {
    let rows = frequencies.iter().map(|frequency| {
        format!(
            r#"{{"dataset": "FREQ", "measurementTime": "2025-10-28T03:59:00Z", "frequency": {frequency}}}"#
        )
    });
    format!("[{}]", rows.collect::<Vec<_>>().join(", "))
}

const FREQUENCIES: &str = "SELECT message_row || ':' || frequency FROM bmrs_freq_iris ORDER BY 1";

#[test]
fn the_same_content_again_is_not_loaded_again() {
    let site = Site::new();
    site.put("FREQ", "a", rows(&["49.9", "50.1"]));
    site.drain(&[]);
    let loaded = "SELECT loaded_at || batch FROM irispool_load_history";
    let (before, ingested) = (site.texts(loaded), site.texts("SELECT ingested_utc FROM bmrs_freq_iris"));
    site.put("FREQ", "a", rows(&["49.9", "50.1"]));
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("already_loaded=1"), "{}", ended.log);
    assert_eq!(site.texts(loaded), before);
    assert_eq!(site.texts("SELECT ingested_utc FROM bmrs_freq_iris"), ingested);
    site.assert_nothing_incoming();
}

#[test]
fn of_two_contents_the_newer_stands_whichever_comes_first() {
    let site = Site::new();
    let now = SystemTime::now();
    let put = |frequencies: &[&str], age_s: u64| {
        let path = site.put("FREQ", "a", rows(frequencies));
        let written = now - Duration::from_secs(age_s);
        File::options().append(true).open(path).unwrap().set_modified(written).unwrap();
        site.drain(&[]);
        site.assert_nothing_incoming();
    };
    put(&["1", "2", "3"], 300);
    put(&["4", "5"], 200);
    assert_eq!(site.texts(FREQUENCIES), ["0:4.0", "1:5.0"]);
    // One that lay about in some other place.
    put(&["6", "7", "8", "9"], 250);
    assert_eq!(site.texts(FREQUENCIES), ["0:4.0", "1:5.0"]);
    put(&[], 100);
    assert_eq!(site.texts(FREQUENCIES), [""; 0]);
    assert_eq!(site.texts("SELECT rows FROM irispool_load_history"), ["0"]);
}

#[test]
fn both_names_of_a_dataset_are_one_table_and_a_message_of_both_is_one() {
    let site = Site::new();
    let row = r#"[{"dataset": "MID", "dataProvider": "APXMIDP", "price": 81.5, "volume": 1}]"#;
    site.put("mibm_mid", "m", row);
    site.put("MID", "m", row);
    assert_eq!(site.once(&[]).code, Some(0));
    assert_eq!(site.texts("SELECT price FROM bmrs_mid_iris"), ["81.5"]);
}

#[test]
fn without_a_subject_the_rows_or_the_name_say_the_dataset() {
    let site = Site::new();
    site.put("unknown", "some-id", rows(&["1"]));
    site.put("unknown", "BOALF_202510271648_10262.json", r#"[{"acceptanceNumber": 5}]"#);
    site.put("unknown", "SYS_WARN_251027T164812_000001.json", r#"[{"warningText": "Take care, TZ"}]"#);
    site.put("unknown", "nothing-known", r#"[{"x": 5}]"#);
    // A folder stands before what the rows say.
    site.put("FREQ", "BOALF_202510271648_10263.json", r#"[{"dataset": "MID", "frequency": 2}]"#);
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(site.texts(FREQUENCIES), ["0:1.0", "0:2.0"]);
    assert_eq!(site.texts("SELECT acceptanceNumber FROM bmrs_boalf_iris"), ["5"]);
    assert_eq!(site.texts("SELECT warningText FROM bmrs_syswarn_iris"), ["Take care, TZ"]);
    assert_eq!(site.texts("SELECT x FROM bmrs_unknown_iris"), ["5"]);
}

const NEW: &str = r#"[{"dataset": "FREQ", "frequency": 50.5, "zone": "N", "inertia": 7}, {"frequency": "none"}, {"frequency": 51}]"#;

#[test]
fn evolve_makes_columns_and_rescues_values_that_do_not_fit() {
    let site = Site::new();
    site.put("FREQ", "a", NEW);
    site.put("NEWCOMER", "b", NEW.replace("FREQ", "NEWCOMER"));
    assert_eq!(site.once(&[]).code, Some(0));
    assert_eq!(site.texts(FREQUENCIES), ["-", "0:50.5", "2:51.0"]);
    let more = "SELECT zone || inertia || frequency FROM bmrs_freq_iris WHERE zone IS NOT NULL";
    assert_eq!(site.texts(more), ["N7.050.5"]);
    assert_eq!(site.texts("SELECT rescued FROM bmrs_freq_iris"), ["-", r#"{"frequency":"none"}"#, "-"]);
    assert_eq!(site.texts("SELECT zone FROM bmrs_newcomer_iris ORDER BY message_row"), ["N", "-", "-"]);
    assert_eq!(site.texts("SELECT count(*) FROM bmrs_newcomer_unified"), ["3"]);
}

#[test]
fn rescue_adds_no_column_and_loses_nothing() {
    let site = Site::new();
    site.put("FREQ", "a", NEW);
    assert_eq!(site.once(&["--schema=rescue"]).code, Some(0));
    let columns = "SELECT name FROM pragma_table_info('bmrs_freq_iris') WHERE name IN ('zone', 'inertia')";
    assert_eq!(site.texts(columns), [""; 0]);
    let rescued = site.texts("SELECT rescued FROM bmrs_freq_iris ORDER BY message_row");
    let first: serde_json::Value = serde_json::from_str(&rescued[0]).unwrap();
    assert_eq!(first, serde_json::json!({"zone": "N", "inertia": 7}));
    assert_eq!(rescued[1..], [r#"{"frequency":"none"}"#, "-"]);
}

#[test]
fn strict_sends_rows_that_do_not_fit_to_dead_and_delivers_the_others() {
    let site = Site::new();
    site.put("FREQ", "a", NEW);
    let ended = site.once(&["--schema=strict"]);
    assert_eq!(ended.code, Some(3), "{}", ended.log);
    assert_eq!(site.texts(FREQUENCIES), ["2:51.0"]);
    let report = site.report("FREQ", "a");
    assert_eq!(report.bad_rows, 2);
    assert_eq!(report.rows.iter().map(|row| row.row).collect::<Vec<_>>(), [0, 1]);
    assert!(
        report.rows[0].reason.contains("zone") || report.rows[0].reason.contains("inertia"),
        "{report:?}"
    );
    // Tried again under another policy, each row is there once, in its own place.
    retry(&site, "FREQ", "a");
    assert_eq!(site.once(&[]).code, Some(0));
    assert_eq!(site.texts("SELECT message_row FROM bmrs_freq_iris ORDER BY 1"), ["0", "1", "2"]);
}

/// What a person, or `irispool dead retry`, does with the files.
fn retry(site: &Site, folder: &str, name: &str) {
    let dead = site.spool.join("dead").join(folder);
    fs::rename(dead.join(name), site.incoming(folder).join(name)).unwrap();
    fs::remove_file(dead.join(format!("{name}.error.json"))).unwrap();
}

#[test]
fn a_dead_letter_says_what_is_wrong_and_where() {
    let site = Site::new();
    let cut = &rows(&["1"])[..40];
    site.put("FREQ", "cut.json", cut);
    let broken = rows(&["1", "x", "3", "y"]);
    site.put("FREQ", "broken.json", &broken);
    assert_eq!(site.once(&[]).code, Some(3));

    let report = site.report("FREQ", "cut.json");
    assert_eq!((report.dataset.as_str(), report.message_id.as_str()), ("FREQ", "cut.json"));
    assert_eq!((report.stage.as_str(), report.byte, report.attempts), ("parse", Some(40), 1));
    assert!(report.reason.contains("stopped half-way"), "{report:?}");
    assert_eq!(report.first_failed_at, report.last_failed_at);
    assert_eq!(report.irispool, env!("CARGO_PKG_VERSION"));
    assert!(!report.worker.is_empty());
    assert_eq!(fs::read_to_string(site.spool.join("dead/FREQ/cut.json")).unwrap(), cut);

    let report = site.report("FREQ", "broken.json");
    let bad: Vec<_> = report.rows.iter().map(|row| (row.row, row.byte.unwrap() as usize)).collect();
    let starts: Vec<usize> = broken.match_indices('{').map(|(place, _)| place).collect();
    let next = |row: usize| starts.get(row + 1).copied().unwrap_or(broken.len());
    assert_eq!(bad.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1, 3]);
    assert!(
        bad.iter().all(|&(row, byte)| (starts[row as usize]..next(row as usize)).contains(&byte)),
        "{bad:?}"
    );
    assert_eq!(site.texts(FREQUENCIES), ["0:1.0", "2:3.0"]);
}

#[test]
fn a_partly_dead_message_tried_again_doubles_no_row() {
    let site = Site::new();
    site.put("FREQ", "a", rows(&["1", "x", "3"]));
    site.drain(&[]);
    assert_eq!(site.texts(FREQUENCIES), ["0:1.0", "2:3.0"]);
    // As it is: it fails again in the same way.
    retry(&site, "FREQ", "a");
    assert_eq!(site.once(&[]).code, Some(3));
    assert_eq!(site.texts(FREQUENCIES), ["0:1.0", "2:3.0"]);
    assert_eq!(site.dead().len(), 1);
    // With its report left behind: the attempts are counted.
    fs::rename(site.spool.join("dead/FREQ/a"), site.incoming("FREQ").join("a")).unwrap();
    assert_eq!(site.once(&[]).code, Some(3));
    assert_eq!(site.report("FREQ", "a").attempts, 2);
    // Mended.
    retry(&site, "FREQ", "a");
    fs::write(site.incoming("FREQ").join("a"), rows(&["1", "2", "3"])).unwrap();
    assert_eq!(site.once(&[]).code, Some(0));
    assert_eq!(site.texts(FREQUENCIES), ["0:1.0", "1:2.0", "2:3.0"]);
    assert_eq!(site.dead().len(), 0);
    assert_eq!(site.texts("SELECT dead FROM irispool_load_history"), ["0"]);
}

#[test]
fn a_good_redelivery_of_a_dead_message_is_delivered_and_a_bad_one_is_a_letter_of_its_own() {
    let site = Site::new();
    for body in ["[{", "[{", "[{1"] {
        site.put("FREQ", "a", body);
        assert_eq!(site.once(&[]).code, Some(3));
    }
    assert_eq!(site.dead().into_iter().collect::<Vec<_>>(), ["FREQ/a", "FREQ/a~2"]);
    assert_eq!((site.report("FREQ", "a").attempts, site.report("FREQ", "a~2").attempts), (2, 1));
    site.put("FREQ", "a", rows(&["1"]));
    assert_eq!(site.once(&[]).code, Some(0));
    assert_eq!(site.texts(FREQUENCIES), ["0:1.0"]);
}

#[test]
fn kept_messages_lie_under_done_as_they_came() {
    for flags in [&["--keep=done"][..], &["--keep=done", "--claim-files=1"]] {
        let site = Site::new();
        let mut client = Client::new(&site);
        for number in 0..5 {
            client.write("FREQ", &format!("m{number}"), rows(&[&number.to_string()]).as_bytes());
        }
        site.put("BOALF", "bad", "[{");
        assert_eq!(site.once(flags).code, Some(3));
        client.expected.assert_rows(&site);
        let names: Vec<String> = (0..5).map(|number| format!("FREQ/m{number}")).collect();
        assert_eq!(site.files_in("done").into_iter().collect::<Vec<_>>(), names);
        assert_eq!(fs::read_to_string(site.spool.join("done/FREQ/m3")).unwrap(), rows(&["3"]));
        assert_eq!(site.dead().into_iter().collect::<Vec<_>>(), ["BOALF/bad"]);
        site.assert_nothing_incoming();
        site.assert_nothing_claimed();
        // Redelivered: both files are kept.
        site.put("FREQ", "m3", rows(&["3"]));
        assert_eq!(site.once(flags).code, Some(0));
        assert!(site.files_in("done").contains("FREQ/m3~2"));
    }
}
