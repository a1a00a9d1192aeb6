//! Counts the messages that wait in `incoming`.

use rustix::fs::CWD;

use super::Layout;
use super::folder::{Entry, EntryKind, folder_entries, list, open_folder};
use super::set_aside_folders::is_set_aside;

/// How many messages wait in `incoming`. A folder that cannot be listed counts as empty.
pub fn ready_messages(layout: &Layout) -> u64 {
    let incoming = layout.incoming();
    let folders = folder_entries(&incoming, EntryKind::Folder).unwrap_or_default();
    let listed = folders
        .into_iter()
        .filter(|folder| !is_set_aside(folder))
        .filter_map(|folder| open_folder(CWD, &incoming.join(folder)).and_then(list).ok());
    let is_message = |entry: &Entry| entry.kind != EntryKind::Folder && !layout.is_temporary(&entry.name);
    listed.flatten().flatten().filter(is_message).count() as u64
}
