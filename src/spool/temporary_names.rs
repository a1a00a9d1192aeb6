//! Temporary names: programs write a file under such a name before they rename it.
//!
//! A copier may write `X.json.partial`, close it, and then rename it to `X.json`. A worker that took the closed file
//! before the rename would load it under the wrong name, and the rename would fail.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Endings of temporary names. Upper or lower case does not matter.
const ENDINGS: [&str; 13] = [
    // Copiers and browsers: rclone, curl and aria2 wrappers, WinSCP, Chrome, Firefox, Safari.
    ".part",
    ".partial",
    ".tmp",
    ".temp",
    ".filepart",
    ".crdownload",
    ".download",
    // gsutil.
    "_.gstmp",
    // Editors: Vim, Emacs and many more.
    ".swp",
    ".swo",
    ".swx",
    "~",
    // Uploaders.
    ".uploading",
];

/// Where Finder keeps the picture that a user gave to a folder.
const FOLDER_PICTURE: &[u8] = b"Icon\r";

/// Which names in `incoming` are temporary: those that irispool knows, and those that the user adds.
///
/// irispool knows hidden names (rsync writes `.name.XXXXXX`), names with one of [`ENDINGS`], `#name#` (Emacs),
/// `sedXXXXXX` (`sed -i`), `tmp.XXXXXXXXXX` (mktemp), and `name.json.XXXXXXXX` with eight hexadecimal digits (the AWS
/// command line), and the files that macOS's Finder creates ([`is_finders`]). No message id looks like one of these: it
/// begins with its dataset and has a time in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemporaryNames {
    added: Vec<String>,
}

impl TemporaryNames {
    /// The known names and these patterns, in which `*` stands for any characters. None when a pattern cannot match a
    /// file's name, or would match every name.
    pub fn with(added: Vec<String>) -> Option<TemporaryNames> {
        let is_usable = |pattern: &String| {
            pattern.chars().any(|c| c != '*') && !pattern.contains('/') && !pattern.contains(char::is_control)
        };
        added.iter().all(is_usable).then_some(TemporaryNames { added })
    }

    /// The patterns that the user added.
    pub fn added(&self) -> &[String] {
        &self.added
    }

    /// Whether a file of this name is about to be renamed.
    pub fn is_temporary(&self, name: &OsStr) -> bool {
        let name = name.as_bytes();
        is_known(name) || self.added.iter().any(|pattern| matches(pattern.as_bytes(), name))
    }
}

fn is_known(name: &[u8]) -> bool {
    let has_ending = |ending: &str| {
        name.len() >= ending.len()
            && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
    };
    // Hidden names are the most common, and this runs for every message.
    name.starts_with(b".") || ENDINGS.iter().any(|ending| has_ending(ending)) || has_form(name)
}

/// Whether macOS's Finder makes a file of this name: `.DS_Store` in each folder that it shows, `._name` beside a file
/// that it copies to a disk that is not Apple's, `.localized`, and [`FOLDER_PICTURE`]. They stay in `incoming` and are
/// no sign of a copier that died.
pub(super) fn is_finders(name: &OsStr) -> bool {
    let name = name.as_bytes();
    matches!(name, b".DS_Store" | b".localized" | FOLDER_PICTURE) || name.starts_with(b"._")
}

fn has_form(name: &[u8]) -> bool {
    let random =
        |text: &[u8], length: usize| text.len() == length && text.iter().all(u8::is_ascii_alphanumeric);
    if name.len() > 2 && name.starts_with(b"#") && name.ends_with(b"#") || name == FOLDER_PICTURE {
        return true;
    }
    if name.strip_prefix(b"sed").is_some_and(|rest| random(rest, 6))
        || name.strip_prefix(b"tmp.").is_some_and(|rest| random(rest, 10))
    {
        return true;
    }
    let Some((before, digits)) = name.split_at_checked(name.len().saturating_sub(8)) else { return false };
    before.ends_with(b".json.") && digits.len() == 8 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Whether the pattern matches the whole name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut parts = pattern.split(|byte| *byte == b'*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts.filter(|part| !part.is_empty()) {
        let Some(at) = rest.windows(part.len()).position(|window| window == part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_temporary(name: &str) -> bool {
        TemporaryNames::default().is_temporary(OsStr::new(name))
    }

    #[test]
    fn what_programs_write_before_they_rename_is_temporary() {
        for name in [
            "m.json.a1b2c3d4.partial",
            "m.json.part",
            "m.tmp",
            "M.TMP",
            "m.json.temp",
            "m.json.filepart",
            "m.json.crdownload",
            "m.json_.gstmp",
            ".m.json.swp",
            "m.json.swx",
            "m.json~",
            "#m.json#",
            "sedAb3xYz",
            "tmp.AbCdEfGh12",
            ".m.json.Xa3b2c",
            ".nfs0000000001",
            "m.json.6eF4a3B2",
            ".DS_Store",
            "._m.json",
            ".localized",
            "Icon\r",
        ] {
            assert!(is_temporary(name), "{name}");
        }
    }

    #[test]
    fn message_ids_are_not_temporary() {
        for name in [
            "BOALF_202510271648_10262.json",
            "ABUC_202311140741_NGET-EMFIP-ABUC-00689167-1.json",
            "MELS_202305240800_25465.bmr",
            "FREQ_251027T164812_123456.json",
            "TEMP_2025-10-27T16-48-12_123.json",
            "no-ending",
            "partial",
            "tmp",
            "a~2",
            "m.json~2",
            "sedation",
            "m.json.gz",
            "m.tmp.json",
            "#",
            "##",
        ] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    #[test]
    fn patterns_are_added() {
        let names = ["*.new", "up-*-load", "exact"].map(str::to_owned);
        let names = TemporaryNames::with(names.into()).unwrap();
        for name in ["m.json.new", ".new", "up-1-load", "up--load", "exact", "m.part"] {
            assert!(names.is_temporary(OsStr::new(name)), "{name}");
        }
        for name in ["m.json", "m.new.json", "up-load", "exactly", "not exact"] {
            assert!(!names.is_temporary(OsStr::new(name)), "{name}");
        }
        for bad in ["", "*", "**", "a/b"] {
            assert_eq!(TemporaryNames::with(vec![bad.to_owned()]), None, "{bad}");
        }
    }
}
