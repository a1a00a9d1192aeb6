//! The queue: its folders, what may be done in them, room, leases, watches.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::StatFs;

use super::super::text::{counted, size};
use super::rights::{self, sub_folders};
use super::{Line, bad, good, warning};
use crate::config::{Config, Keep};
use crate::spool::{DiskSpace, Layout, Watch, leases_work};

/// File systems on which locks or leases are not what they are on a local disk: their number on Linux (statfs(2)),
/// their name on macOS, and how people call them.
const NETWORK_FILE_SYSTEMS: [(u32, &str, &str); 6] = [
    (0x6969, "nfs", "NFS"),
    (0x517b, "smbfs", "SMB"),
    (0xff53_4d42, "", "CIFS"),
    (0xfe53_4d42, "", "SMB2"),
    (0x0102_1997, "", "9p"),
    (0, "afpfs", "AFP"),
];

/// What a container on a Mac or sshfs has, and also many a local disk.
const FUSE: (u32, &str) = (0x6573_5546, "macfuse");

/// What happens where a lease cannot tell whether a file is still being written. docs/install.md, docs/settings.md and
/// irispool.example.toml say the same.
const WITHOUT_LEASES: &str = "irispool takes a file that nobody has written to for write_age";

/// Folders that the client may still make: one a dataset.
const FOLDERS_TO_COME: u64 = 100;

pub(super) fn check(config: &Config) -> Vec<Line> {
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
    if config.keep == Keep::Archive && archive.is_dir() && device(&archive) != device(ground) {
        lines.push(of_room("archive room", &archive, config.status_disk_critical));
    }
    lines.push(of_leases(&layout, ground));
    lines.push(of_watches(&layout));
    lines
}

fn of_folders(config: &Config, folders: &[PathBuf]) -> Line {
    let no_folder = folders.iter().find(|path| path.symlink_metadata().is_ok() && !path.is_dir());
    if let Some(path) = no_folder {
        let what = format!("{} is not a folder", path.display());
        return bad("spool", what, "move it away, or choose another --spool");
    }
    let root = config.spool.display();
    if folders[0].is_dir() {
        return good("spool", format!("{root} has an incoming folder"));
    }
    let hint =
        "the first run makes it; or is --spool wrong? The IRIS client must write into its incoming folder";
    warning("spool", format!("{root} has no incoming folder yet"), hint)
}

/// Where something is not there yet, the nearest folder that is says what it will be like.
fn nearest(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| path.is_dir());
    there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn of_file_system(folders: &[PathBuf]) -> Line {
    let devices: BTreeSet<u64> =
        folders.iter().filter_map(|path| Some(nearest(path).metadata().ok()?.dev())).collect();
    if devices.len() > 1 {
        let hint =
            "messages are claimed by renaming: put incoming, claimed, dead and done on one file system";
        return bad("one file system", "the spool's folders are on more than one file system", hint);
    }
    good("one file system", "renames can move messages between all folders")
}

/// None where the file system is a local one.
pub(super) fn of_network(path: &Path, whose: &'static str) -> Option<Line> {
    let found = rustix::fs::statfs(path).ok()?;
    if is_called(&found, FUSE.0, FUSE.1) {
        return Some(warning(
            "local disk",
            format!("the {whose} is behind FUSE, and who uses it from its other side is not seen from here"),
            "the client and every worker must use it by this mount; or move it to a local disk",
        ));
    }
    let (.., name) =
        NETWORK_FILE_SYSTEMS.iter().find(|(number, name, _)| is_called(&found, *number, name))?;
    let what = format!("the {whose} is on {name}, where locks and leases are not to be relied on");
    Some(bad("local disk", what, "move it to a local disk"))
}

#[cfg(not(target_vendor = "apple"))]
fn is_called(found: &StatFs, number: u32, _: &str) -> bool {
    found.f_type as u32 == number
}

#[cfg(target_vendor = "apple")]
fn is_called(found: &StatFs, _: u32, name: &str) -> bool {
    let letters = found.f_fstypename.iter().map(|letter| *letter as u8).take_while(|letter| *letter != 0);
    letters.eq(name.bytes())
}

pub(super) fn of_room(check: &'static str, path: &Path, percent_max: usize) -> Line {
    let space = match DiskSpace::of(path) {
        Ok(space) => space,
        Err(error) => {
            let what = format!("cannot ask how much room {} has: {error}", path.display());
            return bad(check, what, "does the path exist?");
        }
    };
    let inodes = if space.inodes > 0 { format!(", {} inodes", space.free_inodes) } else { String::new() };
    let what = format!("{} free{inodes}, {} % used", size(space.free_bytes), space.percent_used());
    if space.percent_used() as usize > percent_max {
        return bad(check, what, "free some space, or inodes (df -i): a message takes one each");
    }
    good(check, what)
}

/// Tried on a file of our own, which is gone when this returns.
fn of_leases(layout: &Layout, ground: &Path) -> Line {
    let claimed = layout.claimed();
    let folder = if claimed.is_dir() { &claimed } else { ground };
    if cfg!(target_vendor = "apple") {
        return good("leases", format!("macOS has none: {WITHOUT_LEASES}"));
    }
    let hint = format!("{WITHOUT_LEASES}; a local file system has leases");
    match leases_work(folder) {
        Ok(true) => good("leases", "it can be asked whether a file is still being written"),
        Ok(false) => warning("leases", "it cannot be asked whether a file is still being written", hint),
        Err(error) => {
            let what = format!("cannot make a file in {} to try it: {error}", folder.display());
            bad("leases", what, "does this user have the right to, and is there room?")
        }
    }
}

/// Tried for every folder that is there.
fn of_watches(layout: &Layout) -> Line {
    let mut folders = sub_folders(&layout.incoming());
    if layout.incoming().is_dir() {
        folders.push(layout.incoming());
    }
    let mut watch = Watch::start(layout.temporary_names().clone());
    let unwatched = folders.iter().filter(|folder| !watch.follow(folder)).count();
    let is_blind = !watch.works() || unwatched > 0;
    let blind = "the system does not tell of new files: they are found by the scan, later";
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
        return warning("watches", what, "each dataset takes one: raise fs.inotify.max_user_watches");
    }
    good("watches", what)
}

/// The lower of the machine's limit of `watches` or `instances` a user and that of a container. None where the system
/// has no such limit, as on macOS.
fn limit(of: &str) -> Option<u64> {
    let files = [format!("/proc/sys/fs/inotify/max_user_{of}"), format!("/proc/sys/user/max_inotify_{of}")];
    let limits = files.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    limits.min()
}
