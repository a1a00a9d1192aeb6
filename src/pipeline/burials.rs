//! Messages that are on their way to `dead`. One that comes again meanwhile, whole, is settled after its burial: so the
//! letter is there, and can go. (A worker that dies between the two, or another worker, may still bury it later.)

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::settle::Ending;

#[derive(Debug, Default)]
pub(super) struct Burials {
    /// How many there are, to be asked without the lock: mostly there are none.
    count: AtomicUsize,
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
