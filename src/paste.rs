//! Quotes words of commands that people paste into a shell. Without quotes, a path with a space in it would become two
//! paths.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path, or another word, in a form that any POSIX shell reads back: bare if that is safe, else in quotes. The result
/// is one line of printable text whatever bytes are in the word, so it survives the terminal and the log.
///
/// A word that begins with `-` gets `./` before it. As a path it means the same, and no command takes it for an option.
pub(crate) fn word(word: impl AsRef<OsStr>) -> String {
    let bytes = word.as_ref().as_bytes();
    let bytes =
        if bytes.starts_with(b"-") { Cow::Owned([b"./", bytes].concat()) } else { Cow::Borrowed(bytes) };
    match std::str::from_utf8(&bytes) {
        Ok(text) if !text.is_empty() && text.bytes().all(is_bare) => text.to_owned(),
        Ok(text) if crate::observe::plain(text) == text => format!("'{}'", text.replace('\'', r"'\''")),
        _ => by_printf(&bytes),
    }
}

/// As [`word`], for a path, which is made absolute so that the command works in every folder.
pub(crate) fn path(path: &Path) -> String {
    word(std::path::absolute(path).as_deref().unwrap_or(path))
}

fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-:,+@%".contains(&byte)
}

/// `"$(printf '/a\012b')"`: the one form for unprintable bytes that all shells share.
fn by_printf(bytes: &[u8]) -> String {
    let mut word = String::from("\"$(printf '");
    for byte in bytes {
        match byte {
            b'/' | b'.' | b'_' | b' ' => word.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => word.push(char::from(*byte)),
            // A String takes every write.
            byte => drop(write!(word, "\\{byte:03o}")),
        }
    }
    // `$(…)` drops line breaks at the end, and the rest may be the name of another file. With a slash behind it, the
    // path is the same if it is a folder, and does not exist if it is a file.
    if bytes.ends_with(b"\n") {
        word.push('/');
    }
    word + "')\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::process::Command;

    #[test]
    fn a_shell_reads_each_word_back_as_it_was() {
        let words: [&[u8]; 18] = [
            b"/srv/iris/irispool.db",
            b"/tmp/JJ work",
            b"/tmp/it's",
            b"/tmp/\"quoted\"",
            b"/tmp/$(touch gone)",
            b"/tmp/`touch gone`",
            b"/tmp/a;b&c|d>e<f",
            b"/tmp/*?[a]",
            b"~/x",
            b"#x",
            b"a=b!c{d,e}\\",
            b"",
            b"/tmp/a\nb",
            b"/tmp/a\tb \x1b[2J'%s\\n",
            b"/tmp/\xff\xfe",
            "/tmp/Grüße 電力".as_bytes(),
            "/tmp/\u{202e}txt".as_bytes(),
            b"/tmp/ends with a break\n/file",
        ];
        for bytes in words {
            let quoted = word(OsStr::from_bytes(bytes));
            assert_eq!(crate::observe::plain(&quoted), quoted, "it can be printed");
            let ran = Command::new("sh").arg("-c").arg(format!("printf '%s' {quoted}")).output().unwrap();
            assert_eq!(ran.stdout, bytes, "{quoted}");
        }
        assert_eq!(word("/srv/iris/irispool.db"), "/srv/iris/irispool.db");
    }

    #[test]
    fn no_word_is_taken_for_an_option_or_for_a_neighbour() {
        assert_eq!(word("-rf"), "./-rf");
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join(OsString::from_vec(b"it\n".to_vec()));
        let neighbour = folder.path().join("it");
        std::fs::create_dir(&ours).unwrap();
        std::fs::create_dir(&neighbour).unwrap();
        assert!(
            Command::new("sh").arg("-c").arg(format!("rm -r {}", word(&ours))).status().unwrap().success()
        );
        assert!(!ours.exists() && neighbour.exists());
    }
}
