//! `irispool prune`: what is old goes, rows and lines alike, and nothing else.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use crate::support::{Client, Site, lacks, until};
use irispool::catalog;
use irispool::feed::FeedOptions;

fn prune(site: &Site, arguments: &[&str]) -> Output {
    let mut command = site.irispool();
    command.arg("prune").args(arguments).arg(format!("--warehouse={}", site.warehouse()));
    command.output().unwrap()
}

#[track_caller]
fn said(site: &Site, arguments: &[&str], code: i32) -> String {
    let output = prune(site, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    String::from_utf8(output.stdout).unwrap() + &stderr
}

fn rows(dataset: &str, from: u32, count: u32) -> String {
    let row = |number| {
        format!(
            r#"{{"dataset":"{dataset}","measurementTime":"2025-10-28T03:59:00Z","frequency":{number}.5}}"#
        )
    };
    format!("[{}]", (from..from + count).map(row).collect::<Vec<_>>().join(","))
}

/// Puts messages and has them delivered; then makes them as old as that.
fn deliver(site: &Site, folder: &str, name: &str, messages: u32, rows_each: u32, days: u32) {
    for number in 0..messages {
        site.put(folder, format!("{name}-{number}"), rows(folder, number * 10, rows_each));
    }
    site.drain(&[]);
    let table = catalog::table_name(folder);
    let old = format!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days} days')");
    site.connection()
        .execute_batch(&format!(
            "UPDATE irispool_load_history SET loaded_at = {old} WHERE message_id GLOB '{name}-*';
             UPDATE {table} SET ingested_utc = {old} WHERE message_id GLOB '{name}-*';"
        ))
        .unwrap();
}

/// Rows of a table by the first word of their message, and messages in the ledger by the same.
fn counts(site: &Site, table: &str) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let count = |texts: Vec<String>| {
        let mut counts = BTreeMap::new();
        for text in texts {
            *counts.entry(text.split('-').next().unwrap().to_owned()).or_default() += 1;
        }
        counts
    };
    (
        count(site.texts(&format!("SELECT coalesce(message_id, 'none') FROM {table}"))),
        count(
            site.texts(&format!("SELECT message_id FROM irispool_load_history WHERE table_name = '{table}'")),
        ),
    )
}

fn map<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, usize> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

const FREQ: &str = "bmrs_freq_iris";

#[test]
fn what_is_old_goes_with_its_lines_and_nothing_else() {
    let site = Site::new();
    deliver(&site, "FREQ", "old", 700, 3, 100);
    deliver(&site, "FREQ", "empty", 2, 0, 100);
    deliver(&site, "FREQ", "young", 20, 2, 80);
    deliver(&site, "MID", "old", 5, 2, 100);
    site.connection()
        .execute_batch(
            "CREATE TABLE bmrs_freq (measurementTime TEXT, frequency REAL);
             INSERT INTO bmrs_freq VALUES ('2001-01-01T00:00:00Z', 50.0);
             INSERT INTO bmrs_freq_iris (ingested_utc, source, message_id, message_row)
               VALUES ('2001-01-01T00:00:00.000Z', 'OTHER', 'old-1', 0), ('2001-01-01T00:00:00.000Z', 'IRIS', 'mine', 0)",
        )
        .unwrap();
    let before = counts(&site, FREQ);
    let text = said(&site, &["--older-than", "90d", "--dry-run"], 0);
    assert!(text.contains("2,110 rows of 707 messages would be deleted, loaded before "), "{text}");
    let mistyped = said(&site, &["--older-than", "90d", "--dataset", "FRQE"], 2);
    assert!(mistyped.contains("did you mean FREQ?"), "{mistyped}");
    assert_eq!(counts(&site, FREQ), before);
    let text = said(&site, &["--older-than", "90d", "--dataset", "freq"], 0);
    assert!(text.contains("bmrs_freq_iris       702  2,100\n") && !text.contains("mid"), "{text}");
    assert!(text.contains("2,100 rows of 702 messages deleted"), "{text}");
    assert!(text.contains("of the file are free for the next rows"), "{text}");
    // A row of another source, and one without a line in the ledger, are not irispool's to delete.
    let left = (map([("young", 40), ("old", 1), ("mine", 1)]), map([("young", 20)]));
    assert_eq!(counts(&site, FREQ), left);
    assert_eq!(counts(&site, "bmrs_mid_iris").1, map([("old", 5)]));
    said(&site, &["--older-than", "90d"], 0);
    assert_eq!(counts(&site, "bmrs_mid_iris"), (map([]), map([])));
    assert_eq!(site.texts("SELECT count(*) FROM bmrs_freq"), ["1"]);
    // The views are as they were, and so is what comes now.
    assert_eq!(site.texts("SELECT count(*) FROM bmrs_mid_latest"), ["0"]);
    assert_eq!(site.texts("SELECT count(*) FROM bmrs_freq_unified WHERE source = 'IRIS'"), ["41"]);
    deliver(&site, "FREQ", "new", 3, 1, 0);
    assert_eq!(counts(&site, FREQ).0["new"], 3);
    let text = said(&site, &["--older-than", "90d"], 0);
    assert!(text.starts_with("0 rows of 0 messages deleted"), "{text}");
}

#[test]
fn what_iris_may_deliver_again_is_kept_in_mind() {
    let site = Site::new();
    deliver(&site, "FREQ", "two", 4, 3, 2);
    deliver(&site, "FREQ", "four", 4, 3, 4);
    let text = said(&site, &["--older-than", "1d"], 2);
    assert!(text.contains("IRIS delivers messages again for 3 days") && text.contains("hint: "), "{text}");
    assert_eq!(counts(&site, FREQ).0.values().sum::<usize>(), 24);
    let would = said(&site, &["--older-than", "1d", "--force", "--dry-run"], 0);
    assert!(would.contains("24 rows of 8 messages would be deleted"), "{would}");
    let text = said(&site, &["--older-than", "1d", "--force"], 0);
    assert!(text.contains("24 rows of 8 messages deleted"), "{text}");
    assert_eq!(counts(&site, FREQ), (map([]), map([("two", 4)])));
    let would = said(&site, &["--older-than", "1d", "--force", "--dry-run"], 0);
    assert!(would.starts_with("0 rows of 0 messages would"), "{would}");
    // So does one whose lines an irispool before this pruned: they have their rows' count, and no place of theirs.
    site.connection()
        .execute_batch("UPDATE irispool_load_history SET rows = 3 WHERE first_rowid IS NULL")
        .unwrap();
    let would = said(&site, &["--older-than", "1d", "--force", "--dry-run"], 0);
    assert!(would.starts_with("0 rows of 0 messages would"), "{would}");
    // What comes again with the same content stays away; with other content it is loaded.
    site.put("FREQ", "two-1", rows("FREQ", 10, 3));
    site.put("FREQ", "two-2", rows("FREQ", 500, 2));
    site.drain(&[]);
    assert_eq!(counts(&site, FREQ), (map([("two", 2)]), map([("two", 4)])));
    let text = said(&site, &["--older-than", "1d", "--force"], 0);
    assert!(text.starts_with("0 rows of 0 messages"), "{text}");
}

#[test]
fn a_vacuum_numbers_rows_anew_and_hurts_nothing() {
    let site = Site::new();
    for (name, days) in [("a", 300), ("b", 200), ("c", 100), ("d", 0)] {
        deliver(&site, "FREQ", name, 300, 3, days);
    }
    let size = || std::fs::metadata(&site.database).unwrap().len();
    let before = size();
    let text = said(&site, &["--older-than", "250d", "--vacuum"], 0);
    assert!(
        text.contains("900 rows of 300 messages") && text.contains("of the file returned to the disk"),
        "{text}"
    );
    assert!(size() < before, "{} and {before}", size());
    // irispool's own vacuum leaves the lines right: a message is replaced where it is.
    let places = "SELECT count(*) FROM irispool_load_history AS h JOIN bmrs_freq_iris AS f
                  ON f.message_id = h.message_id AND f.rowid BETWEEN h.first_rowid AND h.last_rowid";
    assert_eq!(site.texts(places), ["2700"]);
    said(&site, &["--older-than", "150d"], 0);
    // One by somebody else does not; and somebody deleted a row of his own accord.
    site.connection()
        .execute_batch("VACUUM; DELETE FROM bmrs_freq_iris WHERE message_id = 'c-7' AND message_row = 1")
        .unwrap();
    assert_ne!(site.texts(places), ["1800"]);
    let text = said(&site, &["--older-than", "50d"], 0);
    assert!(text.contains("899 rows of 300 messages"), "{text}");
    assert_eq!(counts(&site, FREQ), (map([("d", 900)]), map([("d", 300)])));
}

#[test]
fn a_message_of_many_rows_goes_in_parts() {
    let site = Site::new();
    deliver(&site, "FREQ", "big", 2, 60_000, 100);
    deliver(&site, "FREQ", "small", 2, 10, 100);
    let text = said(&site, &["--older-than", "90d"], 0);
    assert!(text.contains("120,020 rows of 4 messages"), "{text}");
    assert_eq!(counts(&site, FREQ), (map([]), map([])));
}

#[test]
fn tables_whose_rows_have_no_numbers_are_pruned_too() {
    let site = Site::new();
    let create = "CREATE TABLE bmrs_freq_iris (measurementTime TEXT, frequency REAL, ingested_utc TEXT, source TEXT,
                  message_id TEXT, message_row INTEGER, rescued TEXT, PRIMARY KEY (message_id, message_row)) WITHOUT ROWID";
    site.connection().execute_batch(create).unwrap();
    deliver(&site, "FREQ", "old", 4, 3, 100);
    deliver(&site, "FREQ", "young", 4, 3, 5);
    let text = said(&site, &["--older-than", "90d"], 0);
    assert!(text.contains("12 rows of 4 messages deleted"), "{text}");
    assert_eq!(counts(&site, FREQ), (map([("young", 12)]), map([("young", 4)])));
    deliver(&site, "FREQ", "two", 4, 3, 2);
    for (rows, messages) in [(24, 8), (0, 0)] {
        let would = said(&site, &["--older-than", "1d", "--force", "--dry-run"], 0);
        assert!(would.contains(&format!("{rows} rows of {messages} messages")), "{would}");
        said(&site, &["--older-than", "1d", "--force"], 0);
    }
}

#[test]
fn where_there_is_nothing_to_prune_it_says_why() {
    let site = Site::new();
    let text = said(&site, &["--older-than", "90d"], 1);
    assert!(text.contains("there is no warehouse at") && !site.database.exists(), "{text}");
    let output =
        site.irispool().args(["prune", "--older-than=90d", "--warehouse=bigquery:p.d"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("hint: ") && stderr.contains("partition_expiration_days"), "{stderr}");
}

/// Every message is there as a whole, or gone as a whole.
#[track_caller]
fn assert_whole(site: &Site, table: &str) {
    let torn = format!(
        "SELECT h.message_id FROM irispool_load_history AS h WHERE h.table_name = '{table}'
         AND h.rows <> (SELECT count(*) FROM {table} AS t WHERE t.rowid BETWEEN h.first_rowid AND h.last_rowid
                        AND t.message_id = h.message_id)
         UNION ALL
         SELECT DISTINCT message_id FROM {table} WHERE message_id NOT IN
           (SELECT message_id FROM irispool_load_history WHERE table_name = '{table}')"
    );
    assert_eq!(site.texts(&torn), Vec::<String>::new());
    assert_eq!(site.texts("PRAGMA integrity_check"), ["ok"]);
}

#[test]
fn one_that_is_killed_at_a_write_or_sync_is_harmless() {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !traced.is_ok_and(|status| status.success()) {
        return lacks("strace is missing or may not trace");
    }
    let site = Site::new();
    deliver(&site, "FREQ", "old", 3_000, 4, 100);
    deliver(&site, "FREQ", "young", 50, 2, 10);
    let mut killed = 0;
    for (calls, at) in [
        ("pwrite64", 1),
        ("pwrite64", 7),
        ("fdatasync,fsync", 1),
        ("pwrite64", 40),
        ("fdatasync,fsync", 2),
        ("pwrite64", 90),
        ("ftruncate,unlink", 1),
    ] {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:signal=KILL:when={at}")]);
        command.arg(env!("CARGO_BIN_EXE_irispool")).args(["prune", "--older-than=90d"]);
        command.arg(format!("--warehouse={}", site.warehouse())).current_dir(site.folder.path());
        killed += u32::from(command.output().unwrap().status.signal() == Some(9));
        assert_whole(&site, FREQ);
    }
    assert!(killed >= 4, "only {killed} were killed");
    assert_eq!(counts(&site, FREQ).0["young"], 100);
    said(&site, &["--older-than", "90d"], 0);
    assert_eq!(counts(&site, FREQ), (map([("young", 100)]), map([("young", 50)])));
}

#[test]
fn workers_and_readers_go_on_meanwhile() {
    let site = Site::new();
    let mut client = Client::new(&site);
    deliver(&site, "FREQ", "old", 6_000, 4, 100);
    // Whoever is held up for longer than this says so in its log.
    let mut daemon = site.daemon(&["--busy-timeout=1s"]);
    daemon.wait_until_ready();
    let reader = site.connection();
    let read = "SELECT count(*) FROM bmrs_freq_iris WHERE message_id GLOB 'old-*'";
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(reader.query_row(read, [], |row| row.get::<_, i64>(0)), Ok(24_000));
    let mut pruning = site.irispool();
    pruning.args(["prune", "--older-than=90d"]).arg(format!("--warehouse={}", site.warehouse()));
    let mut pruning = pruning.stdout(Stdio::null()).spawn().unwrap();
    let mut seed = 0;
    let options = |seed| FeedOptions {
        seed,
        datasets: ["MILS", "BOALF"].iter().map(|name| catalog::find(name).unwrap()).collect(),
        ..FeedOptions::default()
    };
    while pruning.try_wait().unwrap().is_none() || seed < 3 {
        seed += 1;
        client.feed(&options(seed), 200);
        until("these are delivered", || !site.has_messages());
    }
    assert!(pruning.wait().unwrap().success());
    // A reader sees what was there when it began.
    assert_eq!(reader.query_row(read, [], |row| row.get::<_, i64>(0)), Ok(24_000));
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(reader.query_row(read, [], |row| row.get::<_, i64>(0)), Ok(0));
    let log = daemon.stop();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    site.connection()
        .execute_batch(
            "DROP VIEW bmrs_freq_unified; DROP VIEW IF EXISTS bmrs_freq_latest; DROP TABLE bmrs_freq_iris",
        )
        .unwrap();
    client.expected.assert_rows(&site);
}
