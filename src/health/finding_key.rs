//! What a finding is about.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a finding is about. The key stays the same while the matter lasts. Its text form, such as `backlog` or
/// `stale:FREQ`, is in the JSON of `status`, in alerts, in metrics and in `alerts.json`, so a text never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FindingKey {
    /// No worker is alive.
    NoWorker,
    /// A dead worker still holds messages.
    DeadWorker,
    /// The worker of this name makes no rounds.
    Hangs(String),
    /// The table of a dataset takes no rows. If several tables have the same fault, it is a mark of the fault instead
    /// of the dataset.
    Parked(String),
    /// A worker cannot open the warehouse.
    Waits,
    /// A worker cannot pack delivered messages.
    Unpacked,
    /// A worker cannot keep `keep_max_age` and `keep_max_bytes`.
    Unlimited,
    /// Many messages wait.
    Backlog,
    /// One message has waited for a long time.
    Oldest,
    /// Files lie directly in `incoming`.
    Stray,
    /// Folders lie inside datasets' folders.
    TooDeep,
    /// Files in `incoming` keep a temporary name.
    Temporary,
    /// The warehouse does not answer.
    Warehouse,
    /// The spool cannot be read.
    Spool,
    /// No rows of any dataset arrive.
    Stale,
    /// No rows of this dataset arrive.
    StaleDataset(String),
    /// The disk of this path is nearly full.
    Disk(String),
    /// Elexon's client does not run.
    ClientGone,
    /// The secret of Elexon's client expires soon, or has expired.
    ClientSecret,
    /// There are dead letters.
    Dead,
    /// `dead` is full.
    DeadFull,
    /// `dead` is nearly full.
    DeadNearlyFull,
    /// A key of another version, which shares the spool's `alerts.json`.
    Foreign(String),
}

impl FindingKey {
    /// The dataset that the finding is about, if it is about one. The mark of a fault that stops several tables is the
    /// name of no dataset.
    pub(crate) fn dataset(&self) -> Option<&str> {
        match self {
            FindingKey::Parked(dataset) | FindingKey::StaleDataset(dataset) => Some(dataset),
            FindingKey::NoWorker
            | FindingKey::DeadWorker
            | FindingKey::Hangs(_)
            | FindingKey::Waits
            | FindingKey::Unpacked
            | FindingKey::Unlimited
            | FindingKey::Backlog
            | FindingKey::Oldest
            | FindingKey::Stray
            | FindingKey::TooDeep
            | FindingKey::Temporary
            | FindingKey::Warehouse
            | FindingKey::Spool
            | FindingKey::Stale
            | FindingKey::Disk(_)
            | FindingKey::ClientGone
            | FindingKey::ClientSecret
            | FindingKey::Dead
            | FindingKey::DeadFull
            | FindingKey::DeadNearlyFull
            | FindingKey::Foreign(_) => None,
        }
    }
}

impl fmt::Display for FindingKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            FindingKey::Hangs(worker) => return write!(out, "hangs:{worker}"),
            FindingKey::Parked(dataset) => return write!(out, "parked:{dataset}"),
            FindingKey::StaleDataset(dataset) => return write!(out, "stale:{dataset}"),
            FindingKey::Disk(path) => return write!(out, "disk:{path}"),
            FindingKey::Foreign(text) => text,
            FindingKey::NoWorker => "no-worker",
            FindingKey::DeadWorker => "dead-worker",
            FindingKey::Waits => "waits",
            FindingKey::Unpacked => "unpacked",
            FindingKey::Unlimited => "unlimited",
            FindingKey::Backlog => "backlog",
            FindingKey::Oldest => "oldest",
            FindingKey::Stray => "stray",
            FindingKey::TooDeep => "too-deep",
            FindingKey::Temporary => "temporary",
            FindingKey::Warehouse => "warehouse",
            FindingKey::Spool => "spool",
            FindingKey::Stale => "stale",
            FindingKey::ClientGone => "client-gone",
            FindingKey::ClientSecret => "client-secret",
            FindingKey::Dead => "dead",
            FindingKey::DeadFull => "dead-full",
            FindingKey::DeadNearlyFull => "dead-nearly-full",
        };
        out.write_str(name)
    }
}

impl FromStr for FindingKey {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<FindingKey, Infallible> {
        let (name, about) = match text.split_once(':') {
            Some((name, about)) => (name, Some(about)),
            None => (text, None),
        };
        Ok(match (name, about) {
            ("hangs", Some(worker)) => FindingKey::Hangs(worker.to_owned()),
            ("parked", Some(dataset)) => FindingKey::Parked(dataset.to_owned()),
            ("stale", Some(dataset)) => FindingKey::StaleDataset(dataset.to_owned()),
            ("disk", Some(path)) => FindingKey::Disk(path.to_owned()),
            ("no-worker", None) => FindingKey::NoWorker,
            ("dead-worker", None) => FindingKey::DeadWorker,
            ("waits", None) => FindingKey::Waits,
            ("unpacked", None) => FindingKey::Unpacked,
            ("unlimited", None) => FindingKey::Unlimited,
            ("backlog", None) => FindingKey::Backlog,
            ("oldest", None) => FindingKey::Oldest,
            ("stray", None) => FindingKey::Stray,
            ("too-deep", None) => FindingKey::TooDeep,
            ("temporary", None) => FindingKey::Temporary,
            ("warehouse", None) => FindingKey::Warehouse,
            ("spool", None) => FindingKey::Spool,
            ("stale", None) => FindingKey::Stale,
            ("client-gone", None) => FindingKey::ClientGone,
            ("client-secret", None) => FindingKey::ClientSecret,
            ("dead", None) => FindingKey::Dead,
            ("dead-full", None) => FindingKey::DeadFull,
            ("dead-nearly-full", None) => FindingKey::DeadNearlyFull,
            _ => FindingKey::Foreign(text.to_owned()),
        })
    }
}

/// The order of the texts, which is the order of the keys in `alerts.json`.
impl Ord for FindingKey {
    fn cmp(&self, other: &FindingKey) -> Ordering {
        self.to_string().cmp(&other.to_string())
    }
}

impl PartialOrd for FindingKey {
    fn partial_cmp(&self, other: &FindingKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for FindingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FindingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FindingKey, D::Error> {
        let Ok(key) = String::deserialize(deserializer)?.parse();
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The text of every key. Files and programs of users know these texts.
    const TEXTS: [&str; 22] = [
        "backlog",
        "client-gone",
        "client-secret",
        "dead",
        "dead-full",
        "dead-nearly-full",
        "dead-worker",
        "disk:/srv/a:b",
        "hangs:host-1-abc",
        "no-worker",
        "oldest",
        "parked:FREQ",
        "spool",
        "stale",
        "stale:FREQ",
        "stray",
        "temporary",
        "too-deep",
        "unlimited",
        "unpacked",
        "waits",
        "warehouse",
    ];

    #[test]
    fn each_text_is_a_key_of_its_own_and_has_the_same_text_again() {
        for text in TEXTS {
            let Ok(key) = text.parse::<FindingKey>();
            assert!(!matches!(key, FindingKey::Foreign(_)), "{text}");
            assert_eq!(key.to_string(), text);
        }
        let keys = TEXTS.map(|text| text.parse::<FindingKey>().unwrap());
        assert!(keys.is_sorted(), "keys have the order of their texts");
    }

    #[test]
    fn a_key_of_another_version_keeps_its_text() {
        for text in ["moon", "moon:full", "dead:FREQ", "hangs", ""] {
            let Ok(key) = text.parse::<FindingKey>();
            assert_eq!(key, FindingKey::Foreign(text.to_owned()));
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn as_json_a_key_is_its_text() {
        let json = r#"{"no-worker":1,"stale:FREQ":2,"moon":3}"#;
        let map: BTreeMap<FindingKey, u32> = serde_json::from_str(json).unwrap();
        assert_eq!(map[&FindingKey::StaleDataset("FREQ".to_owned())], 2);
        assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"moon":3,"no-worker":1,"stale:FREQ":2}"#);
    }
}
