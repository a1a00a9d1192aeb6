//! A disk that fills up, and is emptied again: nothing is lost, nothing goes to dead for it, and the log says what is up.
//! And one behind FUSE.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::support::disk::{Fuse, Tmpfs};
use crate::support::{Client, Site, skip, until};
use irispool::catalog;
use irispool::feed::FeedOptions;
use rustix::process::Signal;

/// Writes until nothing more goes in, but for what `spare_kib` leaves.
fn fill(path: &Path, spare_kib: usize) {
    let spare = path.with_extension("spare");
    fs::write(&spare, vec![1_u8; spare_kib * 1024]).unwrap();
    let mut file = File::create(path).unwrap();
    for piece in [&[0_u8; 65_536][..], &[0_u8; 4_096][..]] {
        while file.write_all(piece).is_ok() {}
    }
    fs::remove_file(spare).unwrap();
}

fn options(fault_share: f64) -> FeedOptions {
    let datasets = ["MILS", "BOALF", "FREQ"].iter().map(|name| catalog::find(name).unwrap()).collect();
    FeedOptions { datasets, fault_share, ..FeedOptions::default() }
}

#[test]
fn a_full_disk_under_the_database_only_delays() {
    let mut site = Site::new();
    let disk = site.folder.path().join("disk");
    let Some(mounted) = Tmpfs::mount(&disk, 65_536) else { return skip("a tmpfs can't be mounted") };
    site.database = disk.join("iris.db");
    let mut client = Client::new(&site);
    client.feed(&options(0.0), 50);
    let mut daemon = site.daemon(&[]);
    client.until_all_is_settled(&site, &mut daemon);
    let ballast = disk.join("ballast");
    fill(&ballast, 100);
    client.feed(&FeedOptions { seed: 2, ..options(0.02) }, 5_000);
    daemon.wait_for_log("the disk is full");
    assert!(site.loaded() < client.expected.loaded());
    fs::remove_file(&ballast).unwrap();
    client.until_all_is_settled(&site, &mut daemon);
    let log = daemon.stop();
    assert!(log.contains("WARN"), "{log}");
    client.expected.assert_exact(&site);
    drop(mounted);
}

#[test]
fn a_full_disk_under_the_spool_and_the_database_only_delays() {
    let mut site = Site::new();
    let disk = site.folder.path().join("disk");
    let Some(mounted) = Tmpfs::mount(&disk, 65_536) else { return skip("a tmpfs can't be mounted") };
    site.spool = disk.join("spool");
    site.database = disk.join("iris.db");
    let mut client = Client::new(&site);
    client.feed(&options(0.0), 50);
    let mut daemon = site.daemon(&[]);
    client.until_all_is_settled(&site, &mut daemon);
    // It comes upon the messages when the disk is full already.
    daemon.send(Signal::STOP);
    client.feed(&FeedOptions { seed: 2, ..options(0.3) }, 300);
    let ballast = disk.join("ballast");
    fill(&ballast, 0);
    daemon.send(Signal::CONT);
    daemon.wait_for_log("the disk is full");
    daemon.wait_for_log("No space left on device");
    // A message leaves its batch only when its report is written.
    let buried = site.dead().into_iter().find(|name| !name.contains("/.report-"));
    assert_eq!(buried, None);
    fs::remove_file(&ballast).unwrap();
    client.until_all_is_settled(&site, &mut daemon);
    daemon.stop();
    client.expected.assert_exact(&site);
    drop(mounted);
}

#[test]
fn behind_fuse_where_removed_files_stay_while_they_are_open_all_is_delivered_and_nothing_is_left() {
    let mut site = Site::new();
    let disk = site.folder.path().join("disk");
    let Some(mounted) = Fuse::mount(&disk, "rw") else { return skip("bindfs can't be mounted") };
    (site.spool, site.database) = (disk.join("spool"), disk.join("iris.db"));
    let mut client = Client::new(&site);
    client.feed(&options(0.1), 300);
    let killed = site.daemon(&["--claim-files=20"]);
    until("something is loaded", || site.loaded() > 0);
    killed.kill();
    site.drain(&[]);
    client.expected.assert_exact(&site);
    drop(mounted);
}

/// How often a load has failed so far, as its metrics have it.
fn failures(address: &str) -> u64 {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let line = answer.lines().find(|line| line.starts_with("irispool_load_failures_total "));
    line.and_then(|line| line.split(' ').next_back()?.parse().ok()).unwrap()
}

/// Each try adds the columns, and is rolled back.
#[test]
fn a_full_disk_is_told_once_for_each_dataset_and_columns_only_when_they_are_there() {
    let mut site = Site::new();
    let disk = site.folder.path().join("disk");
    let Some(mounted) = Tmpfs::mount(&disk, 65_536) else { return skip("a tmpfs can't be mounted") };
    site.database = disk.join("iris.db");
    let mut daemon = site.daemon(&["--listen=127.0.0.1:0"]);
    daemon.wait_until_ready();
    let log = daemon.log();
    let address = log.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let ballast = disk.join("ballast");
    fill(&ballast, 0);
    for dataset in ["FREQ", "MID"] {
        site.put(
            dataset,
            "new-field",
            format!(r#"[{{"dataset":"{dataset}","news{dataset}":"{}"}}]"#, "x".repeat(99_999)),
        );
    }
    until("it has failed again and again", || failures(&address) >= 8);
    let log = daemon.log();
    assert_eq!(log.matches("columns added").count(), 0, "{log}");
    for dataset in ["FREQ", "MID"] {
        let told =
            |line: &&str| line.contains("rows wait: ") && line.contains(&format!("dataset={dataset} "));
        // To add the columns and to load the rows may each fail.
        let lines: Vec<&str> = log.lines().filter(told).collect();
        assert!((1..=2).contains(&lines.len()), "{dataset} {log}");
        assert!(lines.iter().all(|line| line.contains("the disk is full")), "{log}");
    }
    fs::remove_file(&ballast).unwrap();
    until("all is in", || site.loaded() == 2);
    let log = daemon.stop();
    for dataset in ["FREQ", "MID"] {
        let added = format!(
            "columns added dataset={dataset} table=bmrs_{}_iris columns=news{dataset}",
            dataset.to_lowercase()
        );
        assert_eq!(log.matches(&added).count(), 1, "{log}");
        let over = log.lines().filter(|line| line.contains("rows wait no more") && line.contains(dataset));
        let tries: Vec<u64> = over
            .map(|line| {
                line.split("failed_tries=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
            })
            .collect();
        assert!(tries.len() == 1 && tries[0] >= 3, "{log}");
    }
    drop(mounted);
}
