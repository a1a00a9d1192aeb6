//! Removing files that somebody else may have removed already.

use std::fs;
use std::io;
use std::path::Path;

use super::SpoolError;

/// Takes a file that is already gone for removed.
pub(super) fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes a file, if it is still there.
pub(super) fn remove_file(path: &Path) -> Result<(), SpoolError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SpoolError::io("remove", path, error)),
        _ => Ok(()),
    }
}
