//! What systemd is told by `sd_notify(3)`: ready, stopping, and that the worker still goes its rounds. Without systemd
//! nothing happens.

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
    /// How often it wants to hear of us; half of what it allows.
    watchdog: Option<Duration>,
    last_beat: Option<Instant>,
    /// What it was told last of how things are.
    status: String,
}

impl Service {
    /// As the environment says. `WATCHDOG_PID` may say that the watchdog is meant for another process.
    pub(crate) fn of_environment() -> Service {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|path| {
            let address = match path.as_bytes() {
                #[cfg(target_os = "linux")]
                [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
                path => SocketAddr::from_pathname(OsStr::from_bytes(path)),
            };
            let socket = UnixDatagram::unbound().ok()?;
            // A manager that does not read for a while may not hold up what else is told of this worker.
            socket.set_nonblocking(true).ok()?;
            Some((socket, address.ok()?))
        });
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| for_us).map(|us| Duration::from_micros(us) / 2);
        Service { socket, watchdog, last_beat: None, status: String::new() }
    }

    /// It takes messages now, or waits for its warehouse to. False: it could not be told yet, and is to be told again.
    pub(crate) fn ready(&self) -> bool {
        self.tell("READY=1")
    }

    /// How things are, for the line `Status:` of `systemctl status`.
    pub(crate) fn status(&mut self, status: String) {
        if status != self.status && self.tell(&format!("STATUS={}", plain(&status))) {
            self.status = status;
        }
    }

    /// It was asked to stop, and does. False: as with `ready`.
    pub(crate) fn stopping(&self) -> bool {
        self.tell("STOPPING=1")
    }

    /// To be called often while the worker is well: passes it on as often as the watchdog wants to hear it.
    pub(crate) fn well(&mut self) {
        let due = self.watchdog.is_some_and(|every| self.last_beat.is_none_or(|at| at.elapsed() >= every));
        if due && self.tell("WATCHDOG=1") {
            self.last_beat = Some(Instant::now());
        }
    }

    /// A service manager that is not there is not worth an error. False: it has as much unread as it can take.
    fn tell(&self, state: &str) -> bool {
        self.socket.as_ref().is_none_or(|(socket, address)| {
            let sent = socket.send_to_addr(state.as_bytes(), address);
            !sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        })
    }
}
