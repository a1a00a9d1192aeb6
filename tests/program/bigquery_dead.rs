//! A message that BigQuery has but for a bad row comes again, mended and older: the view has the mended rows.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::emulator::Turn;

const OCTOBER: Duration = Duration::from_secs(1_761_623_940);

fn row(frequency: u32) -> String {
    format!(r#"{{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":{frequency}}}"#)
}

struct Site {
    folder: tempfile::TempDir,
    emulator: Turn,
    dataset: String,
    method: &'static str,
}

impl Site {
    fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    #[track_caller]
    fn irispool(&self, arguments: &[&str], codes: &[i32]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_irispool"))
            .args(arguments)
            .env("BIGQUERY_EMULATOR_HOST", self.emulator.address().to_string())
            .env("IRISPOOL_WAREHOUSE", format!("bigquery:local.{}", self.dataset))
            .env("IRISPOOL_SPOOL", self.spool())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code().is_some_and(|code| codes.contains(&code)),
            "{}: {stderr}",
            output.status
        );
        stderr
    }

    fn run(&self) -> String {
        self.irispool(&["run", "--once", "--requests-per-second=none", "--method", self.method], &[0, 3])
    }

    fn put(&self, rows: &[&str], hours: i64) {
        let folder = self.spool().join("incoming/FREQ");
        fs::create_dir_all(&folder).unwrap();
        write_at(&folder.join("m"), rows, hours);
    }

    /// `message_row:frequency` of the rows of `m` in the view.
    fn rows(&self) -> Vec<String> {
        let sql = format!(
            "SELECT CONCAT(CAST(message_row AS STRING), ':', CAST(CAST(frequency AS INT64) AS STRING))
             FROM `local.{}.bmrs_freq_unified` WHERE message_id = 'm' ORDER BY 1",
            self.dataset
        );
        let rows = self.emulator.query(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
    }

    fn letter(&self) -> PathBuf {
        self.spool().join("dead/FREQ/m")
    }
}

fn write_at(path: &Path, rows: &[&str], hours: i64) {
    fs::write(path, format!("[{}]", rows.join(","))).unwrap();
    let time = SystemTime::UNIX_EPOCH + OCTOBER + Duration::from_secs(86_400 * 30)
        - Duration::from_secs((3_600 * -hours) as u64);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// Rows 1, a bad one, 3: delivered but for that. None where there can be no emulator.
fn half_delivered(name: &str, method: &'static str) -> Option<Site> {
    let emulator = Turn::take()?;
    let dataset = format!("{name}_{method}");
    let site = Site { folder: tempfile::tempdir().unwrap(), emulator, dataset, method };
    site.irispool(&["setup", "--dataset", "FREQ"], &[0]);
    site.put(&[&row(1), "17", &row(3)], 0);
    site.run();
    assert_eq!(site.rows(), ["0:1", "2:3"]);
    Some(site)
}

#[test]
fn an_older_mended_copy_wins_by_a_retry() {
    for method in ["stream", "load"] {
        for hours in [-48, 0] {
            let Some(site) = half_delivered(&format!("retried_{}", -hours), method) else { return };
            write_at(&site.letter(), &[&row(11), &row(12), &row(13)], hours);
            site.irispool(&["dead", "retry", "m"], &[0]);
            let log = site.run();
            assert_eq!(site.rows(), ["0:11", "1:12", "2:13"], "{method} {hours}: {log}");
            assert!(!site.letter().exists());
        }
    }
}

#[test]
fn an_older_mended_copy_wins_from_incoming_and_one_that_mends_nothing_stays_dead() {
    for method in ["stream", "load"] {
        let Some(site) = half_delivered("put", method) else { return };
        for rows in [&[&*row(7), "17", "18"][..], &[&row(8)]] {
            site.put(rows, -48);
            site.run();
            assert_eq!(site.rows(), ["0:1", "2:3"], "{method}");
            let other = site.letter().with_file_name("m~2");
            assert!(fs::read_to_string(&other).unwrap().contains(rows[0]));
            fs::remove_file(&other).unwrap();
        }
        // Its letter was taken away by hand; the report is still there.
        fs::remove_file(site.letter()).unwrap();
        site.put(&[&row(1), &row(2), &row(3)], -48);
        site.run();
        assert_eq!(site.rows(), ["0:1", "1:2", "2:3"], "{method}");
    }
}

#[test]
fn an_empty_letter_goes_when_its_message_came_whole() {
    let Some(emulator) = Turn::take() else { return };
    let dataset = "empty_letter".to_owned();
    let site = Site { folder: tempfile::tempdir().unwrap(), emulator, dataset, method: "stream" };
    site.irispool(&["setup", "--dataset", "FREQ"], &[0]);
    site.put(&[], 0);
    fs::write(site.spool().join("incoming/FREQ/m"), "").unwrap();
    site.run();
    assert!(site.letter().exists());
    site.put(&[&row(1)], -1);
    site.run();
    assert_eq!(site.rows(), ["0:1"]);
    assert!(!site.letter().exists());
}
