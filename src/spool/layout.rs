//! The paths of a spool, and the checks before it is used.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::set_aside_folders::is_set_aside;
use super::{SpoolError, TemporaryNames};

/// The folders of one spool. All but the archive are on one file system, because a rename cannot leave it.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    /// The real path of `incoming`, which may be a symbolic link to the folder where the client writes.
    incoming: PathBuf,
    temporary_names: TemporaryNames,
}

impl Layout {
    /// Makes the folders that are missing, and checks that a rename can move a file between all of them.
    pub fn open(root: &Path) -> Result<Layout, SpoolError> {
        let mut layout = Layout {
            root: root.to_owned(),
            incoming: root.join("incoming"),
            temporary_names: TemporaryNames::default(),
        };
        let folders =
            [layout.incoming(), layout.claimed(), layout.dead(), layout.done(), layout.dataset_locks()];
        for folder in &folders {
            match fs::create_dir_all(folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(SpoolError::NotAFolder { path: folder.clone() });
                }
                Err(error) => return Err(SpoolError::io("make the folder", folder, error)),
            }
        }
        layout.incoming = fs::canonicalize(&layout.incoming)
            .map_err(|error| SpoolError::io("look at", &layout.incoming, error))?;
        let device = |path: &PathBuf| {
            fs::metadata(path)
                .map(|found| found.dev())
                .map_err(|error| SpoolError::io("look at", path, error))
        };
        let first = device(&folders[0])?;
        for folder in &folders[1..] {
            if device(folder)? != first {
                return Err(SpoolError::OtherFileSystem {
                    first: folders[0].clone(),
                    second: folder.clone(),
                });
            }
        }
        Ok(layout)
    }

    /// The same paths for a caller that only looks. This makes nothing and checks nothing.
    pub fn at(root: &Path) -> Layout {
        let incoming = root.join("incoming");
        Layout {
            root: root.to_owned(),
            incoming: fs::canonicalize(&incoming).unwrap_or(incoming),
            temporary_names: TemporaryNames::default(),
        }
    }

    /// The same folders, with more temporary names than the known ones.
    pub fn with_temporary_names(self, temporary_names: TemporaryNames) -> Layout {
        Layout { temporary_names, ..self }
    }

    /// The names in `incoming` that irispool leaves alone until somebody renames the files.
    pub fn temporary_names(&self) -> &TemporaryNames {
        &self.temporary_names
    }

    /// Whether irispool leaves a file of this name alone until somebody renames it.
    pub fn is_temporary(&self, name: &OsStr) -> bool {
        self.temporary_names.is_temporary(name)
    }

    /// Whether no worker would take a file of this name from this folder in `incoming`: the folder is set aside, or the
    /// name is temporary.
    pub(super) fn is_left_alone(&self, folder: impl AsRef<Path>, name: &OsStr) -> bool {
        is_set_aside(folder.as_ref().as_os_str()) || self.is_temporary(name)
    }

    /// Whether there is anything of a spool. A folder that cannot be looked at may exist.
    pub fn is_there(&self) -> bool {
        let is_absent = |path: PathBuf| {
            fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        !(is_absent(self.root.join("incoming")) && is_absent(self.claimed()))
    }

    /// The folder that the setting `spool` names.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the client writes messages. Symbolic links are resolved.
    pub fn incoming(&self) -> PathBuf {
        self.incoming.clone()
    }

    /// The folders of the workers.
    pub fn claimed(&self) -> PathBuf {
        self.root.join("claimed")
    }

    /// Dead letters.
    pub fn dead(&self) -> PathBuf {
        self.root.join("dead")
    }

    /// The list of the days that `irispool verify` has found complete.
    pub fn verified_days(&self) -> PathBuf {
        self.root.join("verified.jsonl")
    }

    /// Delivered messages that are kept, or wait for the packer.
    pub fn done(&self) -> PathBuf {
        self.root.join("done")
    }

    /// Where workers log what they delivered, for `status` and alerts. The first worker that does makes it.
    pub fn flow(&self) -> PathBuf {
        self.root.join("flow")
    }

    /// An empty file whose time says when the last row came. The first worker that delivers a row makes it.
    pub fn last_row(&self) -> PathBuf {
        self.root.join("last_row")
    }

    /// When the last drains ended. The first drain makes it.
    pub fn drains(&self) -> PathBuf {
        self.root.join("drains.json")
    }

    /// When a worker last saw Elexon's client on its machine. The first worker that sees it makes it.
    pub fn client_note(&self) -> PathBuf {
        self.root.join("client.json")
    }

    /// The packed messages. The first packer makes the folder; it may be on another file system.
    pub fn archive(&self) -> PathBuf {
        self.root.join("archive")
    }

    /// The lock files of datasets' folders, dead letters and archives.
    pub fn dataset_locks(&self) -> PathBuf {
        self.root.join("claimed").join(".locks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_where_a_folder_should_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("dead"), b"").unwrap();
        let error = Layout::open(folder.path()).unwrap_err();
        assert!(matches!(error, SpoolError::NotAFolder { ref path } if path.ends_with("dead")), "{error}");
    }
}
