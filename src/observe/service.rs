//! Tells systemd by `sd_notify(3)` that the worker is ready, stops, or is still alive. Without systemd it does nothing.

use std::ffi::OsStr;
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use super::plain;

/// The service manager of this process.
#[derive(Debug)]
pub(crate) struct Service {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often to tell the watchdog that the worker is alive: half of the time that it allows.
    watchdog: Option<Duration>,
    last_beat: Option<Instant>,
    /// The last status that was sent.
    status: String,
}

impl Service {
    /// Reads the environment. `WATCHDOG_PID` may say that the watchdog is meant for another process.
    pub(crate) fn of_environment() -> Service {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|path| {
            let address = match path.as_bytes() {
                #[cfg(target_os = "linux")]
                [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
                path => SocketAddr::from_pathname(OsStr::from_bytes(path)),
            };
            let socket = UnixDatagram::unbound().ok()?;
            // A service manager that does not read for a while must not block the thread that reports on the worker.
            socket.set_nonblocking(true).ok()?;
            Some((socket, address.ok()?))
        });
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| for_us).map(|us| Duration::from_micros(us) / 2);
        Service { socket, watchdog, last_beat: None, status: String::new() }
    }

    /// The worker takes messages, or waits for its warehouse. Returns false if the message could not be sent; call
    /// again.
    pub(crate) fn ready(&self) -> bool {
        self.tell("READY=1")
    }

    /// Sets the line `Status:` of `systemctl status`.
    pub(crate) fn status(&mut self, status: String) {
        if status != self.status && self.tell(&format!("STATUS={}", plain(&status))) {
            self.status = status;
        }
    }

    /// The worker was asked to stop. Returns false as [`Self::ready`] does.
    pub(crate) fn stopping(&self) -> bool {
        self.tell("STOPPING=1")
    }

    /// Call this often while the worker is well: it tells the watchdog as often as needed.
    pub(crate) fn well(&mut self) {
        let due = self.watchdog.is_some_and(|every| self.last_beat.is_none_or(|at| at.elapsed() >= every));
        if due && self.tell("WATCHDOG=1") {
            self.last_beat = Some(Instant::now());
        }
    }

    /// Ignores a missing service manager. Returns false if its queue is full.
    fn tell(&self, state: &str) -> bool {
        self.socket.as_ref().is_none_or(|(socket, address)| {
            let sent = socket.send_to_addr(state.as_bytes(), address);
            !sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        })
    }
}
