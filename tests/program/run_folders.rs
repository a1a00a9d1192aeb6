//! What the names of files and folders in `incoming` say: temporary ones, folders that are set aside, and names taken twice.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::time::{Duration, SystemTime};

use irispool::catalog;
use serde_json::Value;

use crate::support::fault_server::{FaultServer, name_of};
use crate::support::{Client, Site, until};

const ROW: &str = r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":50.01}]"#;

/// Both ways of claiming: file by file, and by swapping the folder.
const WAYS: [&[&str]; 2] = [&[], &["--claim-files=1"]];

/// A row of no dataset in particular.
fn row(value: u32) -> String {
    format!(r#"[{{"value":{value}}}]"#)
}

fn freq(frequency: u32) -> String {
    format!(r#"[{{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":{frequency}.5}}]"#)
}

/// Those with messages, and those of no known dataset.
fn tables(site: &Site) -> Vec<String> {
    let with_messages = site.texts("SELECT DISTINCT table_name FROM irispool_load_history");
    let is_known =
        |table: &String| catalog::all().iter().any(|known| catalog::table_name(&known.name) == *table);
    let mut tables =
        site.texts("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'bmrs%' ORDER BY name");
    tables.retain(|table| with_messages.contains(table) || !is_known(table));
    tables
}

/// The answer of `irispool status --json`.
fn status(site: &Site, flags: &[&str]) -> Value {
    let mut command = site.irispool();
    command.args(["status", "--json"]).args(flags);
    command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
}

fn finding<'a>(status: &'a Value, key: &str) -> Option<&'a Value> {
    status["findings"].as_array().unwrap().iter().find(|finding| finding["key"] == key)
}

fn make_older(file: &std::path::Path, age: Duration) {
    File::options().append(true).open(file).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

#[test]
fn a_copier_that_writes_renames_and_goes_on_never_loses_its_file() {
    for flags in WAYS {
        let site = Site::new();
        let mut client = Client::new(&site);
        client.write("FREQ", "first", ROW.as_bytes());
        let mut daemon = site.daemon(flags);
        daemon.wait_until_ready();
        for number in 0..40 {
            let name = format!("m{number}.json");
            let partial = site.incoming("FREQ").join(format!("{name}.a1b2c3d4.partial"));
            fs::create_dir_all(partial.parent().unwrap()).unwrap();
            let mut file = File::create(&partial).unwrap();
            file.write_all(ROW.as_bytes()).unwrap();
            drop(file);
            // The worker is at work on this folder meanwhile.
            client.write("FREQ", &format!("beside{number}"), ROW.as_bytes());
            until("what came beside it is taken", || {
                !site.incoming("FREQ").join(format!("beside{number}")).exists()
            });
            client.expected.add("FREQ", &name, ROW.as_bytes());
            fs::rename(&partial, site.incoming("FREQ").join(&name)).unwrap();
        }
        client.until_all_is_settled(&site, &mut daemon);
        daemon.stop();
        client.expected.assert_exact(&site);
    }
}

#[test]
fn temporary_names_are_left_alone_and_told_of_when_they_are_an_hour_old() {
    let names = [
        "m.json.part",
        "m.partial",
        "M.TMP",
        "m.temp",
        "m.filepart",
        "m.crdownload",
        "m.swp",
        "m.swx",
        "m.json~",
        "m.json_.gstmp",
        "#m.json#",
        "sedAb3xYz",
        ".m.json.Xa3b2c",
        ".hidden",
        "m.json.6eF4a3B2",
        "m.json.new",
    ];
    for flags in WAYS {
        let site = Site::new();
        let mut client = Client::new(&site);
        for number in 0..10 {
            client.write("FREQ", &format!("FREQ_202510271649_{number}.json"), ROW.as_bytes());
        }
        for name in names {
            site.put("FREQ", name, ROW);
        }
        let added = "--temporary-names=*.new";
        let ended = site.once(&[flags, &[added]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        client.expected.assert_rows(&site);
        site.assert_nothing_claimed();
        for name in names {
            assert_eq!(fs::read_to_string(site.incoming("FREQ").join(name)).unwrap(), ROW, "{name}");
        }
        fs::write(site.spool.join("irispool.toml"), "temporary_names = [\"*.new\"]\n").unwrap();
        let configured = ["--config", site.spool.join("irispool.toml").to_str().unwrap()].map(str::to_owned);
        let configured: Vec<&str> = configured.iter().map(String::as_str).collect();
        let young = status(&site, &configured);
        assert_eq!((young["ready"].as_u64(), young["temporary"]["count"].as_u64()), (Some(0), Some(0)));
        assert_eq!(finding(&young, "temporary"), None);
        assert!(young["oldest_ms"].is_null(), "{young}");

        make_older(&site.incoming("FREQ").join("m.json.part"), Duration::from_secs(3700));
        make_older(&site.incoming("FREQ").join("m.json.new"), Duration::from_secs(3700));
        let old = status(&site, &configured);
        assert_eq!((old["ready"].as_u64(), old["temporary"]["count"].as_u64()), (Some(0), Some(2)));
        let found = finding(&old, "temporary").unwrap();
        assert_eq!(found["level"], "warning");
        assert_eq!(finding(&old, "oldest"), None, "{old}");
        assert_eq!(site.once(&[added]).code, Some(0));
        client.expected.assert_rows(&site);

        // Renamed, they are messages.
        client.expected.add("FREQ", "m.json", ROW.as_bytes());
        fs::rename(site.incoming("FREQ").join("m.json.part"), site.incoming("FREQ").join("m.json")).unwrap();
        assert_eq!(site.once(&[added]).code, Some(0));
        client.expected.assert_rows(&site);
    }
}

#[test]
fn a_pattern_that_fits_every_name_is_refused() {
    let site = Site::new();
    for bad in ["*", "a/b"] {
        let ended = site.once(&[&format!("--temporary-names={bad}")]);
        assert_eq!(ended.code, Some(2), "{}", ended.log);
        assert!(ended.log.contains("patterns of file names such as"), "{}", ended.log);
    }
}

#[test]
fn folders_that_are_set_aside_are_left_alone_and_told_of() {
    let folders = [
        "BOD_SKIP",
        "BOD.old",
        "BOD copy",
        "BOD copy 2",
        "lost+found",
        "_errors",
        "BOD (1)",
        "BOD.bak",
        "old",
        "backup",
        ".hidden",
        "Copy of BOD",
    ];
    for flags in WAYS {
        let site = Site::new();
        let mut client = Client::new(&site);
        for number in 0..3 {
            client.write("FREQ", &format!("m{number}"), ROW.as_bytes());
        }
        for folder in folders {
            for number in 0..3 {
                site.put(
                    folder,
                    format!("BOD_202510271649_{number}.json"),
                    r#"[{"dataset":"BOD","offer":1.5}]"#,
                );
            }
        }
        fs::create_dir_all(site.incoming("old.empty")).unwrap();
        let ended = site.once(flags);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        client.expected.assert_rows(&site);
        assert_eq!(tables(&site), ["bmrs_freq_iris"]);
        for folder in folders {
            assert_eq!(fs::read_dir(site.incoming(folder)).unwrap().count(), 3, "{folder}");
            let told = ended.log.lines().filter(|line| line.contains("left alone") && line.contains(folder));
            assert_ne!(told.count(), 0, "{folder}: {}", ended.log);
        }
        let status = status(&site, &[]);
        assert_eq!(
            (status["ready"].as_u64(), status["stray"]["count"].as_u64()),
            (Some(0), Some(folders.len() as u64))
        );
        assert_eq!(finding(&status, "stray").unwrap()["level"], "warning");
    }
}

#[test]
fn in_the_folder_of_no_known_dataset_the_rows_decide() {
    for flags in WAYS {
        let site = Site::new();
        let bod = r#"[{"dataset":"BOD","offer":1.5}]"#;
        for folder in ["BOD2do", "later", "BOD x", "日本"] {
            for number in 0..3 {
                site.put(folder, format!("{folder}{number}.json"), bod);
            }
        }
        // Rows of BOAV name no dataset; the file's name does.
        site.put("later", "BOAV_202510271649_1.json", r#"[{"settlementPeriod":1}]"#);
        for (number, folder) in ["NEWDS", "mibm_mid2", "low3r", "OCNMF4Y"].iter().enumerate() {
            site.put(folder, "own.json", row(number as u32));
            site.put(folder, "same.json", format!(r#"[{{"dataset":"{folder}","value":1}}]"#));
            // Of a dataset that nobody knows, the folder is believed.
            site.put(
                folder,
                "other.json",
                r#"[{"dataset":"NOBODY","value":1},{"dataset":"NOBODY2","value":1}]"#,
            );
        }
        site.put("later", "mixed.json", r#"[{"dataset":"BOD","offer":1},{"dataset":"FREQ","frequency":50}]"#);
        site.put(
            "unknown",
            "mixed.json",
            r#"[{"dataset":"NEWDS","value":1},{"dataset":"NEWDS2","value":1}]"#,
        );
        site.put("unknown", "new.json", r#"[{"dataset":"NEWDS","value":1}]"#);
        let ended = site.once(flags);
        assert_eq!(ended.code, Some(3), "{}", ended.log);
        site.assert_nothing_incoming();
        let names =
            ["boav", "bod", "low3r", "mibm_mid2", "newds", "ocnmf4y"].map(|name| format!("bmrs_{name}_iris"));
        assert_eq!(tables(&site), names);
        assert_eq!(site.texts("SELECT count(*) FROM bmrs_bod_iris"), ["12"]);
        assert_eq!(site.texts("SELECT count(*) FROM bmrs_newds_iris"), ["5"]);
        assert_eq!(site.texts("SELECT count(*) FROM bmrs_mibm_mid2_iris"), ["4"]);
        assert_eq!(site.dead().into_iter().collect::<Vec<_>>(), ["later/mixed.json", "unknown/mixed.json"]);
        let reason = site.report("later", "mixed.json").reason;
        assert!(reason.contains("several datasets, such as BOD and FREQ"), "{reason}");
    }
}

#[test]
fn two_folders_of_one_dataset_may_have_a_file_of_one_name() {
    for flags in WAYS {
        for (one, other, table, field) in [
            ("freq", "FREQ", "bmrs_freq_iris", "frequency"),
            ("E0361", "CDN", "bmrs_cdn_iris", "frequency"),
            ("mibm_mid", "MID", "bmrs_mid_iris", "frequency"),
            ("newds", "NEWDS", "bmrs_newds_iris", "value"),
            ("unknown", "FREQ", "bmrs_freq_iris", "frequency"),
        ] {
            let site = Site::new();
            let body = |number: u32| if field == "value" { row(number) } else { freq(number) };
            let rows = || site.texts(&format!("SELECT {field} FROM {table} ORDER BY {field}"));
            let write = |folder: &str, number| {
                site.put(folder, "m.json", body(number));
                for more in 0..3 {
                    site.put(folder, format!("{folder}-{more}"), "[]");
                }
                let ended = site.once(flags);
                assert_eq!(ended.code, Some(0), "{}", ended.log);
            };
            let shown = |numbers: &[u32]| -> Vec<String> {
                let point = if field == "value" { "" } else { ".5" };
                numbers.iter().map(|number| format!("{number}{point}")).collect()
            };
            write(one, 1);
            write(other, 2);
            assert_eq!(rows(), shown(&[1, 2]), "{one} and {other}");
            // Each again: it is there.
            for (folder, number) in [(one, 1), (other, 2), (one, 1)] {
                write(folder, number);
            }
            assert_eq!(rows(), shown(&[1, 2]), "{one} and {other}");
            // Newer content in a folder replaces that folder's.
            write(other, 3);
            assert_eq!(rows(), shown(&[1, 3]), "{one} and {other}");
            write(one, 4);
            assert_eq!(rows(), shown(&[3, 4]), "{one} and {other}");
        }
    }
}

#[test]
fn what_comes_again_by_another_spelling_of_its_folder_is_loaded_once() {
    let site = Site::new();
    for folder in ["freq", "FREQ", "Freq", "freq"] {
        site.put(folder, "m.json", freq(1));
        assert_eq!(site.once(&[]).code, Some(0));
    }
    site.put("FREQ", "m.json", freq(2));
    assert_eq!(site.once(&[]).code, Some(0));
    for folder in ["Freq", "FREQ"] {
        site.put(folder, "m.json", freq(2));
        assert_eq!(site.once(&[]).code, Some(0));
    }
    assert_eq!(site.texts("SELECT frequency FROM bmrs_freq_iris ORDER BY 1"), ["1.5", "2.5"]);
    assert_eq!(site.texts("SELECT message_id FROM bmrs_freq_iris ORDER BY 1"), ["m.json", "m.json/FREQ"]);
}

#[test]
fn folders_whose_names_are_cleaned_alike_have_tables_of_their_own() {
    for flags in WAYS {
        let site = Site::new();
        let folders = ["日本", "中国", "a'b", "a\nb", "A_B", "a b", "A b", "new", "NEW"];
        for round in 0..2 {
            for (number, folder) in folders.iter().enumerate() {
                for name in ["m.json", "n.json"] {
                    site.put(folder, name, row(10 * number as u32 + round));
                }
            }
            let ended = site.once(flags);
            assert_eq!(ended.code, Some(0), "{}", ended.log);
            site.assert_nothing_incoming();
        }
        // Two spellings of one name, twice.
        assert_eq!(tables(&site).len(), folders.len() - 2, "{:?}", tables(&site));
        for (number, folder) in folders.iter().enumerate() {
            let table = catalog::table_name(&catalog::dataset_name(folder));
            let values = site.texts(&format!(
                "SELECT value FROM \"{table}\" WHERE CAST(value / 10 AS INTEGER) = {number}"
            ));
            let newest = (10 * number + 1).to_string();
            assert_eq!(values, [newest.as_str(), newest.as_str()], "{folder}: {table}");
        }
        for table in ["bmrs_a_b_iris", "bmrs_new_iris"] {
            assert!(tables(&site).iter().any(|name| name == table), "{:?}", tables(&site));
        }
    }
}

#[test]
fn a_mended_message_of_a_folder_with_an_odd_name_is_delivered() {
    // Cleaned, these names begin as those of folders that are set aside do.
    let folders = ["日本", "(x)", "copyé", "!new"];
    let site = Site::new();
    for folder in folders {
        site.put(folder, "m.json", "not JSON");
    }
    assert_eq!(site.once(&[]).code, Some(3));
    let letters = site.dead();
    assert_eq!(letters.len(), folders.len());
    for letter in letters {
        fs::write(site.spool.join("dead").join(letter), row(1)).unwrap();
    }
    let mut retry = site.irispool();
    retry.args(["dead", "retry", "--all"]);
    retry.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
    assert!(retry.status().unwrap().success());
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    site.assert_nothing_incoming();
    for folder in folders {
        let table = catalog::table_name(&catalog::dataset_name(folder));
        assert_eq!(site.texts(&format!("SELECT value FROM \"{table}\"")), ["1"], "{folder}");
    }
}

/// As irispool 0.1 took them, there may be letters of such folders and names, and archives.
#[test]
fn what_no_worker_would_take_is_not_put_back_into_incoming() {
    let site = Site::new();
    site.put("FREQ", "kept.json", row(1));
    assert_eq!(site.once(&["--keep=archive"]).code, Some(0));
    fs::rename(site.spool.join("archive/FREQ"), site.spool.join("archive/BOD.old")).unwrap();
    for (folder, name) in
        [("BOD.old", "a.json"), ("FREQ", "b.json.part"), ("FREQ", "c.json.new"), ("FREQ", "d.json")]
    {
        fs::create_dir_all(site.spool.join("dead").join(folder)).unwrap();
        fs::write(site.spool.join("dead").join(folder).join(name), row(2)).unwrap();
    }
    let run = |arguments: &[&str]| {
        let mut command = site.irispool();
        command.args(arguments).env("IRISPOOL_TEMPORARY_NAMES", "*.new");
        command.env("IRISPOOL_SPOOL", &site.spool).env("IRISPOOL_WAREHOUSE", site.warehouse());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = run(&["dead", "retry", "--all"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(
        said.contains("1 message back in incoming") && said.contains("3 messages stay in dead"),
        "{said}"
    );
    assert_eq!(site.dead().len(), 3);
    let (code, said) = run(&["archive", "restore", "--all", "--incoming"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("1 message not restored") && said.contains("BOD.old/kept.json"), "{said}");
    assert!(!site.spool.join("incoming/BOD.old").exists());
    assert_eq!(site.once(&[]).code, Some(0));
    site.assert_nothing_incoming();
}

#[test]
fn a_backlog_in_the_folder_of_no_known_dataset_goes_where_its_rows_say() {
    let site = Site::new();
    let server = FaultServer::start();
    for number in 0..20 {
        let dataset = if number < 15 { "NEWDS" } else { "FREQ" };
        site.put("NEWDS", format!("m{number:02}.json"), freq(number).replace("FREQ", dataset));
        site.put("OTHERDS", format!("m{number:02}.json"), freq(number).replace("FREQ", "OTHERDS"));
    }
    let mut command: Command = site.irispool();
    command.args(["run", "--once", "--warehouse=bigquery:p.d", "--method=load", "--spool"]).arg(&site.spool);
    command.env("BIGQUERY_EMULATOR_HOST", server.address.to_string());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = |table: &str| server.rows(table).len();
    let found = (rows("bmrs_newds_iris"), rows("bmrs_freq_iris"), rows("bmrs_otherds_iris"));
    assert_eq!(found, (15, 5, 20));
    // What is of one dataset alone went as one job.
    assert_eq!(server.state().jobs.len(), 1);
}

#[test]
fn with_bigquery_two_folders_of_one_dataset_may_have_a_file_of_one_name_too() {
    for method in ["stream", "load"] {
        let site = Site::new();
        let server = FaultServer::start();
        for (folder, name, number) in [
            ("freq", "m.json", 1),
            ("FREQ", "m.json", 2),
            ("E0361", "m.json", 3),
            ("CDN", "m.json", 4),
            ("mibm_mid", "mibm_mid_202510271649_1.json", 5),
            ("unknown", "FREQ_202510271649_1.json", 6),
        ] {
            site.put(folder, name, freq(number));
        }
        let mut command: Command = site.irispool();
        command
            .args(["run", "--once", "--warehouse=bigquery:p.d", "--method", method, "--spool"])
            .arg(&site.spool);
        command.env("BIGQUERY_EMULATOR_HOST", server.address.to_string());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let ids = |table: &str| {
            let mut ids: Vec<String> = server.rows(table).iter().map(|row| name_of(row).0).collect();
            ids.sort();
            ids
        };
        assert_eq!(ids("bmrs_freq_iris"), ["FREQ_202510271649_1.json", "m.json", "m.json/freq"], "{method}");
        assert_eq!(ids("bmrs_cdn_iris"), ["m.json", "m.json/CDN"], "{method}");
        assert_eq!(ids("bmrs_mid_iris"), ["mibm_mid_202510271649_1.json"], "{method}");
    }
}
