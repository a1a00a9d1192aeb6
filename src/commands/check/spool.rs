//! Checks the spool: its folders, the rights in them, free space, leases and watches.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::units::counted;
use super::access::sub_folders;
use super::disk::{of_network, of_room};
use super::line::{CheckLine, bad, good, warning};
use super::rights;
use crate::config::{Config, KeepPolicy};
use crate::spool::{FolderWatch, Layout, leases_work};

/// What happens where a lease cannot tell whether a file is still being written. docs/install.md, docs/settings.md and
/// irispool.example.toml say the same.
const WITHOUT_LEASES: &str = "irispool takes a file that nobody has written to for write_age";

/// Folders that the client may still create: one per dataset.
const FOLDERS_TO_COME: u64 = 100;

pub(super) fn check(config: &Config) -> Vec<CheckLine> {
    let layout = Layout::at(&config.spool).with_temporary_names(config.temporary_names.clone());
    let folders = [layout.incoming(), layout.claimed(), layout.dead(), layout.done()];
    let there: Vec<PathBuf> = folders.iter().filter(|folder| folder.is_dir()).cloned().collect();
    let mut lines = vec![of_folders(config, &folders)];
    let ground = nearest(&config.spool);
    lines.push(of_file_system(&folders));
    lines.extend(rights::check(config, &layout, &there, ground));
    lines.extend(of_network(ground, "spool"));
    lines.push(of_room("spool room", ground, config.status_disk_critical));
    let archive = layout.archive();
    let device = |path: &Path| path.metadata().ok().map(|found| found.dev());
    if config.keep == KeepPolicy::Archive && archive.is_dir() && device(&archive) != device(ground) {
        lines.push(of_room("archive room", &archive, config.status_disk_critical));
    }
    lines.push(of_leases(&layout, ground));
    lines.push(of_watches(&layout));
    lines
}

fn of_folders(config: &Config, folders: &[PathBuf]) -> CheckLine {
    let no_folder = folders.iter().find(|path| path.symlink_metadata().is_ok() && !path.is_dir());
    if let Some(path) = no_folder {
        let what = format!("{} is not a folder", path.display());
        return bad("spool", what, "move it away, or choose another --spool");
    }
    let root = config.spool.display();
    if folders[0].is_dir() {
        return good("spool", format!("{root} has an incoming folder"));
    }
    let hint = "the first run creates it; if --spool is wrong, set it to the folder whose incoming the IRIS client writes to";
    warning("spool", format!("{root} has no incoming folder yet"), hint)
}

/// The nearest folder that exists: a missing folder will be created on its file system.
fn nearest(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| path.is_dir());
    there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn of_file_system(folders: &[PathBuf]) -> CheckLine {
    let devices: BTreeSet<u64> =
        folders.iter().filter_map(|path| Some(nearest(path).metadata().ok()?.dev())).collect();
    if devices.len() > 1 {
        let hint =
            "messages are claimed by renaming: put incoming, claimed, dead and done on one file system";
        return bad("one file system", "the spool's folders are on more than one file system", hint);
    }
    good("one file system", "renames can move messages between all folders")
}

/// Tries a lease on a file of its own, and deletes the file.
fn of_leases(layout: &Layout, ground: &Path) -> CheckLine {
    let claimed = layout.claimed();
    let folder = if claimed.is_dir() { &claimed } else { ground };
    if cfg!(target_vendor = "apple") {
        return good("leases", format!("macOS has none: {WITHOUT_LEASES}"));
    }
    let hint = format!("{WITHOUT_LEASES}; a local file system has leases");
    match leases_work(folder) {
        Ok(true) => good("leases", "irispool can ask whether a file is still being written"),
        Ok(false) => warning("leases", "irispool cannot ask whether a file is still being written", hint),
        Err(error) => {
            let what = format!("cannot create a file in {} to test leases: {error}", folder.display());
            bad("leases", what, "give this user write access, and check the free space")
        }
    }
}

/// Tries to watch every folder that exists.
fn of_watches(layout: &Layout) -> CheckLine {
    let mut folders = sub_folders(&layout.incoming());
    if layout.incoming().is_dir() {
        folders.push(layout.incoming());
    }
    let mut watch = FolderWatch::start(layout.temporary_names().clone());
    let unwatched = folders.iter().filter(|folder| !watch.follow(folder)).count();
    let is_blind = !watch.works() || unwatched > 0;
    let blind = "the system does not report new files: irispool finds them later, when it scans";
    let watched = format!("{} watched", counted(folders.len() as u64, "folder"));
    let (Some(watches), Some(instances)) = (limit("watches"), limit("instances")) else {
        return if is_blind {
            warning("watches", blind, "lower scan_interval to find them sooner")
        } else {
            good("watches", watched)
        };
    };
    if is_blind {
        let hint =
            format!("raise fs.inotify.max_user_watches ({watches}) or max_user_instances ({instances})");
        return warning("watches", blind, hint);
    }
    let what = format!("{watched}, {watches} allowed");
    if watches < folders.len() as u64 + FOLDERS_TO_COME {
        return warning("watches", what, "each dataset needs one: raise fs.inotify.max_user_watches");
    }
    good("watches", what)
}

/// The limit on `watches` or `instances` per user: the lower one of the machine's and the container's. `None` if the
/// system has no such limit, as on macOS.
fn limit(of: &str) -> Option<u64> {
    let files = [format!("/proc/sys/fs/inotify/max_user_{of}"), format!("/proc/sys/user/max_inotify_{of}")];
    let limits = files.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    limits.min()
}
