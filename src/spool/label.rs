//! The label of a dataset's folder.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::hashed_name::hashed_name;

/// The longest label, in bytes.
const LABEL_MAX: usize = 100;

/// The name by which a folder under `incoming` goes in batch ids, lock files and `dead`: its own where that is plain
/// (letters, digits, `_`, `-`, `.`, at most 100 of them, no leading dot). Else it is one of letters, digits and `_` that ends
/// with a hash of the folder's name in upper case, so that no two folders have one label; the same hash makes the name of
/// such a dataset.
pub fn folder_label(folder: &OsStr) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name = folder.to_string_lossy();
    if name.len() <= LABEL_MAX && !name.starts_with('.') && name.chars().all(is_plain) {
        return name.into_owned();
    }
    hashed_name(folder.as_bytes(), LABEL_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_folder_names_are_their_own_label() {
        for name in ["BOALF", "SYS_WARN", "mibm_mid", "E0361", "OCNMF3Y2", "a-b.c"] {
            assert_eq!(folder_label(OsStr::new(name)), name);
        }
    }

    #[test]
    fn odd_folder_names_get_a_label_that_is_its_own_label() {
        for name in ["new\nline", "a b", "..", "ünï", &"x".repeat(255)] {
            let label = folder_label(OsStr::new(name));
            assert_eq!(folder_label(OsStr::new(&label)), label);
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
            assert_ne!(folder_label(OsStr::new(one)), folder_label(OsStr::new(other)));
        }
    }
}
