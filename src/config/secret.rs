//! Settings that nobody but their reader may see: the URL of a hook is its password.

use serde::de::Deserializer;
use serde::ser::Serializer;

use super::values::word;
pub(super) use crate::secret::HIDDEN;
pub use crate::secret::Secret;

/// Keys whose values no message may repeat.
pub(super) const SECRET_KEYS: [&str; 3] = ["alert_webhook", "alert_command", "heartbeat_url"];

/// `http://…`, `https://…`, or `off`.
pub(super) mod url_or_off {
    use super::*;

    pub(in super::super) use super::serialize;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        word(deserializer, "a URL that begins with https:// or http://, or off", |text| match text {
            "off" => Some(None),
            _ => is_url(text).then(|| Some(Secret::new(text))),
        })
    }
}

/// Anything that the shell may make something of, or `off`.
pub(super) mod command_or_off {
    use super::*;

    pub(in super::super) use super::serialize;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        word(deserializer, "a command for sh, or off", |text| match text {
            "off" => Some(None),
            _ => (!text.trim().is_empty() && !text.contains('\0')).then(|| Some(Secret::new(text))),
        })
    }
}

/// Written out: `irispool config` shows the settings to whoever may read them anyhow.
pub(in super::super) fn serialize<S: Serializer>(
    secret: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.as_ref().map_or("off", Secret::expose))
}

fn is_url(text: &str) -> bool {
    let Ok(url) = text.parse::<ureq::http::Uri>() else { return false };
    let known = matches!(url.scheme_str(), Some("http" | "https"));
    known && url.host().is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_with_a_host_is_a_url() {
        for url in ["https://hooks.example.com/a/b?c=d", "http://127.0.0.1:8080", "http://[::1]:80/x"] {
            assert!(is_url(url), "{url}");
        }
        for other in ["", "hooks.example.com/a", "ftp://a/b", "https://", "https:///a", "http://a b/", "off"]
        {
            assert!(!is_url(other), "{other}");
        }
    }
}
