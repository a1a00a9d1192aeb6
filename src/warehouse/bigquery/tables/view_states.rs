//! Which datasets' views this process has seen to.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::locks::Unpoisoned;

/// What this process knows of the views of each dataset.
#[derive(Default)]
pub(super) struct ViewStates {
    by_dataset: Mutex<HashMap<String, ViewState>>,
}

/// What this process knows of the views of one dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ViewState {
    /// They are as they should be, or a thread is creating them.
    SeenTo,
    /// The table has changed since they were created.
    Stale,
}

impl ViewStates {
    /// Whether a thread should see to the dataset's views.
    pub(super) fn need_work(&self, dataset: &str) -> bool {
        self.by_dataset.lock().unpoisoned().get(dataset) != Some(&ViewState::SeenTo)
    }

    /// Notes that the caller sees to the dataset's views now. Returns what was known of them before.
    pub(super) fn take_over(&self, dataset: &str) -> Option<ViewState> {
        self.by_dataset.lock().unpoisoned().insert(dataset.to_owned(), ViewState::SeenTo)
    }

    /// Notes that the views do not match the table any more.
    pub(super) fn set_stale(&self, dataset: &str) {
        self.by_dataset.lock().unpoisoned().insert(dataset.to_owned(), ViewState::Stale);
    }

    /// Undoes [`Self::take_over`] after it failed: `before` is what it returned.
    pub(super) fn give_back(&self, dataset: &str, before: Option<ViewState>) {
        let mut states = self.by_dataset.lock().unpoisoned();
        match before {
            Some(state) => drop(states.insert(dataset.to_owned(), state)),
            None => drop(states.remove(dataset)),
        }
    }
}
