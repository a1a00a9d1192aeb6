//! Packs what is in `done/` into the archive.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Stat};

use super::Day;
use super::day_file::{DayFile, remove_unfinished, sync_folder_of};
use super::done::{label_of_done, read_message, remove_all, remove_if_same, stat};
use super::entry::{EntryHeader, read_entries};
use crate::spool::folder::{EntryKind, folder_entries, list, open_folder};
use crate::spool::lock::try_lock_archive;
use crate::spool::{Label, Layout, SpoolError};

/// How many messages are sorted by day together. Memory holds their names.
const CHUNK: usize = 8_192;

/// A block is full with this many messages, or this many bytes before compression. A larger message has a block to
/// itself.
const BLOCK_MESSAGES_MAX: u32 = 2_048;
const BLOCK_BYTES_MAX: u64 = 4 << 20;

/// A larger buffer, which a large message needed, is freed.
const BUFFER_BYTES_KEPT: usize = 8 << 20;

/// What a packer did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    pub messages: u64,
    /// The size of the messages.
    pub bytes: u64,
    /// How many were deleted from `done/` because the archive had them already. Their packer died before it deleted
    /// them.
    pub were_in: u64,
    /// How many files cannot be read or are larger than any message. They stay in `done/`.
    pub left: u64,
    /// The first of them, and why.
    pub first_left: Option<(OsString, String)>,
    /// Archive files whose last block is damaged: they stay as they are, and the packer uses another file.
    pub damaged: BTreeSet<PathBuf>,
    /// Another process is packing this dataset.
    pub locked: bool,
}

/// The packer of one process.
pub struct Packer {
    layout: Layout,
    /// Files with the length up to which no packed message is left in `done/`, so that nobody has to search again.
    tidy: HashMap<PathBuf, u64>,
    /// Datasets whose folders have no hidden file of a dead packer any more.
    swept: HashSet<Label>,
    buffer: Vec<u8>,
}

/// A message in `done/`.
struct UnpackedMessage {
    name: OsString,
    seconds: i64,
}

/// The folders of `done/` that hold one dataset's messages.
struct DoneFolders<'a> {
    label: &'a Label,
    folders: Vec<(PathBuf, OwnedFd)>,
}

impl Packer {
    pub fn new(layout: Layout) -> Packer {
        Packer { layout, tidy: HashMap::new(), swept: HashSet::new(), buffer: Vec::new() }
    }

    /// The folders in `done/` by label.
    pub fn folders(&self) -> Result<BTreeMap<Label, Vec<PathBuf>>, SpoolError> {
        let done = self.layout.done();
        let mut folders: BTreeMap<Label, Vec<PathBuf>> = BTreeMap::new();
        for folder in folder_entries(&done, EntryKind::Folder)? {
            folders.entry(label_of_done(&folder)).or_default().push(done.join(folder));
        }
        folders.values_mut().for_each(|folders| folders.sort());
        Ok(folders)
    }

    /// How many messages wait in these folders, counted up to `most`.
    pub fn waiting(folders: &[PathBuf], most: usize) -> usize {
        let mut count = 0;
        for folder in folders {
            let Ok(entries) = open_folder(CWD, folder).and_then(list) else { continue };
            let messages =
                entries.flatten().filter(|entry| entry.kind == EntryKind::File && !entry.is_hidden());
            count += messages.take(most - count).count();
        }
        count
    }

    /// Packs what is in the folders of one dataset now, until `stop` says so.
    ///
    /// # Errors
    /// What is not packed stays in `done/`, and is packed the next time.
    pub fn pack(
        &mut self,
        label: &Label,
        folders: &[PathBuf],
        stop: &dyn Fn() -> bool,
    ) -> Result<Packed, SpoolError> {
        let mut packed = Packed::default();
        let Some(_lock) = try_lock_archive(&self.layout, label)? else {
            return Ok(Packed { locked: true, ..packed });
        };
        let target = self.layout.archive().join(label);
        make_folder(&target)?;
        if self.swept.insert(label.clone()) {
            remove_unfinished(&target).map_err(|error| SpoolError::io("clear", &target, error))?;
        }
        let mut source = DoneFolders { label, folders: Vec::new() };
        for folder in folders {
            match open_folder(CWD, folder) {
                Ok(opened) => source.folders.push((folder.clone(), opened)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(SpoolError::io("open the folder", folder, error)),
            }
        }
        for (path, folder) in &source.folders {
            let failed = |error| SpoolError::io("list", path, error);
            let mut entries = list(folder).map_err(failed)?;
            loop {
                let mut days: BTreeMap<Day, Vec<UnpackedMessage>> = BTreeMap::new();
                let mut seen = 0;
                for entry in entries.by_ref() {
                    let entry = entry.map_err(failed)?;
                    if entry.kind != EntryKind::File || entry.is_hidden() {
                        continue;
                    }
                    let Ok(found) = stat(folder.as_fd(), &entry.name) else { continue };
                    let seconds = found.st_mtime;
                    days.entry(Day::of(seconds))
                        .or_default()
                        .push(UnpackedMessage { name: entry.name, seconds });
                    seen += 1;
                    if seen == CHUNK {
                        break;
                    }
                }
                for (day, mut messages) in days {
                    if stop() {
                        return Ok(packed);
                    }
                    // In the order in which they came, so that similar messages are neighbours and compress well.
                    messages
                        .sort_by(|one, other| (one.seconds, &one.name).cmp(&(other.seconds, &other.name)));
                    self.pack_day(&source, &target, day, folder.as_fd(), &messages, stop, &mut packed)?;
                }
                if seen < CHUNK {
                    break;
                }
            }
            if path.file_name().is_some_and(|name| name != label.as_str()) {
                // This folder is for further messages of one name. It is made again when there is one.
                let _ = fs::remove_dir(path);
            }
        }
        Ok(packed)
    }

    #[allow(clippy::too_many_arguments, reason = "one step of `pack` needs all of it")]
    fn pack_day(
        &mut self,
        source: &DoneFolders<'_>,
        target: &Path,
        day: Day,
        folder: BorrowedFd<'_>,
        messages: &[UnpackedMessage],
        stop: &dyn Fn() -> bool,
        packed: &mut Packed,
    ) -> Result<(), SpoolError> {
        let mut file = DayFile::open(target, day, &mut packed.damaged)?;
        if file.committed() > 0 && self.tidy.get(file.path()) != Some(&file.committed()) {
            packed.were_in += remove_packed(&file, source)?;
            self.tidy.insert(file.path().to_owned(), file.committed());
        }
        let mut rest = messages.iter();
        while !stop() {
            let mut added: Vec<(OsString, Stat)> = Vec::new();
            let buffer = &mut self.buffer;
            // The first message is read before the block begins, so that no block is empty.
            let Some(first) = next_readable(folder, source.label, &mut rest, buffer, packed) else { break };
            let note = file.append(|block| {
                let mut next = Some(first);
                while let Some((name, found, header)) = next.take() {
                    block.add(&header, buffer)?;
                    added.push((name, found));
                    if block.messages() < BLOCK_MESSAGES_MAX && block.raw_bytes() < BLOCK_BYTES_MAX {
                        next = next_readable(folder, source.label, &mut rest, buffer, packed);
                    }
                }
                Ok(())
            })?;
            packed.messages += u64::from(note.messages);
            packed.bytes += note.bytes;
            remove_all(folder, &added).map_err(|error| {
                SpoolError::io("remove packed messages from", done_path(source, folder), error)
            })?;
            self.tidy.insert(file.path().to_owned(), file.committed());
            if self.buffer.capacity() > BUFFER_BYTES_KEPT {
                self.buffer = Vec::new();
            }
        }
        Ok(())
    }
}

fn done_path<'a>(source: &'a DoneFolders<'_>, folder: BorrowedFd<'_>) -> &'a Path {
    use std::os::fd::AsRawFd;
    let is_it = |opened: &&(PathBuf, OwnedFd)| opened.1.as_raw_fd() == folder.as_raw_fd();
    source.folders.iter().find(is_it).map_or(Path::new("done"), |(path, _)| path)
}

fn make_folder(folder: &Path) -> Result<(), SpoolError> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = fs::create_dir_all(folder).and_then(|()| sync_folder_of(folder));
    // The folder `archive` may be new too.
    let made = made.and_then(|()| folder.parent().map_or(Ok(()), sync_folder_of));
    made.map_err(|error| SpoolError::io("make the folder", folder, error))
}

/// Reads the next message. A message that has gone is passed over; one that cannot be read is counted in `packed`.
fn next_readable<'w>(
    folder: BorrowedFd<'_>,
    label: &Label,
    rest: &mut impl Iterator<Item = &'w UnpackedMessage>,
    buffer: &mut Vec<u8>,
    packed: &mut Packed,
) -> Option<(OsString, Stat, EntryHeader)> {
    for UnpackedMessage { name, .. } in rest {
        match read_message(folder, name, buffer) {
            Ok(found) => {
                let path = [label.as_bytes(), b"/", name.as_bytes()].concat();
                let header = EntryHeader {
                    path,
                    bytes: buffer.len() as u64,
                    written: (found.st_mtime, found.st_mtime_nsec as u32),
                    #[allow(clippy::unnecessary_cast, reason = "not on macOS")]
                    mode: found.st_mode as u32,
                    uid: found.st_uid,
                    gid: found.st_gid,
                };
                return Some((name.clone(), found, header));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                packed.left += 1;
                packed.first_left.get_or_insert_with(|| (name.clone(), error.to_string()));
            }
        }
    }
    None
}

/// Removes from `done/` what is in the last block already, equal in every byte and in the nanosecond of its time.
/// Returns how many.
fn remove_packed(file: &DayFile, source: &DoneFolders<'_>) -> Result<u64, SpoolError> {
    let Some(block) = file.last_block() else { return Ok(0) };
    let (mut removed, mut own) = (0, Vec::new());
    let prefix = [source.label.as_bytes(), b"/"].concat();
    let mut content = Vec::new();
    let compared = read_entries(block, |header, packed| {
        let Some(name) = header.path.strip_prefix(&prefix[..]) else { return Ok(()) };
        let name = OsString::from_vec(name.to_vec());
        content.clear();
        for (_, folder) in &source.folders {
            let Ok(found) = stat(folder.as_fd(), &name) else { continue };
            let written = (found.st_mtime, found.st_mtime_nsec as u32);
            if written != header.written || found.st_size as u64 != header.bytes {
                continue;
            }
            if content.is_empty() {
                packed.read_to_end(&mut content)?;
            }
            if read_message(folder.as_fd(), &name, &mut own).is_ok() && own == content {
                remove_if_same(folder.as_fd(), &name, &found)?;
                removed += 1;
                // It was packed once, so only one is removed.
                break;
            }
        }
        Ok(())
    });
    compared.map_err(|error| SpoolError::io("compare with done/ the last block of", file.path(), error))?;
    if removed > 0 {
        tracing::warn!(
            file = %file.path().display(),
            messages = removed,
            "were packed by a worker that died, and are now removed from done/"
        );
    }
    Ok(removed)
}
