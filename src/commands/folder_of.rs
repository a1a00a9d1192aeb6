//! The folder that a file is in.

use std::path::Path;

/// The folder of a file; the working folder where the path is a bare name.
pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
