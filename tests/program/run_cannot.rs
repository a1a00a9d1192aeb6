//! When `irispool run` can't run, or can't take something: what it says, its exit code, and that nothing is lost.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::support::site::{Ended, NOBODY, entries};
use crate::support::{Client, Site, disk::Tmpfs, is_root, skip};

const ROW: &str = r#"[{"dataset": "FREQ", "measurementTime": "2025-10-28T03:59:00Z", "frequency": 49.98}]"#;

/// `run --once` as nobody.
fn once_as_nobody(site: &Site, flags: &[&str]) -> Ended {
    Ended::of(&site.run_command_as_nobody(&["--once"]).args(flags).output().unwrap())
}

fn give_to_nobody(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in entries(path) {
            give_to_nobody(&entry);
        }
    }
}

#[test]
fn a_file_that_is_no_database_is_named_and_nothing_is_touched() {
    let site = Site::new();
    site.put("FREQ", "a.json", ROW);
    fs::write(&site.database, "this is a letter to my aunt, not a database\n".repeat(40)).unwrap();
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("iris.db") && ended.log.contains("not an SQLite database"), "{}", ended.log);
    assert!(ended.log.contains("hint: "), "{}", ended.log);
    assert_eq!(site.files_in("incoming").len(), 1);
    site.assert_nothing_claimed();
    assert!(fs::read_to_string(&site.database).unwrap().starts_with("this is a letter"));
}

#[test]
fn a_spool_that_is_a_file_is_named() {
    let site = Site::new();
    fs::write(&site.spool, "").unwrap();
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains(site.spool.to_str().unwrap()), "{}", ended.log);
}

#[test]
fn a_spool_that_may_not_be_written_is_named() {
    if !is_root() {
        return skip("needs root, to run as somebody else");
    }
    let site = Site::new();
    site.put("FREQ", "a.json", ROW);
    site.drain(&[]);
    site.put("FREQ", "b.json", ROW);
    fs::set_permissions(site.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let ended = once_as_nobody(&site, &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("error: ") && ended.log.contains("hint: "), "{}", ended.log);
    assert_eq!(site.files_in("incoming").len(), 1);
}

#[test]
fn an_incoming_on_another_file_system_is_refused() {
    let site = Site::new();
    let Some(_mounted) = Tmpfs::mount(&site.spool.join("incoming"), 1024) else {
        return skip("a tmpfs can't be mounted");
    };
    site.put("FREQ", "a.json", ROW);
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("different file systems"), "{}", ended.log);
    assert!(ended.log.contains("hint: ") && ended.log.contains("incoming"), "{}", ended.log);
    assert_eq!(site.files_in("incoming").len(), 1);
}

#[test]
fn a_dataset_folder_on_another_file_system_holds_nothing_else_up() {
    let site = Site::new();
    let Some(_mounted) = Tmpfs::mount(&site.incoming("BOALF"), 1024) else {
        return skip("a tmpfs can't be mounted");
    };
    site.put("BOALF", "stays.json", "[]");
    site.put("FREQ", "a.json", ROW);
    let ended = site.once(&[]);
    assert_eq!(site.texts("SELECT frequency FROM bmrs_freq_iris"), ["49.98"], "{}", ended.log);
    assert!(ended.log.contains("incoming/BOALF"), "{}", ended.log);
    assert_eq!(site.files_in("incoming").len(), 1);
    site.assert_nothing_claimed();
    assert_eq!(ended.code, Some(4), "{}", ended.log);
}

/// It takes that minute.
#[test]
fn what_a_table_has_refused_for_a_minute_stays_and_the_exit_code_is_4() {
    let site = Site::new();
    let rule = "CREATE TABLE bmrs_freq_iris (frequency REAL NOT NULL)";
    rusqlite::Connection::open(&site.database).unwrap().execute_batch(rule).unwrap();
    site.put("FREQ", "a", r#"[{"dataset":"FREQ","measurementTime":"2025-10-28T03:59:00Z"}]"#);
    site.put("MID", "b", r#"[{"dataset":"MID","startTime":"2025-10-28T03:30:00Z","price":50.5}]"#);
    let ended = site.once(&[]);
    assert_eq!(ended.code, Some(4), "{}", ended.log);
    assert!(ended.log.contains("bmrs_freq_iris.frequency"), "{}", ended.log);
    assert_eq!(site.texts("SELECT price FROM bmrs_mid_iris"), ["50.5"], "it held up the other");
    assert!(site.has_messages(), "{}", ended.log);
    // Once the rule is gone, it is delivered.
    rusqlite::Connection::open(&site.database).unwrap().execute_batch("DROP TABLE bmrs_freq_iris").unwrap();
    assert_eq!(site.once(&[]).code, Some(0));
    assert_eq!(site.texts("SELECT message_id FROM bmrs_freq_iris"), ["a"]);
}

#[test]
fn a_message_that_may_not_be_read_stays_and_the_exit_code_is_4() {
    if !is_root() {
        return skip("needs root, to run as somebody else");
    }
    // Claimed file by file, and by swapping the folder.
    for flags in [&[][..], &["--claim-files=1"]] {
        let site = Site::new();
        let mut client = Client::new(&site);
        for number in 0..20 {
            client.write("FREQ", &format!("m{number}"), ROW.as_bytes());
        }
        give_to_nobody(site.folder.path());
        let secret = site.put("FREQ", "secret", ROW);
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        let ended = once_as_nobody(&site, flags);
        assert_eq!(ended.code, Some(4), "{}", ended.log);
        assert!(ended.log.contains("secret"), "{}", ended.log);
        assert_eq!(site.files_in("incoming").into_iter().collect::<Vec<_>>(), ["FREQ/secret"]);
        site.assert_nothing_claimed();
        client.expected.assert_rows(&site);
        // Once it may be read, it is delivered.
        give_to_nobody(&secret);
        assert_eq!(once_as_nobody(&site, flags).code, Some(0));
        client.expected.add("FREQ", "secret", ROW.as_bytes());
        client.expected.assert_exact(&site);
    }
}

#[test]
fn messages_of_another_user_are_taken_when_they_are_old_enough() {
    if !is_root() {
        return skip("needs root, to run as somebody else");
    }
    for flags in [&["--write-age=100ms"][..], &["--write-age=100ms", "--claim-files=1"]] {
        let site = Site::new();
        fs::create_dir_all(site.incoming("FREQ")).unwrap();
        give_to_nobody(site.folder.path());
        let mut client = Client::new(&site);
        for number in 0..5 {
            client.write("FREQ", &format!("roots{number}"), ROW.as_bytes());
        }
        // No lease on a file that is not one's own: its age must do.
        let ended = once_as_nobody(&site, flags);
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        client.expected.assert_exact(&site);
    }
}
