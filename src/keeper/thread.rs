//! The keeper's thread, and how it ends.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::cleanup::Cleanup;
use super::dead_limit::DeadFill;
use super::packing::Packing;
use super::settings::KeeperSettings;
use super::spool_failure::log_spool_failure;
use super::status::KeeperStatus;
use crate::signals::Stop;
use crate::spool::{Layout, Retention};

/// Nice value: 0 is normal, 19 the lowest priority.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A running keeper. Dropping it waits for the thread to end: the thread still writes the block that it is packing, and
/// it ends everything else as soon as a stop is requested.
pub(crate) struct Keeper {
    /// A message asks the thread to do all that is left; dropping the sender asks it to end now.
    finish: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread. After a request to `stop` it packs and deletes nothing more.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(crate) fn start(
        layout: Layout,
        settings: KeeperSettings,
        status: Arc<KeeperStatus>,
        stop: Stop,
    ) -> io::Result<Keeper> {
        let (finish, finish_requests) = bounded(1);
        let packs = settings.keep == Retention::Archive;
        let work = KeeperWork {
            packing: packs.then(|| Packing::new(layout.clone(), Arc::clone(&status), stop.clone())),
            cleanup: Cleanup::new(layout.clone(), settings, Arc::clone(&status), stop.clone()),
            layout,
            settings,
            status,
            stop,
            logged_fill: DeadFill::Low,
        };
        let thread =
            thread::Builder::new().name("keep".to_owned()).spawn(move || work.run(&finish_requests))?;
        Ok(Keeper { finish: Some(finish), thread: Some(thread) })
    }

    /// Packs every delivered message, deletes what is over a limit, and ends.
    pub(crate) fn finish(mut self) {
        if let Some(finish) = &self.finish {
            let _ = finish.send(());
        }
        self.join();
    }

    fn join(&mut self) {
        self.finish = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper panicked; what it was to pack stays in done/");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.join();
    }
}

struct KeeperWork {
    layout: Layout,
    settings: KeeperSettings,
    status: Arc<KeeperStatus>,
    stop: Stop,
    /// `None` where delivered messages are not archived.
    packing: Option<Packing>,
    cleanup: Cleanup,
    /// How full `dead` was by the last log line about it.
    logged_fill: DeadFill,
}

impl KeeperWork {
    fn run(mut self, finish_requests: &Receiver<()>) {
        // On Linux this changes this thread only. Where it is refused, the keeper has the priority of the other
        // threads.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, NICENESS);
        loop {
            self.log_dead_fill();
            match finish_requests.recv_timeout(self.settings.interval) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(()) => {
                    self.pack(true);
                    self.cleanup.run();
                    return;
                }
            }
            if let Err(error) = self.status.dead.count_when_due(&self.layout, &self.stop) {
                log_spool_failure(&error);
            }
            self.pack(false);
            self.cleanup.run_when_due();
        }
    }

    fn pack(&mut self, all: bool) {
        if let Some(packing) = &mut self.packing {
            packing.pack(all);
        }
    }

    /// Logs when claiming stops because `dead` is full, and when it goes on.
    fn log_dead_fill(&mut self) {
        let fill = self.status.dead.fill();
        let dead_bytes = self.status.dead.bytes();
        if fill == self.logged_fill {
            return;
        }
        match fill {
            DeadFill::Full => tracing::error!(
                dead_bytes,
                "claiming has stopped: dead/ holds as much as dead_max_bytes allows; retry or drop some: irispool dead list"
            ),
            DeadFill::NearlyFull => {
                tracing::warn!(dead_bytes, "dead/ is nearly full: claiming stops at dead_max_bytes");
            }
            DeadFill::Low => tracing::info!(dead_bytes, "there is room in dead/ again"),
        }
        self.logged_fill = fill;
    }
}
