//! Keeps the first error when the rest is done all the same.

use crate::spool::SpoolError;

/// The first error of many.
#[derive(Default)]
pub(super) struct FirstError {
    pub(super) first: Option<SpoolError>,
}

impl FirstError {
    /// The result, or its default if it failed.
    pub(super) fn unless<T: Default>(&mut self, result: Result<T, SpoolError>) -> T {
        result.unwrap_or_else(|error| {
            self.first.get_or_insert(error);
            T::default()
        })
    }
}
