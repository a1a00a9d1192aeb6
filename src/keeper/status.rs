//! What the keeper tells the rest of its worker.

use std::sync::{Mutex, MutexGuard};

use super::dead_limit::DeadLimit;
use crate::locks::Unpoisoned;
use crate::spool::now_ms;

/// How full `dead` is, and what the keeper fails at. The worker, its metrics and its news all read it.
#[derive(Debug, Default)]
pub(crate) struct KeeperStatus {
    /// How full `dead` is.
    pub dead: DeadLimit,
    packing: LastingFailure,
    cleanup: LastingFailure,
}

impl KeeperStatus {
    /// Why the keeper cannot pack delivered messages, and since when, in ms since 1970 UTC. `None`: it can.
    pub(crate) fn packing_failure(&self) -> Option<(String, i64)> {
        self.packing.locked().clone()
    }

    /// Why the keeper cannot delete what is over a limit, and since when, in ms since 1970 UTC. `None`: it can.
    pub(crate) fn cleanup_failure(&self) -> Option<(String, i64)> {
        self.cleanup.locked().clone()
    }

    pub(super) fn set_packing_failure(&self, why: Option<String>) {
        self.packing.set(why);
    }

    pub(super) fn set_cleanup_failure(&self, why: Option<String>) {
        self.cleanup.set(why);
    }
}

/// Why something fails, and since when, in ms since 1970 UTC.
#[derive(Debug, Default)]
struct LastingFailure(Mutex<Option<(String, i64)>>);

impl LastingFailure {
    /// Another reason does not change since when it has failed. `None`: it works again.
    fn set(&self, why: Option<String>) {
        let mut failure = self.locked();
        let since_ms = failure.as_ref().map_or_else(now_ms, |(_, since_ms)| *since_ms);
        *failure = why.map(|why| (why, since_ms));
    }

    fn locked(&self) -> MutexGuard<'_, Option<(String, i64)>> {
        self.0.lock().unpoisoned()
    }
}
