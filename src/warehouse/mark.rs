//! The mark by which irispool knows its own views.
//!
//! The mark is a comment in the text of a view, with a hash of the rest of that text. So a view counts as irispool's
//! only while its text is the one that irispool wrote. If somebody copies a view and changes a word of it, the copy
//! is theirs, with or without the mark. Spaces and line ends do not count, because a warehouse may store the text
//! with others.

use xxhash_rust::xxh3::xxh3_128;

const BEFORE: &str = "/* irispool keeps this view up to date as long as nobody changes its text: ";
const BEHIND: &str = " */";

/// The text of a view, after its mark.
pub(super) fn marked(text: &str) -> String {
    format!("{BEFORE}{:032x}{BEHIND}\n{text}", hash(text))
}

/// Whether the text has a mark and has not changed since it got that.
pub(super) fn is_marked(text: &str) -> bool {
    let Some(rest) = text.trim_start().strip_prefix(BEFORE) else { return false };
    let Some((written, text)) = rest.split_once(BEHIND) else { return false };
    written == format!("{:032x}", hash(text))
}

/// A marked text without its mark.
pub(super) fn without(text: &str) -> &str {
    text.split_once(BEHIND).map_or(text, |(_, text)| text.trim_start())
}

/// Whether two texts differ at most in spaces and line ends.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

fn hash(text: &str) -> u128 {
    let words: Vec<&str> = text.split_whitespace().collect();
    xxh3_128(words.join(" ").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_again_until_a_word_of_it_changes() {
        let text = marked("SELECT a,\n  b\nFROM t");
        assert_eq!(without(&text), "SELECT a,\n  b\nFROM t");
        assert!(is_marked(&text));
        // Every later version must recognise what is in the warehouses now.
        let mark = "/* irispool keeps this view up to date as long as nobody changes its text: f9f123e105524a6ba535fa99da5a2743 */";
        assert_eq!(marked("SELECT 1"), format!("{mark}\nSELECT 1"));
        assert!(is_marked(&text.replace("\n  ", " ")), "a warehouse may store it with other spaces");
        for changed in [
            text.replace("a,", "a + 1 AS a,"),
            format!("{text} WHERE b"),
            text.replace(BEFORE, "/* mine: "),
            "SELECT a".to_owned(),
        ] {
            assert!(!is_marked(&changed), "{changed}");
        }
    }
}
