//! File systems of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs, gone at the end of the test.
pub(crate) struct Tmpfs {
    pub(crate) path: PathBuf,
}

impl Tmpfs {
    /// Mounts one over an empty folder; none where that is not allowed.
    pub(crate) fn mount(path: &Path, kib: u32) -> Option<Tmpfs> {
        Tmpfs::mount_with(path, &format!("size={kib}k"))
    }

    /// The same with options of tmpfs's own, such as `nr_inodes=20`.
    pub(crate) fn mount_with(path: &Path, options: &str) -> Option<Tmpfs> {
        std::fs::create_dir_all(path).unwrap();
        let output =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "irispool-test"]).arg(path).output();
        output.is_ok_and(|output| output.status.success()).then(|| Tmpfs { path: path.to_owned() })
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        unmount(&self.path);
    }
}

/// A folder behind FUSE (bindfs), where a removed file stays in its folder for as long as it is open.
pub(crate) struct Fuse {
    path: PathBuf,
}

impl Fuse {
    /// Mounts one over an empty folder, with options of FUSE's own; none where that is not allowed.
    pub(crate) fn mount(path: &Path, options: &str) -> Option<Fuse> {
        let behind = path.with_extension("behind");
        std::fs::create_dir_all(path).unwrap();
        std::fs::create_dir_all(&behind).unwrap();
        let output = Command::new("bindfs").args(["-o", options]).args([behind.as_path(), path]).output();
        if output.is_err() {
            super::lacks("bindfs is missing");
        }
        output.is_ok_and(|output| output.status.success()).then(|| Fuse { path: path.to_owned() })
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        unmount(&self.path);
    }
}

fn unmount(path: &Path) {
    let unmounted = Command::new("umount").arg("-l").arg(path).status();
    if !unmounted.is_ok_and(|status| status.success()) {
        eprintln!("could not unmount {}", path.display());
    }
}
