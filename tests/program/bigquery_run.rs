//! The program on BigQuery, against an emulator that somebody else wrote: what it delivers is asked back over the API.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::bigquery_sql::{Analysis, Turn, existing_queries, installed, shipped_queries};
use crate::support::root;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(120);

/// A spool, and a dataset of its own in the emulator that all tests of this file share.
struct Site {
    folder: tempfile::TempDir,
    dataset: &'static str,
    emulator: Turn,
}

/// None where there can be no emulator.
fn site(dataset: &'static str) -> Option<Site> {
    let emulator = Turn::take()?;
    Some(Site { folder: tempfile::tempdir().unwrap(), dataset, emulator })
}

impl Site {
    fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    /// The program, with no setting from outside.
    fn irispool(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_irispool"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("IRISPOOL_") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(self.folder.path())
            .env("BIGQUERY_EMULATOR_HOST", self.emulator.address().to_string())
            .env("IRISPOOL_REQUESTS_IN_FLIGHT", "2")
            .args([verb, "--warehouse", &format!("bigquery:local.{}", self.dataset)]);
        command
    }

    /// Runs a verb to its end, which must be a good one; gives what it printed.
    #[track_caller]
    fn done(&self, verb: &str, arguments: &[&str]) -> (String, String) {
        let output = self.irispool(verb).args(arguments).output().unwrap();
        let (stdout, stderr) = said(&output);
        assert!(output.status.success(), "{verb} {arguments:?}: {}\n{stdout}\n{stderr}", output.status);
        (stdout, stderr)
    }

    #[track_caller]
    fn set_up(&self, datasets: &str) -> String {
        self.done("setup", &["--dataset", datasets]).0
    }

    /// Made-up messages; gives the number of their rows.
    fn feed(&self, files: u32, seed: u32, datasets: &str) -> usize {
        let output = Command::new(env!("CARGO_BIN_EXE_irispool"))
            .args(["feed", "--files", &files.to_string(), "--seed", &seed.to_string(), "--dataset", datasets])
            .arg(self.spool().join("incoming"))
            .output()
            .unwrap();
        let (_, stderr) = said(&output);
        let words: Vec<&str> = stderr.split_whitespace().collect();
        let place =
            words.iter().position(|word| word.starts_with("rows")).unwrap_or_else(|| panic!("{stderr}"));
        words[place - 1].replace(',', "").parse().unwrap()
    }

    fn put(&self, folder: &str, name: &str, rows: &Value) {
        let folder = self.spool().join("incoming").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), rows.to_string()).unwrap();
    }

    /// The first row of a query's answer, asked by this test over the API.
    #[track_caller]
    fn row(&self, sql: &str) -> Vec<String> {
        let sql = sql.replace("{d}", &format!("local.{}", self.dataset));
        let rows = self.emulator.query(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        rows.first().expect(&sql).iter().map(|cell| cell.clone().unwrap_or_else(|| "~".into())).collect()
    }

    fn count(&self, table: &str) -> usize {
        self.row(&format!("SELECT COUNT(*) FROM `{{d}}.{table}`"))[0].parse().unwrap()
    }

    #[track_caller]
    fn assert_nothing_left(&self) {
        for room in ["incoming", "claimed", "dead"] {
            let files = files_under(&self.spool().join(room));
            assert!(files.is_empty(), "{room}: {files:?}");
        }
    }
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Messages, not the queue's own files.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() { files.extend(files_under(&path)) } else { files.push(path) }
    }
    files
}

/// A program in the background, killed if the test ends early.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn live_messages_are_streamed_and_a_stop_leaves_nothing_behind() {
    let Some(site) = site("live") else { return };
    site.set_up("FREQ,BOALF");
    let mut wanted = site.feed(30, 1, "FREQ,BOALF");
    let mut worker =
        Running(site.irispool("run").arg("--scan-interval=200ms").stderr(Stdio::null()).spawn().unwrap());
    wanted += site.feed(30, 2, "FREQ,BOALF");
    let started = Instant::now();
    while site.count("bmrs_freq_unified") + site.count("bmrs_boalf_unified") < wanted {
        assert!(started.elapsed() < PATIENCE, "rows are missing after {PATIENCE:?}");
        assert!(worker.0.try_wait().unwrap().is_none(), "it ended");
    }
    kill_process(Pid::from_child(&worker.0), Signal::TERM).unwrap();
    assert!(worker.0.wait().unwrap().success());
    assert_eq!(site.count("bmrs_freq_unified") + site.count("bmrs_boalf_unified"), wanted);
    site.assert_nothing_left();
    let times = site.row(
        "SELECT COUNT(*) FROM (SELECT message_id FROM `{d}.bmrs_boalf_iris` GROUP BY message_id
         HAVING COUNT(DISTINCT ingested_utc) > 1)",
    );
    assert_eq!(times, ["0"], "all rows of a message have one time");
}

#[test]
fn a_backlog_goes_by_load_jobs_and_a_few_messages_are_streamed() {
    let Some(site) = site("backlog") else { return };
    site.set_up("FREQ,MID");
    let few = site.feed(5, 1, "MID");
    let many = site.feed(120, 2, "FREQ");
    let (_, log) = site.done("run", &["--once", "--load-threshold-files", "50"]);
    assert_eq!((site.count("bmrs_freq_iris"), site.count("bmrs_mid_iris")), (many, few));
    let jobs: Vec<&str> = log.lines().filter(|line| line.contains("load job done")).collect();
    assert!(!jobs.is_empty() && jobs.iter().all(|line| line.contains("dataset=FREQ")), "{log}");
    let more = site.feed(5, 3, "MID");
    let (_, log) = site.done("run", &["--once", "--method", "load"]);
    assert!(log.contains("load job done"), "{log}");
    assert_eq!(site.count("bmrs_mid_iris"), few + more);
    site.assert_nothing_left();
}

#[test]
fn tables_and_histories_of_an_earlier_program_are_used_and_every_query_runs() {
    let Some(site) = site("found") else { return };
    let place = "local.found";
    let run = |sql: &str| {
        site.emulator.query(&sql.replace("{d}", place)).unwrap_or_else(|error| panic!("{error}\n{sql}"))
    };
    run("CREATE SCHEMA `{d}`");
    for table in [
        "bmrs_fuelinst_iris` (publishTime STRING, startTime DATETIME, settlementDate STRING, settlementPeriod STRING,
            fuelType STRING, generation FLOAT64, ingested_utc STRING, _source_file STRING)",
        "bmrs_freq_iris` (measurementTime DATETIME, frequency NUMERIC)",
        "bmrs_boalf` (settlementDate DATETIME, settlementPeriod STRING, acceptanceNumber FLOAT64, acceptanceTime STRING,
            timeFrom DATETIME, bmUnit STRING, _ingested_utc STRING)",
        "bmrs_freq` (reportSnapshotTime DATETIME, spotTime STRING, frequency STRING, _source STRING)",
        "bmrs_fuelinst` (publishTime DATETIME, settlementDate TIMESTAMP, settlementPeriod STRING, fuelType STRING,
            generation FLOAT64)",
        "bmrs_remit_unavailability` (mrid STRING, publishTime STRING, outageProfile STRING)",
    ] {
        run(&format!("CREATE TABLE `{{d}}.{table}"));
    }
    run("INSERT INTO `{d}.bmrs_freq` VALUES ('2024-01-05 00:00:15', '2024-01-05T00:00:15Z', '50.01', 'x')");
    run("INSERT INTO `{d}.bmrs_boalf` VALUES
         ('2024-01-05 00:00:00', '3', 7, '2024-01-05T01:02:03Z', '2024-01-05 01:30:00', 'T_A-1', NULL)");
    run(
        "INSERT INTO `{d}.bmrs_fuelinst` VALUES ('2024-01-05 00:05:00', '2024-01-05 00:00:00Z', '1', 'CCGT', 1200.0)",
    );
    let datasets = "BOALF,FREQ,FUELINST,MELS,MILS,REMIT";
    let (plan, _) = site.done("setup", &["--dry-run", "--dataset", datasets]);
    assert!(plan.contains("CREATE TABLE IF NOT EXISTS `local.found.bmrs_boalf_iris`"), "{plan}");
    assert!(
        plan.contains("ALTER TABLE `local.found.bmrs_freq_iris`\n  ADD COLUMN IF NOT EXISTS `ingested_utc`"),
        "{plan}"
    );
    assert!(!plan.contains("CREATE SCHEMA"), "{plan}");
    assert!(site.emulator.query("SELECT 1 FROM `local.found.bmrs_boalf_iris`").is_err(), "nothing is made");
    let said = site.set_up(datasets);
    assert!(said.starts_with("bigquery:local.found: 6 datasets, created 4 tables, 9 columns, "), "{said}");
    let wanted: Vec<usize> =
        datasets.split(',').enumerate().map(|(seed, dataset)| site.feed(12, seed as u32, dataset)).collect();
    site.done("run", &["--once"]);
    site.assert_nothing_left();
    for (dataset, wanted) in datasets.split(',').zip(wanted) {
        let view = format!("bmrs_{}_unified", dataset.to_lowercase());
        let counted = site.row(&format!("SELECT COUNT(*) FROM `{{d}}.{view}` WHERE source = 'IRIS'"));
        assert_eq!(counted, [wanted.to_string()], "{view}");
    }
    assert_eq!(site.row("SELECT COUNT(*) FROM `{d}.bmrs_freq_unified` WHERE source = 'HISTORIC'"), ["1"]);
    let rescued = site.row(
        "SELECT COUNTIF(rescued IS NOT NULL), COUNTIF(generation IS NULL) FROM `{d}.bmrs_fuelinst_iris`",
    );
    assert_eq!(rescued, ["0", "0"]);
    for (name, sql) in existing_queries("local", site.dataset) {
        assert!(site.emulator.query(&sql).is_ok(), "{name}");
    }
    for (name, sql) in shipped_queries("local", site.dataset) {
        assert!(site.emulator.query(&sql).is_ok(), "{name}");
    }
}

#[test]
fn what_a_dry_run_prints_passes_googles_analyzer() {
    let Some(site) = site("planned") else { return };
    if !installed("bq-analyze") {
        return;
    }
    let (plan, _) = site.done("setup", &["--dry-run", "--location", "europe-west2"]);
    let is_view = |statement: &&str| statement.starts_with("CREATE OR REPLACE VIEW");
    // The views are analysed with their tables elsewhere.
    let statements: Vec<&str> =
        plan.split(";\n\n").filter(|statement| !statement.is_empty() && !is_view(statement)).collect();
    assert_eq!(statements.len(), 89, "a schema and 88 tables");
    assert!(statements[0].contains("location = 'europe-west2'"), "{}", statements[0]);
    let mut analysis = Analysis::default();
    for statement in statements {
        analysis.statement(statement, statement);
    }
    for answer in analysis.answers() {
        assert_eq!(answer.error, None, "{}", answer.name);
    }
}

#[test]
fn three_workers_meet_new_fields_and_the_view_has_them_all() {
    let Some(site) = site("evolve") else { return };
    site.set_up("FREQ");
    for message in 0..30 {
        let row = json!({"dataset": "FREQ", "measurementTime": "2025-10-28T03:58:00Z", "frequency": 50.0,
                         format!("extra{}", message % 3): message});
        site.put("FREQ", &format!("FREQ_202510280358_{message:05}.json"), &json!([row]));
    }
    let mut workers: Vec<Running> = (0..3)
        .map(|_| {
            let mut command = site.irispool("run");
            command.args(["--once", "--claim-files=4", "--log-level=error"]);
            Running(command.spawn().unwrap())
        })
        .collect();
    for worker in &mut workers {
        assert!(worker.0.wait().unwrap().success());
    }
    site.assert_nothing_left();
    let found = site.row(
        "SELECT COUNT(*), COUNT(extra0), COUNT(extra1), COUNT(extra2), CAST(SUM(extra1) AS INT64) FROM `{d}.bmrs_freq_unified`",
    );
    assert_eq!(found, ["30", "10", "10", "10", "145"]);
}

#[test]
fn a_check_makes_nothing_and_status_knows_what_was_delivered() {
    let Some(site) = site("watched") else { return };
    site.set_up("FREQ");
    let names = || {
        site.row(
            "SELECT STRING_AGG(table_name, ',' ORDER BY table_name) FROM `{d}.INFORMATION_SCHEMA.TABLES`",
        )
    };
    let before = names();
    let wanted = site.feed(20, 1, "FREQ");
    let (checked, _) = site.done("check", &[]);
    assert!(checked.contains("ok      dataset          local.watched exists"), "{checked}");
    assert!(!checked.contains("FAILED"), "{checked}");
    assert_eq!(names(), before, "a check makes nothing");
    site.done("run", &["--once"]);
    let output = site.irispool("status").arg("--json").output().unwrap();
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["datasets"]["FREQ"]["flow"]["rows_day"], wanted, "{seen}");
    assert!(seen["warehouse"]["answered_ms"].is_u64() && seen["warehouse"]["error"].is_null(), "{seen}");
}

#[test]
fn a_query_prints_typed_values_and_changes_nothing() {
    let Some(site) = site("asked") else { return };
    site.set_up("MID");
    let sql = "SELECT 1 AS a, 1.5 AS b, TRUE AS c, [1, 2] AS d, STRUCT(1 AS x, 'y' AS y) AS e, NULL AS f,
               TIMESTAMP '2025-10-28 03:59:00Z' AS g, DATE '2025-10-28' AS h";
    let (rows, _) = site.done("query", &["--format", "json", sql]);
    let rows: Value = serde_json::from_str(&rows).unwrap();
    let wanted = json!([{"a": 1, "b": 1.5, "c": true, "d": [1, 2], "e": {"x": 1, "y": "y"}, "f": null,
                         "g": "2025-10-28T03:59:00Z", "h": "2025-10-28"}]);
    assert_eq!(rows, wanted);
    // More than one page.
    let sql = "SELECT n FROM UNNEST(GENERATE_ARRAY(1, 25000)) AS n";
    assert_eq!(site.done("query", &["--format", "csv", sql]).0.lines().count(), 25_001);
    for sql in ["DROP TABLE bmrs_mid_iris", "SELECT 1; DROP TABLE bmrs_mid_iris", "SELECT * FROM nothing"] {
        let output = site.irispool("query").arg(sql).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{sql}");
        assert!(said(&output).1.contains("hint: "), "{sql}: {}", said(&output).1);
    }
    assert_eq!(site.count("bmrs_mid_iris"), 0);
}

#[test]
fn the_queries_that_come_with_irispool_run_by_name_and_from_their_files_as_they_are() {
    let Some(site) = site("named") else { return };
    site.set_up("BOALF");
    site.feed(5, 1, "BOALF");
    site.done("run", &["--once"]);
    for name in ["unified_views", "sources_side_by_side"] {
        let path = root().join(format!("sql/bigquery/queries/{name}.sql"));
        let mut command = site.irispool("query");
        let output = command.arg("-").stdin(std::fs::File::open(path).unwrap()).output().unwrap();
        assert!(output.status.success(), "{name}: {}", said(&output).1);
        let named = site.done("query", &["--named", name]).0;
        assert_eq!(named, said(&output).0, "{name}");
        assert!(named.lines().count() > 1, "{name}: {named}");
    }
    assert_eq!(site.done("query", &["--named", "unified_views"]).0, "table_name\r\nbmrs_boalf_unified\r\n");
}

#[test]
fn a_view_of_the_users_stays_until_it_is_to_be_replaced() {
    let Some(site) = site("theirs") else { return };
    site.set_up("FREQ,MID");
    let ask =
        |sql: &str| site.emulator.query(&sql.replace("{d}", &format!("local.{}", site.dataset))).unwrap();
    ask(
        "CREATE OR REPLACE VIEW `{d}.bmrs_freq_unified` AS SELECT COUNT(*) AS mine FROM `{d}.bmrs_freq_iris`",
    );
    ask("CREATE VIEW `{d}.bmrs_mid` AS SELECT * FROM `{d}.bmrs_mid_unified`");
    let rows = site.feed(5, 1, "FREQ");
    site.put("MID", "m.json", &json!([{"dataset": "MID", "price": 5.5, "anew": 1}]));
    site.done("run", &["--once"]);
    site.assert_nothing_left();
    assert_eq!(site.row("SELECT mine FROM `{d}.bmrs_freq_unified`"), [rows.to_string()]);
    assert_eq!(site.row("SELECT COUNT(anew) FROM `{d}.bmrs_mid_unified`"), ["1"]);
    for (verb, arguments) in
        [("setup", &["--dataset", "FREQ,MID"][..]), ("setup", &["--dry-run", "--dataset", "FREQ,MID"])]
    {
        let (said, _) = site.done(verb, arguments);
        assert!(said.contains("bmrs_freq_unified is a view that irispool did not create"), "{said}");
        assert!(said.contains("bmrs_mid is a view, so bmrs_mid_unified does not show it"), "{said}");
    }
    assert_eq!(site.row("SELECT mine FROM `{d}.bmrs_freq_unified`"), [rows.to_string()]);
    let (said, _) = site.done("setup", &["--dataset", "FREQ", "--replace-views"]);
    let path = said.split("its SQL is in ").nth(1).expect(&said).lines().next().unwrap();
    assert!(fs::read_to_string(site.folder.path().join(path)).unwrap().contains("AS mine"));
    assert_eq!(site.count("bmrs_freq_unified"), rows);
}

/// As a set-up by the version before left it: views without a mark.
#[test]
fn the_views_of_the_version_before_are_changed() {
    let Some(site) = site("before") else { return };
    site.set_up("FREQ,FUELINST,MILS");
    let (plan, _) = site.done("setup", &["--dry-run", "--dataset", "FREQ,FUELINST,MILS"]);
    let mut views = 0;
    for statement in plan.split(";\n\n").filter(|statement| statement.contains(" VIEW ")) {
        let (before, mark) = statement.split_once("/*").unwrap();
        let old = before.to_owned() + mark.split_once("*/").unwrap().1;
        site.emulator.query(&old).unwrap();
        views += 1;
    }
    assert!(views >= 5, "{plan}");
    let (said, _) = site.done("setup", &["--dataset", "FREQ,FUELINST,MILS"]);
    assert!(said.contains(&format!("created {views} views")), "{said}");
    assert!(!said.contains("did not create"), "{said}");
    let (said, _) = site.done("setup", &["--dataset", "FREQ,FUELINST,MILS"]);
    assert!(said.contains("all tables and views exist"), "{said}");
}
