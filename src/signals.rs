//! Turns signals into a request to stop, which all threads share.
//!
//! - The first SIGTERM or SIGINT requests [`Stop`]: the pipeline finishes or gives back what is in flight.
//! - A second one, of either kind, ends the process at once with 128 + its number. The next worker takes over what
//!   was claimed, as after any crash.
//! - SIGIO is ignored. The spool takes file leases to learn whether a message is still being written. The kernel may
//!   send SIGIO when somebody opens such a file, and its default action is to kill the process.
//! - SIGPIPE stays as Rust's runtime sets it, ignored: a write to a closed pipe is an error to handle.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::locks::Unpoisoned;

/// A request to stop that all threads share. It cannot be taken back.
#[derive(Clone, Debug)]
pub struct Stop(Arc<StopState>);

#[derive(Debug)]
struct StopState {
    requested: AtomicBool,
    /// The request drops it, which disconnects every receiver at once.
    sender: Mutex<Option<Sender<Infallible>>>,
    receiver: Receiver<Infallible>,
}

impl Default for Stop {
    fn default() -> Stop {
        Stop::new()
    }
}

impl Stop {
    /// A handle that only [`Self::request`] sets.
    pub fn new() -> Stop {
        let (sender, receiver) = crossbeam_channel::bounded(0);
        let state =
            StopState { requested: AtomicBool::new(false), sender: Mutex::new(Some(sender)), receiver };
        Stop(Arc::new(state))
    }

    /// A handle that SIGTERM and SIGINT also set, with this module's other rules for signals. Call it once, before
    /// other threads start.
    ///
    /// # Errors
    /// If the system refuses a signal handler or a thread.
    pub fn on_signals() -> io::Result<Stop> {
        ignore_sigio()?;
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // The order matters: handlers run in the order of their registration, so the first signal finds `asked`
            // unset.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        let stop = Stop::new();
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let on_signal = stop.clone();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in signals.forever() {
                on_signal.request();
            }
        })?;
        Ok(stop)
    }

    /// Requests the stop, and wakes every thread that waits on [`Self::channel`] or in [`Self::wait`].
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::Release);
        self.0.sender.lock().unpoisoned().take();
    }

    /// Whether the stop was requested.
    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// For `select!`: it carries nothing. The request disconnects it, which makes it ready for good.
    pub fn channel(&self) -> &Receiver<Infallible> {
        &self.0.receiver
    }

    /// Waits for the request for `at_most`; returns whether there is one.
    pub fn wait(&self, at_most: Duration) -> bool {
        match self.0.receiver.recv_timeout(at_most) {
            Ok(never) => match never {},
            Err(RecvTimeoutError::Disconnected) => true,
            Err(RecvTimeoutError::Timeout) => self.requested(),
        }
    }
}

fn ignore_sigio() -> io::Result<()> {
    // SAFETY: SIG_IGN runs no code, so the rules for signal handlers do not apply.
    let before = unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_wakes_every_waiter_and_stays() {
        let stop = Stop::new();
        assert!(!stop.requested() && !stop.wait(Duration::ZERO));
        thread::scope(|scope| {
            let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| stop.channel().recv())).collect();
            stop.request();
            for waiter in waiters {
                assert!(waiter.join().unwrap().is_err());
            }
        });
        assert!(stop.requested() && stop.wait(Duration::MAX));
    }

    #[test]
    fn copies_are_one_request() {
        let stop = Stop::new();
        stop.clone().request();
        stop.clone().request();
        assert!(stop.requested());
    }
}
