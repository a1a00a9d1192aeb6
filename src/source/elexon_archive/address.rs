//! The archive's address, and the addresses in it.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The address of the archive's container, such as `https://archive.data.elexon.co.uk/iris-archive`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveUrl(String);

impl ArchiveUrl {
    /// The address, which is a URL without a query. A slash at its end does not matter.
    pub fn new(url: &str) -> ArchiveUrl {
        ArchiveUrl(url.trim_end_matches('/').to_owned())
    }

    /// The address of a list: the query's names and values, and one more that no other request has, so that no cache
    /// has its answer.
    pub(super) fn list(&self, query: &[(&str, &str)]) -> String {
        let mut url = format!("{}?restype=container&comp=list", self.0);
        for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
            // A String takes every write.
            let _ = write!(url, "&{name}={}", encoded(value, false));
        }
        let _ = write!(url, "&irispool={}", unique());
        url
    }

    /// The address of a blob, by its whole name.
    pub(super) fn blob(&self, name: &str) -> String {
        format!("{}/{}", self.0, encoded(name, true))
    }
}

impl fmt::Display for ArchiveUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A number that no other request of this or another process has.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{now:x}-{:x}-{:x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn encoded(text: &str, keep_slashes: bool) -> String {
    let mut url = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slashes && byte == b'/') {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_and_no_list_has_the_address_of_another() {
        let url = ArchiveUrl::new("http://h/c/");
        assert_eq!(url.blob("data/FREQ/a b#é.json"), "http://h/c/data/FREQ/a%20b%23%C3%A9.json");
        let list = || url.list(&[("prefix", "data/FREQ/"), ("marker", "")]);
        assert!(list().starts_with("http://h/c?restype=container&comp=list&prefix=data%2FFREQ%2F&irispool="));
        assert_ne!(list(), list());
    }
}
