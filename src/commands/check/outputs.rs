//! Who is told of what goes on: alerts, the log file, the PID file, whoever asks over HTTP. Nothing is sent and nothing is
//! written.

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
use crate::health::News;
use crate::paste;
use crate::spool::{Layout, inspect};

/// For the look-up of a name, and again for the connection.
const PATIENCE: Duration = Duration::from_secs(5);

const TRY: &str = "irispool status --alert-test sends a test";

/// A line for each that is configured.
pub(super) fn check(config: &Config) -> Vec<CheckLine> {
    let lines = [
        config.alert_webhook.as_ref().map(|url| of_url("alert webhook", url)),
        config.alert_command.as_ref().map(of_command),
        config.heartbeat_url.as_ref().map(|url| of_url("heartbeat", url)),
        config.log_file.as_deref().map(of_log_file),
        config.pid_file.as_deref().map(|path| of_file("pid file", path)),
        config.listen.0.map(|address| of_address(config, address)),
    ];
    lines.into_iter().flatten().collect()
}

/// Whether its server can be reached. The host is named, the rest is a secret.
fn of_url(check: &'static str, url: &Secret) -> CheckLine {
    if ureq::Proxy::try_from_env().is_some() {
        return good(check, format!("it goes by a proxy, which is not tried here; {TRY}"));
    }
    let parts = url.expose().parse::<ureq::http::Uri>().unwrap_or_default();
    let host = parts.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = parts.port_u16().unwrap_or(if parts.scheme_str() == Some("http") { 80 } else { 443 });
    match connect(host.clone(), port) {
        Ok(()) => good(check, format!("{host} takes connections; {TRY}")),
        Err(why) => bad(
            check,
            format!("{host}, port {port}, can't be reached: {why}"),
            "is the address right, and may this machine connect to it?",
        ),
    }
}

/// The system's look-up of a name has no limit of its own.
fn connect(host: String, port: u16) -> Result<(), String> {
    let (sender, receiver) = mpsc::channel();
    let lookup = move || drop(sender.send((host.as_str(), port).to_socket_addrs().map(Iterator::collect)));
    thread::Builder::new().name("lookup".to_owned()).spawn(lookup).map_err(|error| error.to_string())?;
    let found: Vec<_> = receiver
        .recv_timeout(PATIENCE)
        .map_err(|_| "no answer to the look-up of its name".to_owned())?
        .map_err(|error| error.to_string())?;
    let mut why = "it has no address".to_owned();
    for address in found {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// Whether the shell understands it; it is not run. It is a secret, so it is no argument, which everybody may read.
fn of_command(text: &Secret) -> CheckLine {
    let mut shell = Command::new("sh");
    shell.arg("-n").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let understood = shell.spawn().and_then(|mut shell| {
        if let Some(mut stdin) = shell.stdin.take() {
            // A shell that stops at a mistake does not read the rest.
            let _ = stdin.write_all(text.expose().as_bytes());
        }
        shell.wait()
    });
    match understood {
        Ok(status) if status.success() => good("alert command", format!("sh understands it; {TRY}")),
        Ok(_) => bad("alert command", "sh does not understand it", "try it in a shell: sh -n -c '…'"),
        Err(error) => bad("alert command", format!("cannot start sh: {error}"), "is there a shell on PATH?"),
    }
}

/// A log that can't be written holds nothing up.
fn of_log_file(path: &Path) -> CheckLine {
    let line = of_file("log file", path);
    if line.verdict != CheckOutcome::Good {
        return CheckLine { verdict: CheckOutcome::Warning, ..line };
    }
    // Of a folder like /tmp only a file's owner may take it away.
    let Ok((file, folder)) = path.metadata().and_then(|file| Ok((file, folder_of(path).metadata()?))) else {
        return line;
    };
    let me = rustix::process::geteuid();
    let is_stuck = folder.mode() & STICKY != 0 && ![file.uid(), folder.uid()].contains(&me.as_raw());
    if is_stuck && !me.is_root() {
        let what = format!("{} can be written but not put aside: it will grow", path.display());
        return warning("log file", what, format!("chown {} {}", me.as_raw(), paste::path(path)));
    }
    line
}

fn of_file(check: &'static str, path: &Path) -> CheckLine {
    let hint = "make the folder, give this user the right to, or choose another place";
    let folder = folder_of(path);
    let in_folder = may(folder, MAKE_FILES);
    if path.is_dir() {
        return bad(check, format!("{} is a folder", path.display()), "name a file in it");
    }
    match (in_folder, may(path, Access::WRITE_OK)) {
        (_, Err(error)) if path.exists() => {
            let what = format!("this user may not write {}: {error}", path.display());
            bad(check, what, "give this user the right to, or remove the file")
        }
        (Err(error), Ok(())) => {
            let what = format!(
                "{} can be written, but not put aside or removed: in its folder this user may not: {error}",
                path.display()
            );
            bad(check, what, hint)
        }
        (Err(error), Err(_)) => {
            let what = format!("this user may not make files in {}: {error}", folder.display());
            bad(check, what, hint)
        }
        (Ok(()), _) => good(check, format!("{} can be written", path.display())),
    }
}

/// It is taken for a moment, and nobody is answered.
fn of_address(config: &Config, address: SocketAddr) -> CheckLine {
    let error = match TcpListener::bind(address) {
        Ok(_) => return good("listen", format!("{address} is free")),
        Err(error) => error,
    };
    let what = format!("cannot listen on {address}: {error}");
    if error.kind() != io::ErrorKind::AddrInUse {
        return bad("listen", what, "name an address of this machine; ports under 1024 are for root");
    }
    let workers = inspect(&Layout::at(&config.spool)).unwrap_or_default().workers;
    let is_ours = workers.iter().filter(|worker| worker.alive).any(|worker| {
        News::read(&worker.published).and_then(|news| news.listen) == Some(address.to_string())
    });
    if is_ours {
        return warning(
            "listen",
            format!("{address} is a worker's of this spool"),
            "each worker needs its own port",
        );
    }
    bad("listen", what, "another program has it: choose another port")
}
