//! The Markdown of the rows as plain text.

/// The text without links and without the marks of code. A link to a page of the manual becomes the name of its file.
pub(super) fn without_markup(text: &str) -> String {
    without_links(text).replace('`', "")
}

/// The text without links, for a file that lies beside the folder `docs`.
pub(super) fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((words, target, after)) = next_link(rest) {
        plain.push_str(&rest[..words.0]);
        let words = &rest[words.0 + 1..words.1];
        let page = target.split('#').next().unwrap_or(target);
        if words == page {
            plain.push_str("docs/");
            plain.push_str(page);
        } else {
            plain.push_str(&format!("{words} (docs/{page})"));
        }
        rest = &rest[after..];
    }
    plain.push_str(rest);
    plain
}

/// The first link: where its words begin and end, its target, and where the text goes on.
fn next_link(text: &str) -> Option<((usize, usize), &str, usize)> {
    let middle = text.find("](")?;
    let begin = text[..middle].rfind('[')?;
    let end = middle + text[middle..].find(')')?;
    Some(((begin, middle), &text[middle + 2..end], end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_the_names_of_their_pages() {
        let text = "a `[\"*.new\"]`, [many names](data.md), see [operate.md](operate.md#logs).";
        let plain = "a `[\"*.new\"]`, many names (docs/data.md), see docs/operate.md.";
        assert_eq!(without_links(text), plain);
        assert_eq!(without_markup("`x`"), "x");
    }
}
