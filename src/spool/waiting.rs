//! Lists the messages that wait in `incoming` or are claimed.

use std::ffi::OsString;
use std::path::Path;

use rustix::fs::CWD;

use super::folder::{EntryKind, folder_entries, list, open_folder};
use super::set_aside_folders::is_set_aside;
use super::{Label, Layout, SpoolError};

/// The names of the messages that wait in `incoming` or are claimed, each with its label.
///
/// `incoming` is listed first, because a message moves from there to `claimed`. A message may be named twice.
///
/// # Errors
/// If a folder cannot be listed. A folder that vanishes meanwhile is left out.
pub fn waiting_messages(layout: &Layout) -> Result<Vec<(Label, OsString)>, SpoolError> {
    let mut messages = Vec::new();
    let incoming = layout.incoming();
    for folder in folder_entries(&incoming, EntryKind::Folder)?.iter().filter(|name| !is_set_aside(name)) {
        add_names(layout, &incoming.join(folder), &Label::of(folder), &mut messages)?;
    }
    let claimed = layout.claimed();
    for worker in there(folder_entries(&claimed, EntryKind::Folder))? {
        let worker = claimed.join(worker);
        for batch in there(folder_entries(&worker, EntryKind::Folder))? {
            let label = Label::of_batch(&batch.to_string_lossy());
            add_names(layout, &worker.join(batch), &label, &mut messages)?;
        }
    }
    Ok(messages)
}

fn add_names(
    layout: &Layout,
    path: &Path,
    label: &Label,
    messages: &mut Vec<(Label, OsString)>,
) -> Result<(), SpoolError> {
    let failed = |error| SpoolError::io("list", path, error);
    let Some(entries) = there(open_folder(CWD, path).and_then(list).map(Some).map_err(failed))? else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.kind != EntryKind::Folder && !layout.is_temporary(&entry.name) {
            messages.push((label.clone(), entry.name));
        }
    }
    Ok(())
}

/// Nothing in place of an error that says that the folder is missing.
fn there<T: Default>(found: Result<T, SpoolError>) -> Result<T, SpoolError> {
    match found {
        Err(error) if error.is_not_found() => Ok(T::default()),
        other => other,
    }
}
