//! Messages that are on their way to `dead`.
//!
//! A message may arrive whole while an earlier one of its name is being buried. It is settled after that burial, so
//! that its settler finds the dead letter and can delete it. If the worker dies in between, or another worker buries
//! the earlier one, the letter may stay.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::ending::Ending;
use crate::locks::Unpoisoned;
use crate::spool::{DeadFolder, Label, Layout};

/// The messages that this worker will bury.
#[derive(Debug, Default)]
pub(super) struct Burials {
    /// How many there are. It is read without the lock, since there are mostly none.
    count: AtomicUsize,
    /// How many have ended since the start.
    ended: AtomicU64,
    /// How many there are of each label of a dataset's folder and name of a message.
    under_way: Mutex<HashMap<(String, OsString), usize>>,
}

impl Burials {
    /// Notes those of these messages that will be buried.
    pub(super) fn begin(&self, label: &str, endings: &[(OsString, Ending)]) {
        for (name, _) in endings.iter().filter(|(_, ending)| ending.letter().is_some()) {
            *self.locked().entry((label.to_owned(), name.clone())).or_default() += 1;
            self.count.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The message is buried, or its burial will begin again.
    pub(super) fn end(&self, label: &str, name: &OsStr) {
        // Before it is removed below: a thread that sees no burial under way must find the letter.
        self.ended.fetch_add(1, Ordering::AcqRel);
        let mut under_way = self.locked();
        let key = (label.to_owned(), name.to_owned());
        let count = under_way.get_mut(&key).expect("what ends has begun");
        *count -= 1;
        if *count == 0 {
            under_way.remove(&key);
        }
        self.count.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) fn is_under_way(&self, label: &str, name: &OsStr) -> bool {
        self.count.load(Ordering::Acquire) > 0
            && self.locked().contains_key(&(label.to_owned(), name.to_owned()))
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<(String, OsString), usize>> {
        self.under_way.lock().unpoisoned()
    }
}

/// The dead letters of one dataset, listed once for many messages, and again after a burial.
pub(super) struct LettersOfDataset<'a> {
    burials: &'a Burials,
    layout: &'a Layout,
    label: &'a Label,
    /// How many burials had ended before the listing.
    burials_seen: u64,
    folder: Option<DeadFolder>,
}

impl<'a> LettersOfDataset<'a> {
    pub(super) fn new(burials: &'a Burials, layout: &'a Layout, label: &'a Label) -> LettersOfDataset<'a> {
        let burials_seen = burials.ended.load(Ordering::Acquire);
        LettersOfDataset { burials, layout, label, burials_seen, folder: DeadFolder::of(layout, label) }
    }

    /// `None` where the dataset has no dead letters.
    pub(super) fn folder(&mut self) -> Option<&DeadFolder> {
        let ended = self.burials.ended.load(Ordering::Acquire);
        if self.burials_seen != ended {
            self.burials_seen = ended;
            self.folder = DeadFolder::unlisted(self.layout, self.label);
        }
        self.folder.as_ref()
    }
}
