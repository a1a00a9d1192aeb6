//! The names that the warehouse has, as its ledger says.
//!
//! Each query goes through the index of the ledger's key, so its cost hardly grows with the ledger.

use jiff::Timestamp;

use super::NameState;
use crate::catalog::stem_and_minute;
use crate::warehouse::sqlite::SqliteReader;
use crate::warehouse::{QueryError, QueryValue, each_row};

/// Stands behind every letter and digit that a message's name has.
const LAST: char = '~';

/// The ledger of a SQLite warehouse: which messages were delivered.
pub struct DeliveredNames<'r>(pub &'r SqliteReader);

impl DeliveredNames<'_> {
    /// The datasets of which a message was delivered.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn datasets(&self) -> Result<Vec<String>, QueryError> {
        // One step of the index for each dataset: DISTINCT would read the whole index.
        let sql = "WITH RECURSIVE found (dataset) AS (
                SELECT min(dataset) FROM irispool_load_history
                UNION ALL
                SELECT (SELECT min(later.dataset) FROM irispool_load_history AS later
                        WHERE later.dataset > found.dataset)
                FROM found WHERE found.dataset IS NOT NULL
            )
            SELECT dataset FROM found WHERE dataset IS NOT NULL";
        self.texts(sql)
    }

    /// The messages of a dataset whose names begin with `prefix`, each with its state: here, or dead in part.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn beginning_with(
        &self,
        dataset: &str,
        prefix: &str,
    ) -> Result<Vec<(String, NameState)>, QueryError> {
        let (first, end) = (literal(prefix), literal(&format!("{prefix}{LAST}")));
        let sql = format!(
            "SELECT message_id, dead > 0 FROM irispool_load_history
             WHERE dataset = {} AND message_id >= {first} AND message_id < {end}",
            literal(dataset)
        );
        let mut delivered = Vec::new();
        self.each_row(&sql, |row| {
            if let [QueryValue::Text(message_id), QueryValue::Int(has_dead_rows)] = row {
                let state = if *has_dead_rows == 0 { NameState::Here } else { NameState::Dead };
                delivered.push(((*message_id).to_owned(), state));
            }
        })?;
        Ok(delivered)
    }

    /// Whether the name of any message of a dataset begins with `prefix`.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn has_beginning_with(&self, dataset: &str, prefix: &str) -> Result<bool, QueryError> {
        let next = self.next_name(dataset, prefix)?;
        Ok(next.is_some_and(|name| name.starts_with(prefix)))
    }

    /// The earliest minute in the names of a dataset's messages.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn earliest(&self, dataset: &str) -> Result<Option<Timestamp>, QueryError> {
        let mut earliest: Option<Timestamp> = None;
        let mut from = String::new();
        // The names of one stem are in the order of their minutes, so one step for each stem is enough.
        while let Some(name) = self.next_name(dataset, &from)? {
            from = match stem_and_minute(&name) {
                Some((stem, minute)) => {
                    earliest = Some(earliest.map_or(minute, |earliest| earliest.min(minute)));
                    format!("{stem}_{LAST}")
                }
                // A name without a time that irispool knows: the next step is behind all that begin as it does.
                None => {
                    let start = name.find(|letter: char| letter.is_ascii_digit()).unwrap_or(name.len());
                    format!("{}{LAST}", &name[..start])
                }
            };
            if from <= name {
                // A name with letters that no name of Elexon's has.
                from = format!("{name}{LAST}");
            }
        }
        Ok(earliest)
    }

    /// Until when `irispool prune` has deleted lines of a dataset from the ledger.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn pruned_before(&self, dataset: &str) -> Result<Option<Timestamp>, QueryError> {
        let is_there = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'irispool_pruned'";
        if self.texts(is_there)?.is_empty() {
            return Ok(None);
        }
        let sql = format!("SELECT before FROM irispool_pruned WHERE dataset = {}", literal(dataset));
        Ok(self.texts(&sql)?.first().and_then(|before| before.parse().ok()))
    }

    /// The first name of a dataset that does not stand before `from`.
    fn next_name(&self, dataset: &str, from: &str) -> Result<Option<String>, QueryError> {
        let (dataset, from) = (literal(dataset), literal(from));
        let sql = format!(
            "SELECT message_id FROM irispool_load_history
             WHERE dataset = {dataset} AND message_id >= {from} ORDER BY message_id LIMIT 1"
        );
        Ok(self.texts(&sql)?.pop())
    }

    fn texts(&self, sql: &str) -> Result<Vec<String>, QueryError> {
        let mut texts = Vec::new();
        self.each_row(sql, |row| {
            if let [QueryValue::Text(text)] = row {
                texts.push((*text).to_owned());
            }
        })?;
        Ok(texts)
    }

    fn each_row(&self, sql: &str, take: impl FnMut(&[QueryValue<'_>])) -> Result<(), QueryError> {
        each_row(self.0, sql, take)
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
