//! The names of the messages that wait in the spool, or are dead.

use std::collections::{BTreeMap, HashMap};

use super::NameState;
use crate::catalog;
use crate::spool::{Layout, SpoolError, dead_letters, waiting_messages};

/// The names of one moment, by the catalog's name of the dataset.
#[derive(Debug, Default)]
pub(super) struct SpoolNames {
    by_dataset: HashMap<String, BTreeMap<String, NameState>>,
}

impl SpoolNames {
    /// Lists the spool. A message moves from `incoming` over `claimed` to `dead`, and they are listed in this order, so
    /// no message is overlooked because it moved.
    ///
    /// # Errors
    /// If a part of the spool cannot be listed: its messages would seem to be missing.
    pub(super) fn of(layout: &Layout) -> Result<SpoolNames, SpoolError> {
        let mut names = SpoolNames::default();
        for (label, name) in waiting_messages(layout)? {
            // A name that is not UTF-8 is not Elexon's.
            if let Ok(name) = name.into_string() {
                names.add(&label, name, NameState::Waiting);
            }
        }
        for letter in dead_letters(layout)?.letters {
            names.add(&letter.label, letter.message_id(), NameState::Dead);
        }
        Ok(names)
    }

    /// A message that waits while an older letter of it is dead counts as waiting.
    fn add(&mut self, label: &str, name: String, state: NameState) {
        let dataset = match catalog::find(&catalog::dataset_name(label)) {
            Some(dataset) => dataset.name.clone(),
            None => catalog::dataset_of_file_name(&name).unwrap_or_else(|| catalog::dataset_name(label)),
        };
        self.by_dataset.entry(dataset).or_default().entry(name).or_insert(state);
    }

    /// The datasets of which a message waits or is dead.
    pub(super) fn datasets(&self) -> impl Iterator<Item = &str> {
        self.by_dataset.keys().map(String::as_str)
    }

    /// The messages of a dataset whose names begin with `prefix`.
    pub(super) fn beginning_with(
        &self,
        dataset: &str,
        prefix: &str,
    ) -> impl Iterator<Item = (&str, NameState)> {
        let names = self.by_dataset.get(dataset).into_iter();
        let from = names.flat_map(move |names| names.range(prefix.to_owned()..));
        from.take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, state)| (name.as_str(), *state))
    }
}
