//! What kind of disk a folder is on, and how much room it has.

use std::path::Path;

use rustix::fs::StatFs;

use super::super::units::size;
use super::line::{CheckLine, bad, good, warning};
use crate::spool::DiskSpace;

/// File systems on which locks or leases do not work as on a local disk: their number on Linux (statfs(2)), their name
/// on macOS, and the name that people know.
const NETWORK_FILE_SYSTEMS: [(u32, &str, &str); 6] = [
    (0x6969, "nfs", "NFS"),
    (0x517b, "smbfs", "SMB"),
    (0xff53_4d42, "", "CIFS"),
    (0xfe53_4d42, "", "SMB2"),
    (0x0102_1997, "", "9p"),
    (0, "afpfs", "AFP"),
];

/// The file system of containers on a Mac and of sshfs, but also of some local disks.
const FUSE: (u32, &str) = (0x6573_5546, "macfuse");

/// None if the file system is local.
pub(super) fn of_network(path: &Path, whose: &'static str) -> Option<CheckLine> {
    let found = rustix::fs::statfs(path).ok()?;
    if is_called(&found, FUSE.0, FUSE.1) {
        return Some(warning(
            "local disk",
            format!(
                "the {whose} is on a FUSE mount, and irispool cannot see programs that use it outside this mount"
            ),
            "make the client and every worker use this mount, or move it to a local disk",
        ));
    }
    let (.., name) =
        NETWORK_FILE_SYSTEMS.iter().find(|(number, name, _)| is_called(&found, *number, name))?;
    let what = format!("the {whose} is on {name}, where locks and leases are unreliable");
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

pub(super) fn of_room(check: &'static str, path: &Path, percent_max: usize) -> CheckLine {
    let space = match DiskSpace::of(path) {
        Ok(space) => space,
        Err(error) => {
            let what = format!("cannot find out how much space {} has: {error}", path.display());
            return bad(check, what, "does the path exist?");
        }
    };
    let inodes = if space.inodes > 0 { format!(", {} inodes", space.free_inodes) } else { String::new() };
    let what = format!("{} free{inodes}, {} % used", size(space.free_bytes), space.percent_used());
    if space.percent_used() as usize > percent_max {
        return bad(check, what, "free some space or inodes (df -i): each message needs an inode");
    }
    good(check, what)
}
