//! Folders in `incoming` that somebody set aside, such as `BOD_SKIP`.

use std::ffi::OsStr;

use crate::hashed_name::is_hashed_name;

/// A folder whose first or last word is one of these is set aside: `BOD_SKIP`, `BOD copy 2`, `old`.
const WORDS: [&str; 24] = [
    "archive",
    "archived",
    "backup",
    "backups",
    "bak",
    "copy",
    "dead",
    "deleted",
    "disabled",
    "done",
    "error",
    "errors",
    "failed",
    "ignore",
    "ignored",
    "old",
    "orig",
    "original",
    "processed",
    "quarantine",
    "skip",
    "skipped",
    "trash",
    "unused",
];

/// Whether the name of a folder says that it belongs to no dataset, so that irispool leaves it alone.
///
/// Elexon's names for datasets have letters, digits and underscores. So a folder is set aside when its name has a dot,
/// begins with one of `_ @ # $ ~`, ends with `~` or a number in brackets, is `lost+found`, or begins or ends with one
/// of [`WORDS`] in any case. Numbers behind the last word do not count. Any other folder may be that of a new dataset.
///
/// A folder whose name is the label of another, such as `___FF1A1BC0` for `日本`, is not set aside: what a worker or
/// `dead retry` gives back goes there, and a worker must take it again.
pub(super) fn is_set_aside(folder: &OsStr) -> bool {
    let name = folder.to_string_lossy();
    if is_hashed_name(&name) {
        return false;
    }
    if name.contains('.') || name.starts_with(['_', '@', '#', '$', '~']) || name.ends_with('~') {
        return true;
    }
    if name == "lost+found" || ends_with_number_in_brackets(&name) {
        return true;
    }
    let is_marker = |word: &&str| WORDS.iter().any(|marker| marker.eq_ignore_ascii_case(word));
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.clone().next();
    let last = words.rfind(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
    first.as_ref().is_some_and(is_marker) || last.as_ref().is_some_and(is_marker)
}

fn ends_with_number_in_brackets(name: &str) -> bool {
    let number = name.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')).map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_and_file_systems_set_aside_is_known() {
        for name in [
            "BOD_SKIP",
            "BOD.old",
            "BOD copy",
            "BOD copy 2",
            "BOD - Copy",
            "Copy of BOD",
            "lost+found",
            "_errors",
            "BOD (1)",
            "BOD.bak",
            "old",
            "OLD",
            "backup",
            ".hidden",
            "BOD-old",
            "old_BOD",
            "BOD~",
            "@eaDir",
            "$RECYCLE.BIN",
            "#recycle",
            "BOD.2025-11-28",
            "BOD.part",
            "BOD_SKIP_20251128",
            "BOD.old_FF1A1BC0",
            "_errors_12345678",
        ] {
            assert!(is_set_aside(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_folder_that_is_called_as_a_label_is_not_set_aside() {
        for name in ["日本", "(x)", "copyé", "!new", "é", "x'olden", "'"] {
            let folder = OsStr::new(name);
            assert!(!is_set_aside(folder), "{name}");
            let label = crate::spool::Label::of(folder);
            assert!(!is_set_aside(OsStr::new(label.as_str())), "{name}: {label}");
        }
    }

    #[test]
    fn what_may_be_a_dataset_is_not_set_aside() {
        for name in [
            "BOD",
            "NEWDS",
            "newds",
            "mibm_mid2",
            "E0361",
            "SYS_WARN",
            "OCNMF3Y2",
            "TEMP",
            "unknown",
            "new-set",
            "日本",
            "a'b",
            "a\nb",
            "a b",
            "-x",
            "SOLD",
            "SCOPY",
            "(x)",
            "",
        ] {
            assert!(!is_set_aside(OsStr::new(name)), "{name}");
        }
    }
}
