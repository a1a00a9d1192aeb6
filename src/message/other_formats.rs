//! Recognises files that are not JSON text in UTF-8 by their first bytes, and says what the user can do.

use super::error::MessageError;

/// The error for a compressed file or for text in another encoding.
pub(super) fn known(message: &[u8]) -> Option<MessageError> {
    let packed = |form, tool| Some(MessageError::Packed { form, tool });
    let encoded = |form, name| Some(MessageError::Encoded { form, name });
    match message {
        [0x1f, 0x8b, ..] => packed("gzip", "gzip -dc"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => packed("zstd", "zstd -dc"),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => packed("zip", "unzip -p"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => packed("xz", "xz -dc"),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] => packed("bzip2", "bzip2 -dc"),
        [0x04, 0x22, 0x4d, 0x18, ..] => packed("lz4", "lz4 -dc"),
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => packed("7-Zip", "7z x -so"),
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => packed("zlib", "pigz -dc"),
        // UTF-32 before UTF-16, whose mark is the first half of one of its marks.
        [0xff, 0xfe, 0, 0, ..] => encoded("UTF-32, little-endian", "UTF-32LE"),
        [0, 0, 0xfe, 0xff, ..] => encoded("UTF-32, big-endian", "UTF-32BE"),
        [0xff, 0xfe, ..] => encoded("UTF-16, little-endian", "UTF-16LE"),
        [0xfe, 0xff, ..] => encoded("UTF-16, big-endian", "UTF-16BE"),
        // Text without a mark: JSON begins with ASCII letters.
        [1..=0x7f, 0, 0, 0, ..] => encoded("UTF-32, little-endian", "UTF-32LE"),
        [0, 0, 0, 1..=0x7f, ..] => encoded("UTF-32, big-endian", "UTF-32BE"),
        [1..=0x7f, 0, ..] => encoded("UTF-16, little-endian", "UTF-16LE"),
        [0, 1..=0x7f, ..] => encoded("UTF-16, big-endian", "UTF-16BE"),
        _ => None,
    }
}

/// The error for an HTML or XML document that begins with `text`, which a web server or a proxy sent instead of the
/// data.
pub(super) fn markup(text: &[u8]) -> Option<MessageError> {
    const LOOKED_AT: usize = 4096;
    if !matches!(text, [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..]) {
        return None;
    }
    let start = String::from_utf8_lossy(&text[..text.len().min(LOOKED_AT)]);
    let lower = start.to_ascii_lowercase();
    let kind =
        if lower.contains("<html") || lower.starts_with("<!doctype html") { "an HTML page" } else { "XML" };
    let said = ["title", "message", "error", "h1"].iter().find_map(|tag| {
        let from = lower.find(&format!("<{tag}>"))? + tag.len() + 2;
        let text = start[from..].split('<').next()?.trim();
        (!text.is_empty()).then(|| format!(": {}", text.chars().take(100).collect::<String>()))
    });
    Some(MessageError::Markup { kind, said: said.unwrap_or_default() })
}
