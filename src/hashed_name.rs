//! Plain names for names of any characters.
//!
//! A lock file, a folder or a table cannot have every name. Such a name is made plain: `_` takes the place of each
//! character that is no ASCII letter or digit, the name is cut, and a hash of the whole of it ends it. So no two names
//! become the same.
//!
//! The spool makes the labels of folders so, and the catalog the names of datasets. Both must do it in the same way:
//! people name a dataset by its folder, and the program by the folder's label.

use xxhash_rust::xxh3::xxh3_64;

/// The plain name, at most `bytes_max` long: `日本` becomes `___FF1A1BC0`. Names that differ only in case have the same
/// hash.
pub(crate) fn hashed_name(name: &[u8], bytes_max: usize) -> String {
    // A date that somebody writes behind a folder's name has no letter in front.
    const FIRST_IS_A_LETTER: u32 = 0xA000_0000;
    let ending = format!("_{:08X}", xxh3_64(&name.to_ascii_uppercase()) as u32 | FIRST_IS_A_LETTER);
    let text = String::from_utf8_lossy(name);
    let plain = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    plain.take(bytes_max - ending.len()).chain(ending.chars()).collect()
}

/// Whether [`hashed_name`] may have made this name.
pub(crate) fn is_hashed_name(name: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'A'..=b'F');
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_plain
        && name.rsplit_once('_').is_some_and(|(_, hash)| {
            hash.len() == 8
                && hash.bytes().all(is_digit)
                && hash.starts_with(|first: char| !first.is_ascii_digit())
        })
}
