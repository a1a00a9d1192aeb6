//! The label of a dataset's folder: its name in batch ids, logs and every folder of the spool but `incoming`.

use std::borrow::Borrow;
use std::ffi::OsStr;
use std::fmt;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::hashed_name::hashed_name;

/// The longest label, in bytes.
const LABEL_MAX: usize = 100;

/// The name by which a folder under `incoming` goes in batch ids, lock files, logs, `dead`, `done` and the archive.
///
/// The folder itself may have any name that a disk can hold, so that one is an `OsStr`. The dataset is Elexon's: the
/// catalog makes its name from the label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

impl Label {
    /// The label of a folder under `incoming`. A plain name is its own label: ASCII letters, digits, `_`, `-` and `.`,
    /// at most 100 of them, no dot in front. Any other name becomes a plain one that ends with a hash, so that no two
    /// folders have the same label.
    pub fn of(folder: &OsStr) -> Label {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let name = folder.to_string_lossy();
        if name.len() <= LABEL_MAX && !name.starts_with('.') && name.chars().all(is_plain) {
            return Label(name.into_owned());
        }
        Label(hashed_name(folder.as_bytes(), LABEL_MAX))
    }

    /// The label that a folder of `dead` or of the archive has as its name. A person may have called it anything.
    pub(super) fn of_labelled(folder: &OsStr) -> Label {
        Label(folder.to_string_lossy().into_owned())
    }

    /// The label in a batch's id.
    pub(super) fn of_batch(id: &str) -> Label {
        Label(id.split_once('.').map_or("unknown", |(_, label)| label).to_owned())
    }

    /// The label as text: for a `Label` in a field of a log line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Label {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Label {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for Label {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl PartialEq<str> for Label {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl fmt::Display for Label {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_folder_names_are_their_own_label() {
        for name in ["BOALF", "SYS_WARN", "mibm_mid", "E0361", "OCNMF3Y2", "a-b.c"] {
            assert_eq!(*Label::of(OsStr::new(name)), *name);
        }
    }

    #[test]
    fn odd_folder_names_get_a_label_that_is_its_own_label() {
        for name in ["new\nline", "a b", "..", "ünï", &"x".repeat(255)] {
            let label = Label::of(OsStr::new(name));
            assert_eq!(Label::of(OsStr::new(label.as_str())), label);
            assert!(
                !label.starts_with('.') && label.len() <= 100 && !label.contains(['/', '\n', ' ']),
                "{label:?}"
            );
        }
    }

    #[test]
    fn no_two_odd_folder_names_have_one_label() {
        let long = |end: &str| format!("{}{end}", "x".repeat(200));
        for (one, other) in [("日本", "中国"), ("a'b", "a\nb"), ("a b", "a_b"), (&long("1"), &long("2"))]
        {
            assert_ne!(Label::of(OsStr::new(one)), Label::of(OsStr::new(other)));
        }
    }
}
