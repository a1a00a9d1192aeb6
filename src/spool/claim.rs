//! Claims ready messages for one worker.
//!
//! A worker claims a folder of `incoming` at once when it has more than `claim_files` messages: it swaps the folder for
//! an empty one, which is one system call however many files there are. It claims from smaller folders file by file, so
//! that a file that the client is still writing stays where it is.
//!
//! Only the worker that holds the folder's lock may claim from it. Without the lock, two workers would race for the
//! same files and lose most of their renames.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD};

use super::folder::{EntryKind, has_acl, is_empty, list, open_folder, same_owner_and_mode};
use super::lock::try_lock_dataset;
use super::read::{ReadError, open_if_closed};
use super::rename::{exchange, is_unsupported, rename_at};
use super::set_aside_folders::is_set_aside;
use super::{Batch, Label, Layout, SpoolError, Worker};

/// How long a folder is claimed file by file after something of it had to go back. Otherwise a file that cannot be read
/// would go back and forth. The same holds after a temporary name was seen: a swap would take the file away from the
/// program that is about to rename it.
const NO_SWAP_AFTER_GIVE_BACK: Duration = Duration::from_secs(60);

/// What one claim found in one folder of `incoming`.
#[derive(Debug, Default)]
pub struct Claim {
    /// The claimed messages. None when nothing was ready.
    pub batch: Option<Batch>,
    /// Whether the folder was swapped for an empty one. A watch must follow to the new one.
    pub swapped: bool,
    /// How many entries the batch has, as far as they were counted. Good for progress, not exact.
    pub messages: u64,
    /// Whether there was more to claim than `claim_files`.
    pub more: bool,
    /// Another worker is claiming from this folder just now.
    pub locked: bool,
    /// How many files somebody is still writing.
    pub being_written: u64,
    /// How many files may not be opened or renamed.
    pub unreadable: u64,
    /// The first of them, and why.
    pub first_unreadable: Option<(OsString, io::Error)>,
    /// How many folders there are in the folder. irispool leaves them alone.
    pub sub_folders: u64,
    /// Why the claim stopped early. What it claimed until then is in the batch.
    pub cut_short: Option<SpoolError>,
}

/// A dataset's folder under `incoming`.
#[derive(Debug)]
pub struct DatasetFolder {
    /// Its name as the disk has it.
    pub name: OsString,
    /// Whether it has, or had, thousands of names.
    pub is_large: bool,
}

/// The size of a folder with thousands of names, in bytes. ext4 takes about 40 per name.
const LARGE_FOLDER_BYTES: i64 = 100_000;

/// Claims for one worker.
#[derive(Debug)]
pub struct Claimer {
    layout: Layout,
    worker: Arc<Worker>,
    claim_files: u64,
    write_age: Duration,
    can_swap: AtomicBool,
    no_swap_until: HashMap<Label, Instant>,
}

impl Claimer {
    /// `claim_files` is how many messages one claim renames at most; a folder with more is swapped. For `write_age` see
    /// [`super::read()`].
    pub fn new(layout: Layout, worker: Arc<Worker>, claim_files: u64, write_age: Duration) -> Claimer {
        Claimer {
            layout,
            worker,
            claim_files,
            write_age,
            can_swap: AtomicBool::new(true),
            no_swap_until: HashMap::new(),
        }
    }

    /// The datasets' folders under `incoming`, the largest first, and the names of everything else there: files, and
    /// folders that are set aside and not empty. Hidden files are left out.
    ///
    /// A folder's own size says roughly how many names it has (on ext4, had), without a listing. With the largest first
    /// the readers have work at once, and workers that start together share a backlog by its largest parts.
    pub fn dataset_folders(&self) -> Result<(Vec<DatasetFolder>, Vec<OsString>), SpoolError> {
        let incoming = self.layout.incoming();
        let failed = |error| SpoolError::io("list", &incoming, error);
        let folder = open_folder(CWD, &incoming).map_err(failed)?;
        let (mut folders, mut strays) = (Vec::new(), Vec::new());
        for entry in list(folder.as_fd()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            match entry.kind {
                EntryKind::Folder if !is_set_aside(&entry.name) => folders.push(entry.name),
                EntryKind::Folder if is_empty(folder.as_fd(), Path::new(&entry.name)) => {}
                EntryKind::Folder => strays.push(entry.name),
                _ if self.layout.is_temporary(&entry.name) => {}
                _ => strays.push(entry.name),
            }
        }
        let mut sized: Vec<(i64, OsString)> = folders
            .into_iter()
            .map(|name| {
                let found = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW);
                (found.map_or(0, |found| found.st_size), name)
            })
            .collect();
        sized.sort_by_key(|(bytes, _)| Reverse(*bytes));
        let as_folder = |(bytes, name)| DatasetFolder { name, is_large: bytes > LARGE_FOLDER_BYTES };
        Ok((sized.into_iter().map(as_folder).collect(), strays))
    }

    /// Says that something of a batch from this folder had to be given back: for a while the folder is not swapped.
    pub fn given_back(&mut self, label: &Label) {
        self.no_swap_until.insert(label.clone(), Instant::now() + NO_SWAP_AFTER_GIVE_BACK);
    }

    /// Claims what is ready in one folder of `incoming`.
    ///
    /// `bulk_files_max` gets the number of files, and returns how many of them may become a bulk batch, or none for an
    /// ordinary batch. The files of a bulk batch must not change. So it consists of renamed files and is never a
    /// swapped folder, in which the client might just be making one more file.
    pub fn claim(
        &mut self,
        folder_name: &OsStr,
        bulk_files_max: impl FnOnce(u64) -> Option<u64>,
    ) -> Result<Claim, SpoolError> {
        let label = Label::of(folder_name);
        let Some(_lock) = try_lock_dataset(&self.layout, &label)? else {
            return Ok(Claim { locked: true, ..Claim::default() });
        };
        self.claim_locked(folder_name, &label, bulk_files_max)
    }

    fn claim_locked(
        &mut self,
        folder_name: &OsStr,
        label: &Label,
        bulk_files_max: impl FnOnce(u64) -> Option<u64>,
    ) -> Result<Claim, SpoolError> {
        let path = self.layout.incoming().join(folder_name);
        let folder = match open_folder(CWD, &path) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Claim::default()),
            Err(error) => return Err(SpoolError::io("open the folder", &path, error)),
        };
        let failed = |error| SpoolError::io("list", &path, error);
        let (mut count, mut sub_folders, mut temporary) = (0_u64, 0_u64, 0_u64);
        for entry in list(folder.as_fd()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            match entry.kind {
                EntryKind::Folder if entry.is_hidden() => {}
                EntryKind::Folder => sub_folders += 1,
                _ if self.layout.is_temporary(&entry.name) => temporary += 1,
                _ => count += 1,
            }
        }
        if temporary > 0 {
            // A program that renames its files writes more of them, perhaps between the next listing and a swap.
            self.given_back(label);
        }
        if count == 0 {
            return Ok(Claim { sub_folders, ..Claim::default() });
        }
        let claim = Claim { sub_folders, ..Claim::default() };
        if let Some(files_max) = bulk_files_max(count) {
            return self.claim_files(&path, folder.as_fd(), label, Some(files_max), claim);
        }
        // What goes back goes to the folder whose name is the label.
        let swap_banned = self.gave_back_lately(label) || folder_name != label.as_str();
        if count > self.claim_files
            && sub_folders == 0
            && !swap_banned
            && let Some((id, batch_path)) = self.swap(&path, folder.as_fd(), label)?
        {
            let batch = Batch::from_parts(id, batch_path, folder);
            self.give_back_temporary(&batch)?;
            return Ok(Claim { batch: Some(batch), swapped: true, messages: count, ..Claim::default() });
        }
        self.claim_files(&path, folder.as_fd(), label, None, claim)
    }

    /// Gives back files that got a temporary name between the listing and the swap: a copier is about to rename them.
    fn give_back_temporary(&mut self, batch: &Batch) -> Result<(), SpoolError> {
        let mut any = false;
        for entry in batch.entries()? {
            let entry = entry?;
            if entry.kind != EntryKind::Folder && self.layout.is_temporary(&entry.name) {
                batch.give_back(&self.layout, &entry.name)?;
                any = true;
            }
        }
        if any {
            self.given_back(batch.label());
        }
        Ok(())
    }

    fn gave_back_lately(&self, label: &Label) -> bool {
        self.no_swap_until.get(label).is_some_and(|until| *until > Instant::now())
    }

    /// Claims file by file, at most [`Self::claim_files`] of them, or `bulk_files_max` for a bulk batch. Files that
    /// cannot be taken now do not count, so they never hide the files behind them. The files of a bulk batch are not
    /// checked, like those of a swapped folder: the reader gives back what cannot be read yet. That saves a fifth of a
    /// drain.
    fn claim_files(
        &self,
        path: &Path,
        folder: BorrowedFd<'_>,
        label: &Label,
        bulk_files_max: Option<u64>,
        mut claim: Claim,
    ) -> Result<Claim, SpoolError> {
        let files_max = bulk_files_max.unwrap_or(self.claim_files);
        let is_checked = bulk_files_max.is_none() || self.gave_back_lately(label);
        let failed = |error| SpoolError::io("list", path, error);
        for entry in list(folder).map_err(failed)? {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if claim.messages == 0 => return Err(failed(error)),
                // What is claimed already goes on; the next claim meets the error again.
                Err(error) => {
                    claim.cut_short = Some(failed(error));
                    break;
                }
            };
            if entry.kind == EntryKind::Folder || self.layout.is_temporary(&entry.name) {
                continue;
            }
            if claim.messages == files_max {
                claim.more = true;
                break;
            }
            if entry.kind == EntryKind::File && is_checked {
                match open_if_closed(folder, &entry.name, self.write_age) {
                    Ok(_) => {}
                    Err(ReadError::BeingWritten) => {
                        claim.being_written += 1;
                        continue;
                    }
                    Err(ReadError::Unreadable(error)) => {
                        claim.unreadable += 1;
                        claim.first_unreadable.get_or_insert((entry.name, error));
                        continue;
                    }
                    // It is claimed all the same: the reader says what it is.
                    Err(ReadError::NotAFile) => {}
                    Err(ReadError::Gone) => continue,
                }
            }
            let batch = match &claim.batch {
                Some(batch) => batch,
                None => {
                    let id = self.worker.new_batch_id(label, bulk_files_max.is_some());
                    let batch_path = self.worker.folder().join(&id);
                    claim.batch.insert(Batch::create(id, batch_path)?)
                }
            };
            let name = entry.name.as_os_str();
            match rename_at(folder, name, batch.folder(), name) {
                Ok(()) => claim.messages += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // This may be one file only: an immutable one, or another user's in a sticky folder.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    claim.unreadable += 1;
                    claim.first_unreadable.get_or_insert((entry.name, error));
                }
                Err(error) => {
                    let error = SpoolError::io("claim", path.join(name), error);
                    if claim.messages == 0 {
                        batch.remove_if_empty()?;
                        return Err(error);
                    }
                    claim.cut_short = Some(error);
                    break;
                }
            }
        }
        if claim.messages == 0
            && let Some(batch) = claim.batch.take()
        {
            batch.remove_if_empty()?;
        }
        Ok(claim)
    }

    /// Swaps the folder for an empty one. None when this file system or this folder does not allow it.
    fn swap(
        &self,
        path: &Path,
        folder: BorrowedFd<'_>,
        label: &Label,
    ) -> Result<Option<(String, PathBuf)>, SpoolError> {
        if !self.can_swap.load(Ordering::Relaxed) || has_acl(folder) {
            return Ok(None);
        }
        let id = self.worker.new_batch_id(label, false);
        let batch_path = self.worker.folder().join(&id);
        let batch = Batch::create(id.clone(), batch_path.clone())?;
        let give_up = || batch.remove_if_empty().map(|_| None);
        if !same_owner_and_mode(folder, batch.folder()) {
            return give_up();
        }
        match exchange(path, &batch_path) {
            Ok(()) => Ok(Some((id, batch_path))),
            Err(error) => {
                tracing::debug!(%error, folder = label.as_str(), "no swap of folders here: claiming file by file");
                // Other errors concern this one folder: a mount, or another user's folder in a sticky one.
                if is_unsupported(&error) {
                    self.can_swap.store(false, Ordering::Relaxed);
                }
                give_up()
            }
        }
    }
}
