//! A power cut: of what was written, only what had reached the disk is there afterwards. Nothing is lost and nothing
//! doubled of what the client had on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::kept::{archived, has_tools};
use crate::support::powered_disk::PoweredDisk;
use crate::support::{Client, Random, Site, until};
use irispool::feed::{Feed, FeedOptions, Mix};

/// How many files there are below a folder.
fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 }).sum()
}

const CUTS: u64 = 24;
const FILES_PER_CUT: usize = 150;

#[test]
fn power_cuts_lose_and_double_nothing_that_the_client_had_on_the_disk() {
    let mut site = Site::new();
    let Some(disk) = PoweredDisk::make(site.folder.path()) else { return };
    (site.spool, site.database) = (disk.path.join("spool"), disk.path.join("iris.db"));
    if !has_tools() {
        return;
    }
    let mut client = Client::new(&site);
    let mut bodies = BTreeMap::new();
    let mut random = Random::new(7);
    for seed in 0..CUTS {
        let options = FeedOptions { seed, mix: Mix::Even, fault_share: 0.2, ..FeedOptions::default() };
        for message in Feed::new(&options).take(FILES_PER_CUT) {
            client.write(&message.folder, &message.name, &message.body);
            bodies.insert(format!("{}/{}", message.folder, message.name), message.body);
        }
        disk.sync();
        let loaded = site.loaded();
        let mut daemon = site.daemon(&["--claim-files=20", "--keep=archive"]);
        match seed % 4 {
            0 => until("something is claimed", || files_below(&site.spool.join("claimed")) > 10),
            1 => until("something is loaded", || {
                daemon.assert_running();
                site.loaded() > loaded
            }),
            2 => until("something is settled", || files_below(&site.spool.join("incoming")) == 0),
            _ => client.until_all_is_settled(&site, &mut daemon),
        }
        // No waiting for anything: the moment is what varies.
        std::thread::sleep(Duration::from_micros(random.below(30_000)));
        disk.cut_power();
        daemon.kill();
        disk.start_again();
    }
    site.drain(&["--keep=archive"]);
    client.expected.assert_exact(&site);
    let mut archived_as: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for ((name, content, _), count) in archived(&site) {
        archived_as.entry(name).or_default().extend(std::iter::repeat_n(content, count as usize));
    }
    let dead = client.expected.dead();
    let wrong: Vec<(String, usize)> = bodies
        .iter()
        .filter(|(name, _)| !dead.contains(*name))
        .filter_map(|(name, body)| {
            let found = archived_as
                .get(name)
                .map_or(0, |found| found.iter().filter(|content| *content == body).count());
            (found != 1).then(|| (name.clone(), found))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}: {:?}", wrong.len(), bodies.len(), &wrong[..wrong.len().min(10)]);
}
