//! Checks what a worker sends, writes and serves besides rows: alerts, the log file, the PID file, and HTTP. It sends
//! and writes nothing.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::Access;

use super::super::folder_of::folder_of;
use super::access::{MAKE_FILES, STICKY, may};
use super::line::{CheckLine, CheckOutcome, bad, good, warning};
use crate::config::{Config, Secret};
use crate::health::WorkerStatus;
use crate::paste;
use crate::spool::{Layout, inspect};

/// The timeout for looking up a name, and again for connecting.
const PATIENCE: Duration = Duration::from_secs(5);

const TRY: &str = "irispool status --alert-test sends a test";

/// A line for each output that is configured.
pub(super) fn check(config: &Config) -> Vec<CheckLine> {
    let lines = [
        config.alert_webhook.as_ref().map(|url| of_url("alert webhook", url)),
        config.alert_command.as_ref().map(of_command),
        config.heartbeat_url.as_ref().map(|url| of_url("heartbeat", url)),
        config.log_file.as_deref().map(of_log_file),
        config.pid_file.as_deref().map(|path| of_file("pid file", path)),
        config.listen.map(|address| of_address(config, address)),
    ];
    lines.into_iter().flatten().collect()
}

/// Whether the server can be reached. The line names the host only, as the rest of the address is a secret.
fn of_url(check: &'static str, url: &Secret) -> CheckLine {
    if ureq::Proxy::try_from_env().is_some() {
        return good(check, format!("it uses a proxy, which is not tested here; {TRY}"));
    }
    let parts = url.expose().parse::<ureq::http::Uri>().unwrap_or_default();
    let host = parts.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = parts.port_u16().unwrap_or(if parts.scheme_str() == Some("http") { 80 } else { 443 });
    match connect(host.clone(), port) {
        Ok(()) => good(check, format!("{host} accepts connections; {TRY}")),
        Err(why) => bad(
            check,
            format!("{host}, port {port}, cannot be reached: {why}"),
            "check the address, and that the firewall allows the connection",
        ),
    }
}

/// Connects within [`PATIENCE`]. The look-up needs a thread, because the system's has no timeout.
fn connect(host: String, port: u16) -> Result<(), String> {
    let (sender, receiver) = mpsc::channel();
    let lookup = move || drop(sender.send((host.as_str(), port).to_socket_addrs().map(Iterator::collect)));
    thread::Builder::new().name("lookup".to_owned()).spawn(lookup).map_err(|error| error.to_string())?;
    let found: Vec<_> = receiver
        .recv_timeout(PATIENCE)
        .map_err(|_| "the look-up of its name timed out".to_owned())?
        .map_err(|error| error.to_string())?;
    let mut why = "its name has no address".to_owned();
    for address in found {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// Whether the shell understands the command; it is not run. The command may hold a secret, so it goes to stdin: every
/// user can read arguments.
fn of_command(text: &Secret) -> CheckLine {
    let mut shell = Command::new("sh");
    shell.arg("-n").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let understood = shell.spawn().and_then(|mut shell| {
        if let Some(mut stdin) = shell.stdin.take() {
            // The write fails if the shell stops reading at a mistake.
            let _ = stdin.write_all(text.expose().as_bytes());
        }
        shell.wait()
    });
    match understood {
        Ok(status) if status.success() => good("alert command", format!("sh understands it; {TRY}")),
        Ok(_) => bad("alert command", "sh does not understand it", "try it in a shell: sh -n -c '…'"),
        Err(error) => {
            bad("alert command", format!("cannot start sh: {error}"), "check that sh is on the PATH")
        }
    }
}

/// A log file that cannot be written is only a warning, because it does not stop deliveries.
fn of_log_file(path: &Path) -> CheckLine {
    let line = of_file("log file", path);
    if line.verdict != CheckOutcome::Good {
        return CheckLine { verdict: CheckOutcome::Warning, ..line };
    }
    // In a sticky folder like /tmp, only the owner of the file or the folder may rename a file.
    let Ok((file, folder)) = path.metadata().and_then(|file| Ok((file, folder_of(path).metadata()?))) else {
        return line;
    };
    let me = rustix::process::geteuid();
    let is_stuck = folder.mode() & STICKY != 0 && ![file.uid(), folder.uid()].contains(&me.as_raw());
    if is_stuck && !me.is_root() {
        let what = format!("{} can be written but not rotated: it will grow", path.display());
        return warning("log file", what, format!("chown {} {}", me.as_raw(), paste::path(path)));
    }
    line
}

fn of_file(check: &'static str, path: &Path) -> CheckLine {
    let hint = "create the folder, give this user write access, or choose another path";
    let folder = folder_of(path);
    let in_folder = may(folder, MAKE_FILES);
    if path.is_dir() {
        return bad(check, format!("{} is a folder", path.display()), "choose a file in it");
    }
    match (in_folder, may(path, Access::WRITE_OK)) {
        (_, Err(error)) if path.exists() => {
            let what = format!("this user may not write {}: {error}", path.display());
            bad(check, what, "give this user write access, or delete the file")
        }
        (Err(error), Ok(())) => {
            let what = format!(
                "{} can be written, but this user may not rotate or delete it: {error}",
                path.display()
            );
            bad(check, what, hint)
        }
        (Err(error), Err(_)) => {
            let what = format!("this user may not create files in {}: {error}", folder.display());
            bad(check, what, hint)
        }
        (Ok(()), _) => good(check, format!("{} can be written", path.display())),
    }
}

/// Binds the address for a moment, and answers nobody.
fn of_address(config: &Config, address: SocketAddr) -> CheckLine {
    let error = match TcpListener::bind(address) {
        Ok(_) => return good("listen", format!("{address} is free")),
        Err(error) => error,
    };
    let what = format!("cannot listen on {address}: {error}");
    if error.kind() != io::ErrorKind::AddrInUse {
        return bad("listen", what, "choose an address of this machine; ports under 1024 need root");
    }
    let workers = inspect(&Layout::at(&config.spool)).unwrap_or_default().workers;
    let is_ours = workers.iter().filter(|worker| worker.alive).any(|worker| {
        WorkerStatus::read(&worker.published).and_then(|status| status.listen) == Some(address.to_string())
    });
    if is_ours {
        return warning(
            "listen",
            format!("a worker of this spool already listens on {address}"),
            "each worker needs its own port",
        );
    }
    bad("listen", what, "another program uses it: choose another port")
}
