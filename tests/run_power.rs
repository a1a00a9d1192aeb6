//! A power cut: of what was written, only what had reached the disk is there afterwards. Made by a file system of the
//! test's own, whose shutdown drops all that is not yet on its disk, journal and data.

mod run_support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use irispool::feed::{Feed, FeedOptions, Mix};
use run_support::kept::{archived, has_tools};
use run_support::{Client, Random, Site, skip, until};

/// `EXT4_IOC_SHUTDOWN`: `_IOR('X', 125, __u32)`.
const SHUTDOWN: libc::Ioctl = 0x8004_587D;

/// `EXT4_GOING_FLAGS_NOLOGFLUSH`: not even the journal is written out.
const AT_ONCE: u32 = 2;

/// An ext4 in a file.
struct Disk {
    image: PathBuf,
    path: PathBuf,
}

impl Disk {
    /// Makes one and mounts it; none where that is not allowed.
    fn make(site: &Site) -> Option<Disk> {
        let disk = Disk { image: site.folder.path().join("disk.img"), path: site.folder.path().join("disk") };
        fs::create_dir(&disk.path).unwrap();
        File::create(&disk.image).unwrap().set_len(256 << 20).unwrap();
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk.image).stderr(Stdio::null()).status();
        (made.is_ok_and(|status| status.success()) && disk.mount()).then_some(disk)
    }

    fn mount(&self) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(&self.image).arg(&self.path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    }

    fn unmount(&self) -> bool {
        Command::new("umount").arg(&self.path).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// All that was written until now is on the disk.
    fn sync(&self) {
        rustix::fs::syncfs(File::open(&self.path).unwrap()).unwrap();
    }

    fn cut_power(&self) {
        let root = File::open(&self.path).unwrap();
        let how = AT_ONCE;
        // SAFETY: the call reads one u32, and the file is open.
        let done = unsafe { libc::ioctl(root.as_raw_fd(), SHUTDOWN, &raw const how) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    /// As after a start of the machine: the journal is played, and what it does not have is gone.
    fn start_again(&self) {
        until("it can be unmounted", || self.unmount());
        assert!(self.mount(), "it can't be mounted again");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).stderr(Stdio::null()).status();
    }
}

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
    let Some(disk) = Disk::make(&site) else { return skip("a file system in a file can't be mounted") };
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
    let wrong: Vec<(String, usize)> = bodies.iter().filter(|(name, _)| !dead.contains(*name)).filter_map(|(name, body)| {
        let found = archived_as.get(name).map_or(0, |found| found.iter().filter(|content| *content == body).count());
        (found != 1).then(|| (name.clone(), found))
    }).collect();
    assert!(wrong.is_empty(), "{} of {}: {:?}", wrong.len(), bodies.len(), &wrong[..wrong.len().min(10)]);
}
