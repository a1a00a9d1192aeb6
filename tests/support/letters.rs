//! Messages of FREQ that die, or half of them, and come again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::Site;

const OCTOBER: Duration = Duration::from_secs(1_761_623_940);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn row(frequency: u32) -> String {
    format!(r#"{{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z","frequency":{frequency}}}"#)
}

pub(crate) fn message(rows: &[&str]) -> String {
    format!("[{}]", rows.join(","))
}

/// Puts a message of FREQ there that was written so many hours after 2025-10-28T03:59Z.
pub(crate) fn put_at(site: &Site, name: &str, content: impl AsRef<[u8]>, after: i32) {
    date(&site.put("FREQ", name, content), after);
}

pub(crate) fn date(path: &Path, hours: i32) {
    let time = SystemTime::UNIX_EPOCH + OCTOBER;
    let time =
        if hours < 0 { time - HOUR * hours.unsigned_abs() } else { time + HOUR * hours.unsigned_abs() };
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

pub(crate) fn in_dead(site: &Site, name: &str) -> PathBuf {
    site.spool.join("dead/FREQ").join(name)
}

#[track_caller]
pub(crate) fn said(site: &Site, arguments: &[&str]) -> String {
    let spool = format!("--spool={}", site.spool.display());
    let warehouse = format!("--warehouse={}", site.warehouse());
    let output = site.irispool().args(arguments).args([spool, warehouse]).output().unwrap();
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

/// `message_row:frequency` of each row of `m`.
#[track_caller]
pub(crate) fn rows(site: &Site) -> Vec<String> {
    site.texts(
        "SELECT message_row || ':' || CAST(frequency AS INTEGER) FROM bmrs_freq_iris WHERE message_id = 'm' ORDER BY 1",
    )
}

#[track_caller]
pub(crate) fn assert_no_letters(site: &Site) {
    assert_eq!(site.files_in("dead").into_iter().collect::<Vec<_>>(), Vec::<String>::new());
}

/// What is noted of letters that went.
pub(crate) fn gone(site: &Site) -> Vec<Value> {
    let text = fs::read_to_string(site.spool.join("dead/.gone.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Rows 1, `bad`, 3 are delivered but for `bad`.
pub(crate) fn half_delivered(bad: &str) -> Site {
    let site = Site::new();
    put_at(&site, "m", message(&[&row(1), bad, &row(3)]), 0);
    assert_eq!(site.once(&[]).code, Some(3));
    assert_eq!(rows(&site), ["0:1", "2:3"]);
    site
}
