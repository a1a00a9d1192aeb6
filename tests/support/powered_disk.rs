//! A file system of a test's own that can lose its power: its shutdown drops all that is not yet on its disk, journal and
//! data.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::skip::{lacks, skip};

/// `EXT4_IOC_SHUTDOWN`: `_IOR('X', 125, __u32)`.
const SHUTDOWN: libc::Ioctl = 0x8004_587D;

/// `EXT4_GOING_FLAGS_NOLOGFLUSH`: not even the journal is written out.
const AT_ONCE: u32 = 2;

/// An ext4 in a file.
pub struct PoweredDisk {
    image: PathBuf,
    pub path: PathBuf,
}

impl PoweredDisk {
    /// Makes one and mounts it; none, and said so, where that is not allowed.
    pub fn make(folder: &Path) -> Option<PoweredDisk> {
        let disk = PoweredDisk { image: folder.join("disk.img"), path: folder.join("disk") };
        fs::create_dir(&disk.path).unwrap();
        File::create(&disk.image).unwrap().set_len(256 << 20).unwrap();
        let made =
            Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk.image).stderr(Stdio::null()).status();
        if made.is_err() {
            lacks("mkfs.ext4 is missing");
        } else if made.is_ok_and(|status| status.success()) && disk.mount() {
            return Some(disk);
        } else {
            skip("a file system in a file can't be mounted");
        }
        None
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
    pub fn sync(&self) {
        rustix::fs::syncfs(File::open(&self.path).unwrap()).unwrap();
    }

    pub fn cut_power(&self) {
        let root = File::open(&self.path).unwrap();
        let how = AT_ONCE;
        // SAFETY: the call reads one u32, and the file is open.
        let done = unsafe { libc::ioctl(root.as_raw_fd(), SHUTDOWN, &raw const how) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    /// As after a start of the machine: the journal is played, and what it does not have is gone.
    pub fn start_again(&self) {
        let since = Instant::now();
        while !self.unmount() {
            assert!(since.elapsed() < Duration::from_secs(60), "it can't be unmounted");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(self.mount(), "it can't be mounted again");
    }
}

impl Drop for PoweredDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).stderr(Stdio::null()).status();
    }
}
