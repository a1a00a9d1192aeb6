//! When to stop: the signals that ask for it, and a handle that tells every thread.
//!
//! - The first SIGTERM or SIGINT asks: [`Stop`] is requested, and the pipeline finishes or gives back what is in
//!   flight.
//! - A second one, of either kind, ends the process at once with 128 + its number. The spool stays as it is: as after
//!   any crash, the next worker takes over what was claimed.
//! - SIGIO is ignored. A file lease, by which the spool learns that a message is still being written, may send it when
//!   someone opens the file, and its default is to kill.
//! - SIGPIPE stays as Rust's runtime sets it, ignored: a write to a closed pipe is an error to handle.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// A request to stop that all threads share. Once requested it stays so.
#[derive(Clone, Debug)]
pub struct Stop(Arc<StopState>);

#[derive(Debug)]
struct StopState {
    requested: AtomicBool,
    /// Dropped by the request, which disconnects every receiver at once.
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

    /// A handle that SIGTERM and SIGINT set too, and the rest of this module's rules for the process. To be called
    /// once, before other threads start; each call counts the signals anew.
    ///
    /// # Errors
    /// When the system takes no handler or starts no thread.
    pub fn on_signals() -> io::Result<Stop> {
        ignore_sigio()?;
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // The order matters: handlers run as they were registered, so the first signal finds `asked` unset.
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

    /// Asks all to stop, and wakes whoever waits on [`Self::channel`] or in [`Self::wait`].
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::Release);
        self.0.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// For `select!`: carries nothing, and is disconnected, so always ready, from the request on.
    pub fn channel(&self) -> &Receiver<Infallible> {
        &self.0.receiver
    }

    /// Waits for a request, `at_most` so long; says whether there is one.
    pub fn wait(&self, at_most: Duration) -> bool {
        match self.0.receiver.recv_timeout(at_most) {
            Ok(never) => match never {},
            Err(RecvTimeoutError::Disconnected) => true,
            Err(RecvTimeoutError::Timeout) => self.requested(),
        }
    }
}

fn ignore_sigio() -> io::Result<()> {
    // SAFETY: SIG_IGN is no function that could run, so none of a handler's rules apply.
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
