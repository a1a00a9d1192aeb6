//! Messages that are on their way to `dead`. One that comes again meanwhile, whole, is settled after its burial: so the
//! letter is there, and can go. (A worker that dies between the two, or another worker, may still bury it later.)

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Shared;
use super::settle::Ending;
use crate::spool::{DeadFolder, Label};

#[derive(Debug, Default)]
pub(super) struct Burials {
    /// How many there are, to be asked without the lock: mostly there are none.
    count: AtomicUsize,
    /// How many have ended.
    ended: AtomicU64,
    /// By the dataset's folder and the name, how often.
    under_way: Mutex<HashMap<(String, OsString), usize>>,
}

impl Burials {
    /// Those of these messages that are dead will be buried.
    pub(super) fn begin(&self, label: &str, endings: &[(OsString, Ending)]) {
        for (name, ending) in endings {
            if ending.is_dead() {
                *self.locked().entry((label.to_owned(), name.clone())).or_default() += 1;
                self.count.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    /// It is buried, or will be begun again.
    pub(super) fn end(&self, label: &str, name: &OsStr) {
        // Before it is not under way any more: who sees that must see the letter, too.
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
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a dataset has in `dead`, listed once for some messages, and looked at anew after a burial.
pub(super) struct Dead<'s> {
    shared: &'s Shared,
    label: &'s Label,
    ended: u64,
    folder: Option<DeadFolder>,
}

impl<'s> Dead<'s> {
    pub(super) fn of(shared: &'s Shared, label: &'s Label) -> Dead<'s> {
        let ended = shared.burials.ended.load(Ordering::Acquire);
        Dead { shared, label, ended, folder: DeadFolder::of(&shared.layout, label) }
    }

    /// None where there is nothing.
    pub(super) fn folder(&mut self) -> Option<&DeadFolder> {
        let ended = self.shared.burials.ended.load(Ordering::Acquire);
        if self.ended != ended {
            self.ended = ended;
            self.folder = DeadFolder::unlisted(&self.shared.layout, self.label);
        }
        self.folder.as_ref()
    }
}
