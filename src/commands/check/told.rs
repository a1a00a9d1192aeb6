//! Who is told of what goes on: alerts, the log file, the PID file. Nothing is sent and nothing is written.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD};

use super::{Line, bad, good, warning};
use crate::config::{Config, Secret};

/// For the look-up of a name, and again for the connection.
const PATIENCE: Duration = Duration::from_secs(5);

const TRY: &str = "irispool status --alert-test sends a test";

/// A line for each that is configured.
pub(super) fn check(config: &Config) -> Vec<Line> {
    let lines = [
        config.alert_webhook.as_ref().map(|url| of_url("alert webhook", url)),
        config.alert_command.as_ref().map(of_command),
        config.heartbeat_url.as_ref().map(|url| of_url("heartbeat", url)),
        config.log_file.as_deref().map(|path| of_file("log file", path)),
        config.pid_file.as_deref().map(|path| of_file("pid file", path)),
    ];
    lines.into_iter().flatten().collect()
}

/// Whether its server can be reached. The host is named, the rest is a secret.
fn of_url(check: &'static str, url: &Secret) -> Line {
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

/// Whether the shell understands it; it is not run.
fn of_command(text: &Secret) -> Line {
    let mut shell = Command::new("sh");
    shell.args(["-n", "-c", "--", text.expose()]);
    match shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => good("alert command", format!("sh understands it; {TRY}")),
        Ok(_) => bad("alert command", "sh does not understand it", "try it in a shell: sh -n -c '…'"),
        Err(error) => bad("alert command", format!("cannot start sh: {error}"), "is there a shell on PATH?"),
    }
}

fn of_file(check: &'static str, path: &Path) -> Line {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let may = |path: &Path, what| rustix::fs::accessat(CWD, path, what, AtFlags::EACCESS);
    let hint = "make the folder, give this user the right to, or choose another place";
    if let Err(error) = may(folder, Access::WRITE_OK | Access::EXEC_OK) {
        let what = format!("this user may not make files in {}: {error}", folder.display());
        return if check == "log file" { warning(check, what, hint) } else { bad(check, what, hint) };
    }
    if path.is_dir() {
        return bad(check, format!("{} is a folder", path.display()), "name a file in it");
    }
    match may(path, Access::WRITE_OK) {
        Err(error) if path.exists() => {
            let what = format!("this user may not write {}: {error}", path.display());
            bad(check, what, "give this user the right to, or remove the file")
        }
        _ => good(check, format!("{} can be written", path.display())),
    }
}
