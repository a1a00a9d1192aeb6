//! Checks whether this user may do in the spool what a run does there, with a line for each path where it may not.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::super::units::counted;
use super::access::{MAKE_FILES, STICKY, may_if_there, sub_folders};
use super::line::{CheckLine, bad, good, warning};
use crate::config::{Config, KeepPolicy, WarehouseSpec};
use crate::paste;
use crate::spool::Layout;

const HINT: &str = "run irispool as the user that runs the IRIS client, or give this user access";

const READ_ONLY_HINT: &str = "this file system is read-only; if systemd runs irispool, the unit may forbid writing: ReadWritePaths= lists what it allows";

/// Up to this many paths with the same error have a line each; of more paths, one stands for all.
const LINES_MAX: usize = 3;

type Denied = Vec<(PathBuf, rustix::io::Errno)>;

/// `there` are the spool's folders that exist. `ground` is the nearest folder that exists, in which a spool is created.
pub(super) fn check(config: &Config, layout: &Layout, there: &[PathBuf], ground: &Path) -> Vec<CheckLine> {
    let folders = folders(config, layout, there, ground);
    let mut denied = Denied::new();
    let mut lines: Vec<CheckLine> =
        folders.iter().filter_map(|folder| of_folder(folder, &mut denied)).collect();
    lines.extend(of_denied("read and write", &denied));
    lines.extend(of_denied("write", &of_files(&written_files(config, layout))));
    lines.extend(of_what_is_told(config, layout));
    if !lines.is_empty() {
        return lines;
    }
    let me = rustix::process::geteuid();
    let others = there.iter().cloned().chain(sub_folders(&layout.incoming())).find_map(|folder| {
        let entries = fs::read_dir(folder).ok()?.flatten();
        let mut files = entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
        files.find(|(_, found)| found.is_file() && found.uid() != me.as_raw()).map(|(path, _)| path)
    });
    vec![match others.filter(|_| !me.is_root()) {
        Some(path) => {
            let what = format!("{} belongs to another user", path.display());
            let hint = "irispool cannot ask whether it is still being written, so each file waits for write_age: run irispool as the user that runs the IRIS client";
            warning("rights", what, hint)
        }
        None => {
            good("rights", format!("{} can be read and written", counted(folders.len() as u64, "folder")))
        }
    }]
}

/// Folders in which a run creates, renames or deletes files, including those that another user's run created.
fn folders(config: &Config, layout: &Layout, there: &[PathBuf], ground: &Path) -> Vec<PathBuf> {
    let mut folders = there.to_vec();
    let is_archiving = config.keep == KeepPolicy::Archive;
    let archive_lacks = is_archiving && layout.archive().symlink_metadata().is_err();
    if there.len() < 4 || archive_lacks {
        // A run creates the missing folders in it.
        folders.push(ground.to_owned());
    }
    for folder in [layout.incoming(), layout.claimed(), layout.dead(), layout.done()] {
        folders.extend(sub_folders(&folder));
    }
    if layout.dataset_locks().is_dir() {
        folders.push(layout.dataset_locks());
    }
    if is_archiving && !archive_lacks {
        folders.push(layout.archive());
        folders.extend(sub_folders(&layout.archive()));
    }
    folders
}

/// Files that a run opens to write: locks, and those of the archive.
fn written_files(config: &Config, layout: &Layout) -> Vec<PathBuf> {
    let mut folders = vec![layout.dataset_locks()];
    if config.keep == KeepPolicy::Archive {
        folders.extend(sub_folders(&layout.archive()));
    }
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    entries.map(|entry| entry.path()).collect()
}

/// None if all is well, if the folder is gone, or if access is denied, which goes to `denied`.
fn of_folder(folder: &Path, denied: &mut Denied) -> Option<CheckLine> {
    if folder.symlink_metadata().is_ok() && !folder.is_dir() {
        let what = format!("{} is not a folder, or is a link to something else", folder.display());
        return Some(bad("rights", what, "move it away, or create the folder that it links to"));
    }
    let all = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if let Err(error) = may_if_there(folder, all) {
        denied.push((folder.to_owned(), error));
        return None;
    }
    let found = folder.metadata().ok()?;
    let me = rustix::process::geteuid();
    let is_sticky = found.mode() & STICKY != 0;
    if is_sticky && found.uid() != me.as_raw() && !me.is_root() {
        let what = format!("{} is sticky: each user may move only their own files there", folder.display());
        return Some(bad("rights", what, format!("chmod -t {}", paste::path(folder))));
    }
    None
}

fn of_files(files: &[PathBuf]) -> Denied {
    let denied = |file: &PathBuf| Some((file.clone(), may_if_there(file, Access::WRITE_OK).err()?));
    files.iter().filter_map(denied).collect()
}

fn of_denied(what: &str, denied: &Denied) -> Vec<CheckLine> {
    let mut by_fault: BTreeMap<i32, Vec<&Path>> = BTreeMap::new();
    for (path, error) in denied {
        by_fault.entry(error.raw_os_error()).or_default().push(path);
    }
    let mut lines = Vec::new();
    for (fault, paths) in by_fault {
        let each = if paths.len() > LINES_MAX { &paths[..1] } else { &paths };
        let more = paths.len() - each.len();
        let more = if more > 0 { format!(" and {more} more paths") } else { String::new() };
        lines.extend(each.iter().map(|path| denial(what, path, &more, fault)));
    }
    lines
}

fn denial(what: &str, path: &Path, more: &str, fault: i32) -> CheckLine {
    let error = io::Error::from_raw_os_error(fault);
    let hint = if error.kind() == io::ErrorKind::ReadOnlyFilesystem { READ_ONLY_HINT } else { HINT };
    bad("rights", format!("this user may not {what} {}{more}: {error}", path.display()), hint)
}

/// Paths that only alerts and `status` need.
fn of_what_is_told(config: &Config, layout: &Layout) -> Vec<CheckLine> {
    let alerts = ["alerts.lock", "alerts.json"].map(|name| layout.root().join(name));
    let mut paths: Vec<(PathBuf, Access)> =
        alerts.map(|file| (file, Access::READ_OK | Access::WRITE_OK)).into();
    let tells =
        config.alert_webhook.is_some() || config.alert_command.is_some() || config.heartbeat_url.is_some();
    let notes = matches!(config.warehouse, WarehouseSpec::BigQuery(_));
    if tells || notes {
        paths.push((layout.root().to_owned(), MAKE_FILES));
    }
    if notes {
        paths.push((layout.flow(), MAKE_FILES));
    }
    let line = |(path, access): (PathBuf, Access)| {
        let error = may_if_there(&path, access).err()?;
        let what = format!(
            "this user may not write {}, which irispool status and alerts need: {error}",
            path.display()
        );
        Some(warning("rights", what, HINT))
    };
    paths.into_iter().filter_map(line).collect()
}
