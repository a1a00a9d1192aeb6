//! Where things are in a spool, and the checks before it is used.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::set_aside_folders::is_set_aside;
use super::{Label, SpoolError, TemporaryNames};

/// The folders of one spool. Made where they lack; all on one file system, which renames need.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    /// Where `incoming` really is, should it be a symbolic link to where the client writes.
    incoming: PathBuf,
    temporary_names: TemporaryNames,
}

impl Layout {
    /// Makes the folders that lack and checks that a rename can move between all of them.
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

    /// The same paths, for whoever only looks: nothing is made and nothing is checked.
    pub fn at(root: &Path) -> Layout {
        let incoming = root.join("incoming");
        Layout {
            root: root.to_owned(),
            incoming: fs::canonicalize(&incoming).unwrap_or(incoming),
            temporary_names: TemporaryNames::default(),
        }
    }

    /// The same folders, where more names than the known ones are temporary.
    pub fn with_temporary_names(self, temporary_names: TemporaryNames) -> Layout {
        Layout { temporary_names, ..self }
    }

    /// The names in `incoming` that are left alone until they are renamed.
    pub fn temporary_names(&self) -> &TemporaryNames {
        &self.temporary_names
    }

    /// Whether a file of this name is left alone until it is renamed.
    pub fn is_temporary(&self, name: &OsStr) -> bool {
        self.temporary_names.is_temporary(name)
    }

    /// Whether no worker would take a file of this name from this folder in `incoming`: one of both says that it is to be
    /// left alone.
    pub(super) fn is_left_alone(&self, folder: &Label, name: &OsStr) -> bool {
        is_set_aside(OsStr::new(folder.as_str())) || self.is_temporary(name)
    }

    /// Whether anything of a spool is there. What can't be looked at may be.
    pub fn is_there(&self) -> bool {
        let is_absent = |path: PathBuf| {
            fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        !(is_absent(self.root.join("incoming")) && is_absent(self.claimed()))
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn incoming(&self) -> PathBuf {
        self.incoming.clone()
    }

    pub fn claimed(&self) -> PathBuf {
        self.root.join("claimed")
    }

    pub fn dead(&self) -> PathBuf {
        self.root.join("dead")
    }

    pub fn done(&self) -> PathBuf {
        self.root.join("done")
    }

    /// Where workers note what they delivered, for who looks; made by the first that does.
    pub fn flow(&self) -> PathBuf {
        self.root.join("flow")
    }

    /// An empty file, whose time is when the last row came; made by the first worker that delivers one.
    pub fn last_row(&self) -> PathBuf {
        self.root.join("last_row")
    }

    /// When the last drains ended; made by the first.
    pub fn drains(&self) -> PathBuf {
        self.root.join("drains.json")
    }

    /// Made by the first packer; it may be on another file system.
    pub fn archive(&self) -> PathBuf {
        self.root.join("archive")
    }

    /// One lock file a dataset folder: whoever holds it may list and claim that folder.
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
