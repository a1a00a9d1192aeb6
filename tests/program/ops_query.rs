//! `irispool query` through the binary: the queries that come with it, and answers on a terminal. And the screens of other
//! commands whose texts are long.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::site::Ended;
use crate::support::{Site, root, skip};

fn warehouse(site: &Site) -> String {
    format!("--warehouse={}", site.warehouse())
}

fn query(site: &Site, arguments: &[&str]) -> Output {
    site.irispool().arg("query").arg(warehouse(site)).args(arguments).output().unwrap()
}

#[track_caller]
fn answer(site: &Site, arguments: &[&str]) -> String {
    let output = query(site, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The queries of that dialect: their names, and their text.
fn files(dialect: &str) -> BTreeMap<String, String> {
    let files = fs::read_dir(root().join("sql").join(dialect).join("queries")).unwrap();
    let by_name = |path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files.map(|file| by_name(&file.unwrap().path())).collect()
}

#[test]
fn the_list_has_exactly_the_queries_of_both_folders_and_what_they_answer() {
    let site = Site::new();
    let listed = answer(&site, &["--list"]);
    for dialect in ["sqlite", "bigquery"] {
        let mut wanted = vec!["NAME ANSWERS".to_owned()];
        for (name, sql) in files(dialect) {
            let comment = sql.lines().next().unwrap().strip_prefix("-- ").unwrap();
            wanted.push(format!("{name} {comment}"));
        }
        let lines = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        assert_eq!(lines(&listed), wanted, "{dialect}");
    }
    assert!(!site.database.exists(), "a list needs no warehouse");
}

#[test]
fn each_named_query_gives_what_its_file_gives() {
    let site = Site::new();
    let setup = site.irispool().arg("setup").arg(warehouse(&site)).output().unwrap();
    assert!(setup.status.success());
    site.put("FREQ", "f1", r#"[{"measurementTime":"2025-10-28T03:59:00Z","frequency":50.1}]"#);
    site.drain(&[]);
    for (name, sql) in files("sqlite") {
        // The ages in minutes may differ, if a minute passes between the two.
        let without_ages = |text: String| -> String {
            let line =
                |line: &str| line.rsplit_once(',').map_or(line.to_owned(), |(rest, _)| rest.to_owned());
            if name.starts_with("freshness") { text.lines().map(line).collect() } else { text }
        };
        let named = answer(&site, &["--named", &name]);
        assert_eq!(without_ages(named), without_ages(answer(&site, &[&sql])), "{name}");
    }
    assert!(answer(&site, &["--named", "table_sizes"]).contains("bmrs_freq_iris"));
    let json = answer(&site, &["--named", "freshness", "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows[0]["dataset"], "FREQ");
}

#[test]
fn an_unknown_name_is_wrong_usage_and_the_nearest_one_is_told() {
    let site = Site::new();
    for (name, hint) in [
        ("freshnes", "did you mean freshness?"),
        ("generation-mix-now", "did you mean generation_mix_now?"),
        ("Table_Sizes.sql", "did you mean table_sizes?"),
        ("zzz", "irispool query --list"),
    ] {
        let ended = Ended::of(&query(&site, &["--named", name]));
        assert_eq!(ended.code, Some(2), "{}", ended.log);
        assert!(ended.log.contains(&format!("\nhint: {hint}")), "{}", ended.log);
    }
    for arguments in [
        &["--named", "freshness", "SELECT 1"][..],
        &["--list", "SELECT 1"],
        &["--list", "--named", "freshness"],
        &["--list", "--format", "csv"],
    ] {
        assert_eq!(query(&site, arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_file_for_bigquery_is_told_from_one_for_sqlite() {
    let site = Site::new();
    site.drain(&[]);
    let file = fs::File::open(root().join("sql/bigquery/queries/repeats.sql")).unwrap();
    let mut command = site.irispool();
    let asked = command.args(["query", &warehouse(&site), "-"]).stdin(Stdio::from(file)).output().unwrap();
    let ended = Ended::of(&asked);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("written for BigQuery"), "{}", ended.log);
    assert!(ended.log.contains("hint: this warehouse speaks SQLite's SQL"), "{}", ended.log);
}

/// What irispool prints on a terminal of that width. None where there is no `script` to make a terminal.
fn on_terminal(site: &Site, columns: usize, arguments: &[&str]) -> Option<String> {
    let words = arguments.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''")));
    let irispool = env!("CARGO_BIN_EXE_irispool");
    let line =
        format!("stty cols {columns} rows 24 -opost; '{irispool}' {}", words.collect::<Vec<_>>().join(" "));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(site.folder.path()).stdin(Stdio::null());
    match script.output() {
        Ok(output) if output.status.code() != Some(127) => Some(String::from_utf8(output.stdout).unwrap()),
        _ => {
            skip("there is no script(1) to make a terminal");
            None
        }
    }
}

#[test]
fn a_terminal_gets_a_table_where_it_fits_and_records_where_it_does_not() {
    let site = Site::new();
    site.put("FREQ", "f1", r#"[{"measurementTime":"2025-10-28T03:59:00Z","frequency":50.1}]"#);
    site.drain(&[]);
    let asked = |columns: usize, more: &[&str]| {
        let warehouse = warehouse(&site);
        let sql = "SELECT message_id, source, frequency, measurementTime, '電力' AS power, ingested_utc FROM bmrs_freq_unified";
        let arguments = [&["query", &warehouse, sql][..], more].concat();
        on_terminal(&site, columns, &arguments)
    };
    let (Some(narrow), Some(wide)) = (asked(80, &[]), asked(120, &[])) else { return };
    assert!(narrow.starts_with("─[ 1 ]─"), "{narrow}");
    assert!(narrow.contains("\npower            電力\n"), "{narrow}");
    assert!(wide.starts_with('┌') && wide.contains("┆ 電力  ┆"), "{wide}");
    let forced = asked(80, &["--format", "table"]).unwrap();
    assert!(forced.starts_with('┌'), "{forced}");
    assert!(asked(120, &["--format", "records"]).unwrap().starts_with("─[ 1 ]─"));
}

#[test]
fn a_list_of_dead_letters_has_all_of_each_reason_on_any_terminal() {
    let site = Site::new();
    site.put("FREQ", "empty", "");
    site.put("BOALF", "odd", "[17]");
    site.drain(&[]);
    let whole = Command::new(env!("CARGO_BIN_EXE_irispool"))
        .args(["dead", "list", "--json", "--spool"])
        .arg(&site.spool)
        .output()
        .unwrap();
    let whole: serde_json::Value = serde_json::from_slice(&whole.stdout).unwrap();
    let spool = site.spool.to_str().unwrap();
    for columns in [40, 80, 120] {
        let Some(text) = on_terminal(&site, columns, &["dead", "list", "--spool", spool]) else { return };
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for group in whole["groups"].as_array().unwrap() {
            let reason = group["reason"].as_str().unwrap();
            assert!(words.contains(reason), "{columns}: {text}");
        }
        assert!(!text.contains('…'), "{text}");
        let is_broken = |line: &str| columns >= 80 && line.chars().count() > columns;
        assert!(!text.lines().any(is_broken), "{columns}: {text}");
    }
}

#[test]
fn the_demo_ends_on_one_screen() {
    let site = Site::new();
    let folder = Path::new(env!("CARGO_BIN_EXE_irispool")).parent().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_irispool"))
        .args(["demo", "d"])
        .current_dir(site.folder.path())
        .env("PATH", folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let (before, screen) = text.split_once("\n\n").unwrap();
    assert!(before.lines().count() <= 5, "{before}");
    assert!(before.lines().skip(1).all(|line| line.chars().count() <= 80), "{before}");
    let (_, rows) = before.split_once(" a second time: ").unwrap();
    let (rows_before, rows_after) = rows.split_once(" rows before, ").unwrap();
    assert_eq!(rows_after, format!("{rows_before} rows after"));
    // The prompt takes the last line.
    assert!(screen.lines().count() <= 23, "{screen}");
    let is_path = |line: &&str| line.contains(site.folder.path().to_str().unwrap()) || line.contains("PATH");
    assert!(screen.lines().filter(|line| !is_path(line)).all(|line| line.chars().count() <= 80), "{screen}");
    assert_eq!(screen.matches("bmrs_").count(), 10, "ten tables: {screen}");
    let line = |start: &str| {
        let found = screen.lines().find(|line| line.contains(start));
        found.unwrap_or_else(|| panic!("no {start}: {screen}"))
    };
    line(" dead letters; the commonest reasons");
    line(" UTC, in MW: ");
    line("IRISPOOL WARNING: 0 waiting, ");
    line("Next:");
}
