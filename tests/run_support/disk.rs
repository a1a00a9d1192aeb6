//! Small file systems in memory.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs, gone at the end of the test.
pub(crate) struct Tmpfs {
    pub(crate) path: PathBuf,
}

impl Tmpfs {
    /// Mounts one over an empty folder; none where that is not allowed.
    pub(crate) fn mount(path: &Path, kib: u32) -> Option<Tmpfs> {
        std::fs::create_dir_all(path).unwrap();
        let size = format!("size={kib}k");
        let output =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "irispool-test"]).arg(path).output();
        output.is_ok_and(|output| output.status.success()).then(|| Tmpfs { path: path.to_owned() })
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.path).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("could not unmount {}", self.path.display());
        }
    }
}
