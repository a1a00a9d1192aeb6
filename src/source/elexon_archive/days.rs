//! Lists the names of one dataset's day.
//!
//! A message is called `<stem>_<YYYYMMDDHHMM>_<serial>`, with its minute in UTC. The stem is mostly the dataset, but
//! nobody has written down which stem each dataset has, so irispool asks the archive. A name of another form belongs to
//! no day.

use std::collections::{BTreeSet, HashSet};

use jiff::civil::Date;

use super::{Blob, ElexonArchive, ElexonArchiveError};

/// Where the names of all blobs begin.
const ROOT: &str = "data/";

/// What stands between a stem and the rest of its time, up to the year 2099.
const CENTURY: &str = "_20";

/// The stems of a folder's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stems {
    /// The dataset's folder in the archive: `FREQ`.
    pub folder: String,
    /// Each stem, without the time behind it: `FREQ`.
    pub stems: BTreeSet<String>,
    /// How many names have another form, so that no day is known for them.
    pub others: u64,
}

/// The names of the messages that Elexon has sent, as the archive lists them.
pub struct SentNames<'a>(pub &'a ElexonArchive);

impl SentNames<'_> {
    /// The folders of the archive. IRIS's names for the datasets are their names: `FREQ`, `E0361`.
    ///
    /// # Errors
    /// If the archive gives no answer, or has no folder at all.
    pub fn folders(&self) -> Result<BTreeSet<String>, ElexonArchiveError> {
        let mut folders = BTreeSet::new();
        self.list(ROOT, Some("/"), |page_prefixes, _| {
            let names =
                page_prefixes.iter().filter_map(|prefix| prefix.strip_prefix(ROOT)?.strip_suffix('/'));
            folders.extend(names.map(str::to_owned));
        })?;
        if folders.is_empty() {
            // Every message would otherwise seem to be here and not in the archive, and nothing to be missing.
            let why = "it lists no dataset".to_owned();
            return Err(ElexonArchiveError::Strange { url: self.0.url().to_string(), why });
        }
        Ok(folders)
    }

    /// The stems of a folder's names.
    ///
    /// # Errors
    /// If the archive gives no answer.
    pub fn stems(&self, folder: &str) -> Result<Stems, ElexonArchiveError> {
        let prefix = format!("{ROOT}{folder}/");
        let mut found = Stems { folder: folder.to_owned(), stems: BTreeSet::new(), others: 0 };
        self.list(&prefix, Some(CENTURY), |prefixes, blobs| {
            let names = blobs.iter().map(|blob| blob.name.as_str());
            for name in prefixes.iter().map(String::as_str).chain(names) {
                match name.strip_prefix(&prefix).and_then(stem_of) {
                    Some(stem) => drop(found.stems.insert(stem.to_owned())),
                    None => found.others += 1,
                }
            }
        })?;
        Ok(found)
    }

    /// The blobs with this stem on this day (UTC), in the order of their names.
    ///
    /// # Errors
    /// If the archive gives no answer.
    pub fn day(&self, folder: &str, stem: &str, day: Date) -> Result<Vec<Blob>, ElexonArchiveError> {
        let mut found = Vec::new();
        let prefix = format!("{ROOT}{folder}/{stem}_{}", day.strftime("%Y%m%d"));
        self.list(&prefix, None, |_, blobs| found.extend(blobs.iter().cloned()))?;
        found.sort_by(|one: &Blob, other| one.name.cmp(&other.name));
        found.dedup_by(|one, other| one.name == other.name);
        Ok(found)
    }

    /// Gives all pages of a listing to `take`, each with its prefixes and its blobs.
    fn list(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        mut take: impl FnMut(&[String], &[Blob]),
    ) -> Result<(), ElexonArchiveError> {
        let delimiter = delimiter.unwrap_or_default();
        let mut marker = String::new();
        let mut markers = HashSet::new();
        loop {
            let query = [
                ("prefix", prefix),
                ("delimiter", delimiter),
                ("maxresults", "5000"),
                ("marker", marker.as_str()),
            ];
            let page = self.0.page(&query)?;
            take(&page.prefixes, &page.blobs);
            let Some(next) = page.next else { return Ok(()) };
            if !markers.insert(next.clone()) {
                let why = "the pages of a listing go in a circle: a marker comes again".to_owned();
                return Err(ElexonArchiveError::Strange { url: self.0.url().to_string(), why });
            }
            marker = next;
        }
    }
}

/// The stem in what a listing by [`CENTURY`] gives. Azure gives `FREQ_20`. Azurite gives `FREQ_`, because it keeps only
/// the first character of a delimiter. A server that knows no delimiter gives the whole name.
fn stem_of(name: &str) -> Option<&str> {
    let stem = name.split_once(CENTURY).map(|(stem, _)| stem);
    stem.or_else(|| name.strip_suffix('_')).filter(|stem| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_what_stands_before_the_year() {
        for name in ["SYS_WARN_20", "SYS_WARN_", "SYS_WARN_202510280359_00001.json"] {
            assert_eq!(stem_of(name), Some("SYS_WARN"));
        }
        for name in ["", "_20", "no-time.json"] {
            assert_eq!(stem_of(name), None);
        }
    }
}
