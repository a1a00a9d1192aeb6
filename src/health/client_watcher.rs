//! Notes in the spool whether Elexon's client runs.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use super::client_probe::{ClientProbe, LOOK_AGE_MAX};
use crate::config::Config;
use crate::signals::Stop;

/// How long a drain waits at its end for the first look, which began with the drain.
const FIRST_LOOK_WAIT: Duration = Duration::from_secs(2);

/// A thread of a worker that looks whether the client runs, so that `status` can tell when it is gone.
#[derive(Debug)]
pub(crate) struct ClientWatcher {
    looked: Receiver<()>,
}

impl ClientWatcher {
    /// Starts a thread that looks until `stop` is requested. Nobody joins it: a look may hang with the system.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub(crate) fn start(config: &Config, stop: &Stop) -> io::Result<ClientWatcher> {
        // Only the first look is waited for: nobody takes what the others would send.
        let (sender, looked) = sync_channel(1);
        let (probe, stop) = (ClientProbe::of_processes(config), stop.clone());
        thread::Builder::new().name("client".to_owned()).spawn(move || {
            loop {
                probe.note();
                let _ = sender.try_send(());
                if stop.wait(LOOK_AGE_MAX) {
                    return;
                }
            }
        })?;
        Ok(ClientWatcher { looked })
    }

    /// Waits for the first look, but not for long.
    pub(crate) fn has_looked(&self) -> bool {
        self.looked.recv_timeout(FIRST_LOOK_WAIT).is_ok()
    }
}
