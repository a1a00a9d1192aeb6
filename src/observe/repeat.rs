//! A fault that lasts is said again now and then, not at every try.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The same fault is said again after so long.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Faults remembered at most; with more of them at once, some are said too often.
const FAULTS_MAX: usize = 1_000;

static SAID: LazyLock<Mutex<HashMap<String, Instant>>> = LazyLock::new(Mutex::default);

/// Whether this fault, known by its text, has not been said for a minute; it counts as said now.
pub fn is_news(fault: &str) -> bool {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    if said.get(fault).is_some_and(|at| now.duration_since(*at) < SAY_AGAIN) {
        return false;
    }
    if said.len() >= FAULTS_MAX {
        said.clear();
    }
    said.insert(fault.to_owned(), now);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_news_once() {
        assert!(is_news("the disk of a test is full"));
        assert!(!is_news("the disk of a test is full"));
        assert!(is_news("the disk of a test is broken"));
    }
}
