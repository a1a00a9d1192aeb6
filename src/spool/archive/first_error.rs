//! Keeping the first error of many.

use crate::spool::SpoolError;

/// The first of what went wrong, where the rest is done all the same.
#[derive(Default)]
pub(super) struct FirstError {
    pub(super) first: Option<SpoolError>,
}

impl FirstError {
    /// What came of it; nothing where it failed.
    pub(super) fn unless<T: Default>(&mut self, result: Result<T, SpoolError>) -> T {
        result.unwrap_or_else(|error| {
            self.first.get_or_insert(error);
            T::default()
        })
    }
}
