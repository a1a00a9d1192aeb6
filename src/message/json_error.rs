//! Why a text is not JSON, and at which byte.

/// Why a text is not JSON.
pub(super) struct JsonError {
    /// The offset in the text, in bytes.
    pub(super) byte: usize,
    pub(super) why: String,
}

impl JsonError {
    /// Turns serde_json's error about `text` into an offset and a reason.
    pub(super) fn of(error: &serde_json::Error, text: &[u8]) -> JsonError {
        let line_start = match error.line() {
            0 | 1 => 0,
            line => {
                let mut breaks = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                breaks.nth(line - 2).map_or(0, |(at, _)| at + 1)
            }
        };
        let byte = (line_start + error.column().saturating_sub(1)).min(text.len());
        let full = error.to_string();
        let why = full.rsplit_once(" at line ").map_or(full.as_str(), |(why, _)| why);
        JsonError { byte, why: format!("not JSON: {why}") }
    }
}
