//! Waits that end early when the program stops.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::locks::Unpoisoned;

/// Whether the program is to stop, for the threads that wait before another try.
#[derive(Default)]
pub(crate) struct StopSignal {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl StopSignal {
    /// Ends all waits, now and from now on.
    pub(crate) fn stop(&self) {
        *self.stopped.lock().unpoisoned() = true;
        self.changed.notify_all();
    }

    /// Whether the program is to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stopped.lock().unpoisoned()
    }

    /// Waits for `delay`. False: the program is to stop, and the wait was cut short.
    pub(crate) fn wait(&self, delay: Duration) -> bool {
        let (stopped, _) = self
            .changed
            .wait_timeout_while(self.stopped.lock().unpoisoned(), delay, |stopped| !*stopped)
            .unpoisoned();
        !*stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_cut_short_by_a_stop() {
        let stop = StopSignal::default();
        assert!(stop.wait(Duration::from_millis(1)));
        stop.stop();
        assert!(!stop.wait(Duration::from_secs(3600)));
    }
}
