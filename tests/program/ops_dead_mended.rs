//! A message that was delivered but for a bad row comes again: mended, older or newer. No row is lost, and what gives way
//! is noted.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use crate::support::Site;
use crate::support::letters::{
    HOUR, assert_no_letters, date, gone, half_delivered, in_dead, message, put_at, row, rows, said,
};
use serde_json::Value;

#[test]
fn a_mended_copy_of_any_age_is_delivered_by_a_retry() {
    for hours in [-24, 0, 24] {
        let site = half_delivered("17");
        let letter = in_dead(&site, "m");
        fs::write(&letter, message(&[&row(1), &row(2), &row(3)])).unwrap();
        date(&letter, hours);
        said(&site, &["dead", "retry", "m"]);
        let log = site.drain(&[]);
        assert_eq!(rows(&site), ["0:1", "1:2", "2:3"], "{hours} h: {log}");
        assert!(log.contains("superseded=0"), "{log}");
        assert_no_letters(&site);
        assert_eq!(site.texts("SELECT rows || ' ' || dead FROM irispool_load_history"), ["3 0"]);
    }
}

#[test]
fn an_older_whole_copy_that_is_put_into_incoming_is_delivered_too_and_its_letter_goes() {
    for has_letter in [true, false] {
        let site = half_delivered("17");
        if !has_letter {
            fs::remove_dir_all(site.spool.join("dead/FREQ")).unwrap();
        }
        put_at(&site, "m", message(&[&row(1), &row(2), &row(3)]), -24);
        site.drain(&[]);
        assert_eq!(rows(&site), ["0:1", "1:2", "2:3"]);
        assert_no_letters(&site);
        assert_eq!(gone(&site).len(), usize::from(has_letter));
    }
}

#[test]
fn of_two_bad_rows_one_is_mended_and_then_the_other_by_older_and_older_copies() {
    let site = Site::new();
    put_at(&site, "m", message(&[&row(1), "17", "18", &row(4)]), 0);
    site.once(&[]);
    for (second, third, wanted) in [("17", "3", 3), ("2", "3", 4)] {
        let cell = |text: &str| if text == "17" { text.to_owned() } else { row(text.parse().unwrap()) };
        let letter = in_dead(&site, "m");
        fs::write(&letter, message(&[&row(1), &cell(second), &cell(third), &row(4)])).unwrap();
        date(&letter, -wanted);
        said(&site, &["dead", "retry", "m"]);
        site.once(&[]);
        assert_eq!(rows(&site).len(), wanted as usize);
        assert_eq!(site.texts("SELECT dead FROM irispool_load_history"), [(4 - wanted).to_string()]);
    }
    assert_no_letters(&site);
}

#[test]
fn an_older_copy_that_mends_nothing_takes_no_row_away_and_is_not_deleted() {
    let site = half_delivered("17");
    fs::remove_dir_all(site.spool.join("dead/FREQ")).unwrap();
    for (content, bad) in [(message(&[&row(7), "17", "18"]), 2), (message(&[&row(8)]), 0)] {
        put_at(&site, "m", &content, -24);
        assert_eq!(site.once(&[]).code, Some(3));
        assert_eq!(rows(&site), ["0:1", "2:3"], "{content}");
        assert_eq!(fs::read_to_string(in_dead(&site, "m")).unwrap(), content);
        let report = site.report("FREQ", "m");
        assert_eq!((report.bad_rows, &report.delivered), (bad, &None));
        assert!(
            report.reason.starts_with("not loaded: ") && !report.reason.contains("delivered"),
            "{report:?}"
        );
        // Who wants it nonetheless says so.
        fs::remove_dir_all(site.spool.join("dead/FREQ")).unwrap();
    }
    put_at(&site, "m", message(&[&row(8)]), 1);
    site.drain(&[]);
    assert_eq!(rows(&site), ["0:8"]);
}

#[test]
fn what_gives_way_to_later_content_is_noted_and_counted() {
    let site = Site::new();
    put_at(&site, "m", message(&[&row(1), &row(2)]), 0);
    site.drain(&[]);
    put_at(&site, "m", message(&[&row(7)]), -1);
    let log = site.drain(&[]);
    assert!(log.contains("superseded=1") && log.contains("irispool_superseded has it"), "{log}");
    assert_eq!(rows(&site), ["0:1", "1:2"]);
    let noted = "SELECT message_id || ' ' || bytes || ' ' || rows || ' ' || written_at || ' ' || (loaded_at IS NULL) ||
        ' ' || (worker <> '') || ' ' || length(content_hash) FROM irispool_superseded ORDER BY loaded_at";
    let bytes = message(&[&row(7)]).len();
    assert_eq!(site.texts(noted), [format!("m {bytes} 1 2025-10-28T02:59:00.000Z 1 1 32")]);
    let answer: Value = serde_json::from_str(&said(&site, &["status", "--json"])).unwrap();
    assert_eq!(answer["warehouse"]["superseded"], 1, "{answer}");
    let screen = said(&site, &["status"]);
    assert!(
        screen.contains("1 older message not loaded") && screen.contains("irispool_superseded"),
        "{screen}"
    );
    // Rows that newer content takes away are noted, too, and are none that were never loaded.
    put_at(&site, "m", message(&[&row(8)]), 1);
    site.drain(&[]);
    let bytes = message(&[&row(1), &row(2)]).len();
    assert_eq!(site.texts(noted)[1], format!("m {bytes} 2 2025-10-28T03:59:00.000Z 0 1 32"));
    let answer: Value = serde_json::from_str(&said(&site, &["status", "--json"])).unwrap();
    assert_eq!(answer["warehouse"]["superseded"], 1, "{answer}");
}

#[test]
fn content_whose_time_lies_ahead_does_not_win_for_ever() {
    let site = Site::new();
    let path = site.put("FREQ", "m", message(&[&row(1)]));
    let ahead = SystemTime::now() + 20 * HOUR;
    File::options().write(true).open(&path).unwrap().set_modified(ahead).unwrap();
    site.drain(&[]);
    site.put("FREQ", "m", message(&[&row(2)]));
    site.drain(&[]);
    assert_eq!(rows(&site), ["0:2"]);
}

#[test]
fn a_mended_letter_that_is_newer_keeps_its_time() {
    let site = half_delivered("17");
    let letter = in_dead(&site, "m");
    fs::write(&letter, message(&[&row(1), &row(2), &row(3)])).unwrap();
    let before = letter.metadata().unwrap();
    said(&site, &["dead", "retry", "m"]);
    let after = site.incoming("FREQ").join("m").metadata().unwrap();
    let times = |found: &fs::Metadata| (found.mtime(), found.mtime_nsec());
    assert_eq!(times(&after), times(&before));
}
