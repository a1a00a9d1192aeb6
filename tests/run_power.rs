//! A power cut: of what was written, only what had reached the disk is there afterwards. Made by a file system of the
//! test's own, whose shutdown drops all that is not yet on its disk, journal and data.

mod run_support;
mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use irispool::catalog;
use irispool::feed::{Feed, FeedOptions, Mix};
use run_support::kept::{archived, has_tools};
use run_support::{Client, Daemon, Random, Site, lacks, skip, until};
use support::fault_server::{FaultServer, name_of};

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
        let made =
            Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk.image).stderr(Stdio::null()).status();
        if made.is_err() {
            lacks("mkfs.ext4 is missing");
        }
        (made.is_ok_and(|status| status.success()) && disk.mount()).then_some(disk)
    }

    fn mount(&self) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(&self.image).arg(&self.path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    }

    fn unmount(&self) -> bool {
        Command::new("umount")
            .arg(&self.path)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
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

/// Messages under a folder of the spool, but for the queue's own files.
fn messages_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let shown = entries.filter(|entry| !entry.file_name().as_bytes().starts_with(b"."));
    shown
        .flat_map(
            |entry| if entry.path().is_dir() { messages_below(&entry.path()) } else { vec![entry.path()] },
        )
        .collect()
}

#[test]
fn a_power_cut_while_a_load_job_runs_makes_no_second_job_of_its_rows() {
    let mut site = Site::new();
    let Some(disk) = Disk::make(&site) else { return skip("a file system in a file can't be mounted") };
    site.spool = disk.path.join("spool");
    let server = FaultServer::start();
    let daemon = |site: &Site| {
        let mut command = site.irispool();
        command.args(["run", "--warehouse=bigquery:p.d", "--method=load", "--requests-per-second=none"]);
        command.arg("--spool").arg(&site.spool).env("BIGQUERY_EMULATOR_HOST", server.address.to_string());
        Daemon::start(command, site.folder.path())
    };
    let mut wanted = BTreeMap::new();
    let datasets = ["FREQ", "BOALF"].iter().map(|name| catalog::find(name).unwrap()).collect();
    let mut feed = Feed::new(&FeedOptions { datasets, ..FeedOptions::default() });
    for _ in 0..4 {
        for message in feed.by_ref().take(200) {
            let folder = site.incoming(&message.folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(&message.name), &message.body).unwrap();
            wanted.extend((0..u64::from(message.rows)).map(|row| ((message.name.clone(), row), 1)));
        }
        disk.sync();
        let before = server.state().jobs.len();
        server.state().running = 1_000_000;
        let mut worker = daemon(&site);
        until("load jobs run", || {
            worker.assert_running();
            server.state().jobs.len() > before
        });
        disk.cut_power();
        worker.kill();
        disk.start_again();
        server.state().jobs.values_mut().for_each(|job| job["left"] = 0.into());
        server.state().running = 0;
        let mut worker = daemon(&site);
        until("all is delivered", || {
            worker.assert_running();
            ["incoming", "claimed"].iter().all(|room| messages_below(&site.spool.join(room)).is_empty())
        });
        worker.stop();
    }
    let mut found = BTreeMap::new();
    for row in ["bmrs_freq_iris", "bmrs_boalf_iris"].iter().flat_map(|table| server.rows(table)) {
        *found.entry(name_of(&row)).or_insert(0) += 1;
    }
    let wrong: Vec<_> =
        wanted.keys().chain(found.keys()).filter(|row| wanted.get(row) != found.get(row)).collect();
    assert!(wrong.is_empty(), "{} of {}: {:?}", wrong.len(), wanted.len(), &wrong[..wrong.len().min(10)]);
}
