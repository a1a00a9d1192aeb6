//! Locks without the question whether they are poisoned.
//!
//! A lock is poisoned when a thread panics while it holds it. In this program a panic ends the process (see `main`), so
//! no thread ever sees a poisoned lock.

use std::sync::LockResult;

/// Takes what a lock, a wait for a lock or the end of a lock gives, poisoned or not.
pub(crate) trait Unpoisoned {
    /// What a lock gives: a guard, or the value in it.
    type Content;

    /// The guard or the value.
    fn unpoisoned(self) -> Self::Content;
}

impl<T> Unpoisoned for LockResult<T> {
    type Content = T;

    fn unpoisoned(self) -> T {
        self.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
